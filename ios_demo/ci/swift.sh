#!/usr/bin/env bash
# swift.sh FOLDER COMMAND...: runs a command of the Swift toolchain with FOLDER as /src.
# The mounts live in a namespace of this process and vanish with it.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
root="${FBDEPLOY_TOOLS:-$here/../../build/tools}/ios/swift"
folder="$(cd "$1" && pwd)"
shift
# shellcheck disable=SC2016  # expanded by the inner shell
exec unshare --mount sh -c '
    root=$1; folder=$2; shift 2
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount --bind "$folder" "$root/src"
    exec chroot "$root" env -i HOME=/tmp LANG=C.UTF-8 \
        LD_LIBRARY_PATH=/usr/libexec/swift/lib/swift/linux \
        LINUX_SOURCEKIT_LIB_PATH=/usr/libexec/swift/lib FBDEPLOY_BUNDLE="${FBDEPLOY_BUNDLE_IN:-}" \
        PATH=/usr/libexec/swift/bin:/usr/bin:/bin sh -c "cd /src && exec \"\$@\"" sh "$@"
' sh "$root" "$folder" "$@"
