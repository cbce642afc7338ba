#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian's own programs read what is written: etallen's cpuid gives it back byte by byte, libcpuid's tool sees the
# same processor in it.
set -u
program=$1
command -v cpuid >/dev/null && command -v cpuid_tool >/dev/null || { echo "cpuid or cpuid_tool is not installed"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0
for vendor in intel amd; do
    "$program" cpuid --guest $vendor -o "$dir/raw" || exit 1
    cpuid -r -f "$dir/raw" >"$dir/again" || { echo "cpuid -f refuses it"; bad=1; }
    diff "$dir/raw" "$dir/again" || bad=1
    "$program" cpuid "$dir/raw" --format libcpuid -o "$dir/libcpuid" 2>/dev/null || exit 1
    cpuid_tool --load="$dir/libcpuid" --vendorstr --brandstr --family --model --flags >"$dir/seen" 2>&1 ||
        { echo "cpuid_tool --load refuses it"; bad=1; }
    case $vendor in intel) text=GenuineIntel ;; amd) text=AuthenticAMD ;; esac
    grep -q "^$text" "$dir/seen" || { cat "$dir/seen"; bad=1; }
    grep -q 'sse2' "$dir/seen" || { echo "no flags"; bad=1; }
    ! grep -qi 'not understood' "$dir/seen" || { cat "$dir/seen"; bad=1; }
    # And back: what it holds is part of what it was written from.
    "$program" cpuid "$dir/libcpuid" --format raw -o "$dir/part" || exit 1
    if grep -vxFf "$dir/raw" "$dir/part"; then echo "leaves changed on the way"; bad=1; fi
done
exit $bad
