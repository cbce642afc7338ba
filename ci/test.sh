#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The whole test suite: layers, debug build, ASan and UBSan build, everything under ctest. Installs what is missing on
# Debian 12. Ends with ctest's own summary; exit 0 when all passed.
set -eu
cd "$(dirname "$0")/.."
. ci/install.sh
need "${build_packages[@]}" "${fuzz_packages[@]}" "${guest_packages[@]}"
jobs=$(nproc)

ci/check_layers.sh
cmake --preset debug -G Ninja >/dev/null
cmake --build --preset debug -j "$jobs" -- --quiet
cmake --preset asan -G Ninja >/dev/null
cmake --build --preset asan -j "$jobs" -- --quiet
# The optimised build sees warnings that the others do not.
cmake --preset release -G Ninja >/dev/null
cmake --build --preset release -j "$jobs" --target trapspec -- --quiet
status=0
echo "== ASan and UBSan"
ctest --test-dir build/asan -j "$jobs" --output-on-failure --no-tests=error >build/asan/ctest.log 2>&1 || status=1
grep -vE '^ *[0-9]+/[0-9]+ Test +#.* Passed|^ +Start +[0-9]+:' build/asan/ctest.log
echo "== debug"
ctest --test-dir build/debug -j "$jobs" --output-on-failure --no-tests=error || status=1
exit $status
