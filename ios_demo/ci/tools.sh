#!/usr/bin/env bash
# Fetches what the checks of ios_demo need into build/tools/ios, pinned and hashed, by package name:
# a Debian trixie folder with Swift (run with swift.sh beside this file), SwiftLint, a parser of project files.
# Needs root (mmdebstrap unpacks as root; swift.sh makes a private mount namespace).
# A finished set-up is kept until this file changes.
set -euo pipefail

SWIFT_VERSION="6.0.3-2"
SWIFT_SHA256="be005017c07f0932564c48761f7f69d2f4e942d514e106932913ca8cf594c4a1"
SWIFTLINT="@expo/swiftlint@0.57.1"
SWIFTLINT_SHA256="1d448d6e74678503868e3da732468a5adfd68735e518961660fa72645373840b"
# Reads Xcode's project file.
OPENSTEP="openstep-parser==2.0.3 --hash=sha256:f219954501e92ced2d3589781201786a930e9a8738128f193b4a425bbee517be"

here="$(cd "$(dirname "$0")" && pwd)"
tools="${FBDEPLOY_TOOLS:-$here/../../build/tools}/ios"
mkdir -p "$tools"
tools="$(cd "$tools" && pwd)"
stamp="$(sha256sum "$0" | cut -d' ' -f1)"
[ "$(cat "$tools/stamp" 2>/dev/null)" = "$stamp" ] && { echo "ios tools: cached in $tools"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "ios tools: root is needed to unpack Debian packages"; exit 1; }

rm -rf "$tools"
mkdir -p "$tools"
missing=()
for tool in mmdebstrap npm; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ "${#missing[@]}" != 0 ]; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$tools/apt.log" 2>&1
fi

# The mirror this machine already uses: no registry is named here.
mirror="$(apt-get indextargets --format '$(REPO_URI)' | grep -v -- -security | head -1)"
root="$tools/swift"
nice -n 10 mmdebstrap --quiet --variant=extract --skip=cleanup/apt/lists \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --include="swiftlang=$SWIFT_VERSION,dash,coreutils,libc-bin,libc6-dev,libstdc++-14-dev,binutils" \
    trixie "$root" "$mirror" 2>&1 | sed -E 's#https?://[^ ]*#MIRROR#g' >"$tools/mmdebstrap.log"
# apt has checked every package against the archive's signed index; the index must name our hash.
found="$(cat "$root"/var/lib/apt/lists/*_Packages |
    awk -v RS= '/^Package: swiftlang\n/' | sed -n 's/^SHA256: //p')"
[ "$found" = "$SWIFT_SHA256" ] || { echo "swiftlang: SHA-256 $found is not the pinned one"; exit 1; }
rm -rf "$root/var/lib/apt/lists" "$root/usr/share/doc"
mkdir -p "$root/proc" "$root/src" "$root/tmp"
# Debugger and documentation tools: half of the toolchain, and nothing here runs them.
rm -f "$root"/usr/libexec/swift/bin/{lldb*,docc,clangd,sourcekit-lsp,repl_swift,swift-api-*,wasm-ld}

cd "$tools"
tarball="$(npm pack --silent "$SWIFTLINT")"
echo "$SWIFTLINT_SHA256  $tarball" | sha256sum --check --quiet
tar xzf "$tarball" package/bin/linux-x64/swiftlint --strip-components=3
rm "$tarball"
# It loads Swift's own libraries, so it lives and runs beside them.
install -m 755 swiftlint "$root/usr/bin/swiftlint"
rm swiftlint

echo "$OPENSTEP" >requirements.txt
"${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    --target python -r requirements.txt

echo "$stamp" >stamp
echo "ios tools: ready in $tools ($(du -sh . | cut -f1))"
