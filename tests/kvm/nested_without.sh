#!/bin/sh
# SPDX-License-Identifier: MIT
# nested_without.sh RUN: where QEMU is missing and cannot be installed, run.sh says so and exits 77.
set -u
run=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin"
for tool in sh sed dirname pwd uname id mkdir mktemp rm cmake ninja pkg-config cc gcc apt-cache; do
    at=$(command -v $tool) && ln -s "$at" "$dir/bin/$tool"
done
# Root would install what is missing: an apt-get that cannot.
printf '#!/bin/sh\nexit 100\n' >"$dir/bin/apt-get"
chmod +x "$dir/bin/apt-get"
for arch in x86_64 aarch64; do
    PATH=$dir/bin "$run" $arch >"$dir/out" 2>&1
    [ $? -eq 77 ] || { cat "$dir/out"; echo "$arch: not 77"; exit 1; }
    grep -q qemu-system "$dir/out" || { cat "$dir/out"; echo "$arch: does not say what is missing"; exit 1; }
done
exit 0
