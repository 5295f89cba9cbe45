#!/bin/sh
# Runs inside the Swift folder (see swift.sh) with ios_demo as /src: type-checks the app against
# the stubs, once without and once with ExecuTorch, warnings as errors.
set -eu
out=$(mktemp -d)
for module in $(cat ci/stubs/ORDER); do
    [ "$module" = ExecuTorch ] && continue
    swiftc -swift-version 5 -parse-as-library -emit-module -module-name "$module" -I "$out" \
        -emit-module-path "$out/$module.swiftmodule" "ci/stubs/$module.swift"
done
swiftc -swift-version 5 -parse-as-library -emit-module -module-name DemoCore \
    -emit-module-path "$out/DemoCore.swiftmodule" DemoCore/Sources/DemoCore/*.swift
check() {
    swiftc -swift-version 5 -strict-concurrency=complete -warnings-as-errors -typecheck \
        -parse-as-library -module-name Demo -I "$out" Demo/*.swift
}
check
swiftc -swift-version 5 -parse-as-library -emit-module -module-name ExecuTorch -I "$out" \
    -emit-module-path "$out/ExecuTorch.swiftmodule" ci/stubs/ExecuTorch.swift
check
rm -r "$out"
echo "the app type-checks, without and with ExecuTorch"
