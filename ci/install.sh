#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sourced by the other scripts: need PACKAGE... installs what is missing on Debian, or prints the line that would.
need() {
    local missing=()
    local p
    for p in "$@"; do
        dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "missing packages: sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
        return 1
    fi
    echo "installing: ${missing[*]}"
    apt-get update -qq >/dev/null &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
build_packages=(cmake ninja-build gcc libc6-dev pkg-config libcapstone-dev libjansson-dev libelf-dev
                libfdt-dev libcmocka-dev)
fuzz_packages=(clang llvm libclang-rt-14-dev afl++)
# What the AArch64 guests and the clang sanitizer builds need.
guest_packages=(gcc-aarch64-linux-gnu)
