#!/usr/bin/env bash
# From an empty folder to a plugin that ran, in five commands: new, build, check, run, sign.
#
#   HOSTLER=target/release/hostler examples/first-plugin.sh rust driver
#
# The language is rust, python or js; the world is driver (the default) or policy. The project stays in FOLDER (by default a
# new one below /tmp), and its build needs the language's tools.
set -euo pipefail

language=${1:?the language is missing: rust, python or js}
world=${2:-driver}
program=$(realpath "${HOSTLER:-target/debug/hostler}")
folder=${FOLDER:-$(mktemp -d)}
name=first-$language-$world
start=$SECONDS

# A key as an author has one.
[ -e "$folder/key" ] || ssh-keygen -q -t ed25519 -N '' -C author -f "$folder/key"

hostler() {
    echo "== hostler plugin $*"
    "$program" plugin "$@" </dev/null
}

cd "$folder"
hostler new "$name" --lang "$language" --world "$world"
cd "$name"
hostler build
hostler check
hostler run
hostler sign --key ../key
[ -s "$name.wasm" ] && [ -s "$name.wasm.sig" ]
echo "== $folder/$name: $((SECONDS - start)) s"
