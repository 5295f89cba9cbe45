#!/usr/bin/env bash
# Fetches the runtimes that web pages use on our files into build/tools/web, pinned and hashed, by
# package name: onnxruntime-web and LiteRT.js, of each what one thread on a processor needs.
# A finished set-up is kept until this file changes.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
tools="${FBDEPLOY_TOOLS:-$here/../../build/tools}/web"
mkdir -p "$tools"
tools="$(cd "$tools" && pwd)"
stamp="$(sha256sum "$0" | cut -d' ' -f1)"
[ "$(cat "$tools/stamp" 2>/dev/null)" = "$stamp" ] && { echo "web tools: cached in $tools"; exit 0; }
if ! command -v npm >/dev/null; then
    [ "$(id -u)" = 0 ] || { echo "web tools: install npm first"; exit 1; }
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends npm >/dev/null
fi

rm -rf "$tools"
mkdir -p "$tools"
cd "$tools"

npm_package() { # FOLDER NAME SHA256 FILE...
    local folder="$1" file
    file="$(npm pack --silent "$2")"
    echo "$3  $file" | sha256sum --check --quiet
    mkdir "$folder"
    tar xzf "$file" -C "$folder" --strip-components=2 "${@:4}"
    rm "$file"
}

npm_package onnxruntime-web onnxruntime-web@1.30.0 \
    d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71 \
    package/dist/ort.wasm.bundle.min.mjs package/dist/ort-wasm-simd-threaded.wasm
npm_package litert @litertjs/core@2.5.3 \
    a97660833e9e7e1063c95e12016718881240b14f7438728a2f62785e912d30fd \
    package/dist/index.js package/wasm/litert_wasm_internal.js package/wasm/litert_wasm_internal.wasm
npm_package litert-wasm-utils @litertjs/wasm-utils@2.5.3 \
    ce2a1f8379c067be49e59752e5a7f40db6be09f6e497f0f11e59f17b515366a7 \
    package/dist/index.js

echo "$stamp" >stamp
echo "web tools: ready in $tools ($(du -sh . | cut -f1))"
