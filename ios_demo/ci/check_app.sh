#!/bin/sh
# Runs inside the Swift folder (see swift.sh) with ios_demo as /src: type-checks the app against
# the stubs, once without and once with ExecuTorch, and the benchmark of its preparation, in Swift 6 mode, warnings as errors.
# Whole modules at a time, or every file is a process of its own that reads all others.
set -eu
out=$(mktemp -d)
module() {
    mode=$1 name=$2
    shift 2
    swiftc -wmo -swift-version "$mode" -parse-as-library -emit-module -module-name "$name" -I "$out" \
        -emit-module-path "$out/$name.swiftmodule" "$@"
}
for name in $(cat ci/stubs/ORDER); do
    [ "$name" = ExecuTorch ] || module 5 "$name" "ci/stubs/$name"*.swift
done
module 6 DemoCore DemoCore/Sources/DemoCore/*.swift
check() {
    swiftc -wmo -swift-version 6 -warnings-as-errors -typecheck -parse-as-library -module-name Demo \
        -I "$out" Demo/*.swift
}
check
module 5 ExecuTorch ci/stubs/ExecuTorch.swift
check
swiftc -wmo -swift-version 6 -warnings-as-errors -typecheck -module-name PrepareBench -I "$out" \
    ci/bench/Sources/PrepareBench/main.swift
rm -r "$out"
echo "the app and its benchmark type-check, without and with ExecuTorch"
