#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The gate before a change lands: format, layers, commits, table lint, tests (debug and ASan+UBSan), clang-tidy, ten
# seconds of each harness. --quick leaves out tidy and fuzzing; --rebase rewrites tests/golden and shows the diff.
set -u
cd "$(dirname "$0")/.." || exit 2
. ci/install.sh
quick=0 rebase=0
for a in "$@"; do
    case $a in
    --quick) quick=1 ;;
    --rebase) rebase=1 ;;
    *) echo "usage: ci/check.sh [--quick] [--rebase]" >&2; exit 2 ;;
    esac
done
failed=()
step() {
    local name=$1
    shift
    echo "== $name"
    "$@" || failed+=("$name")
}
need clang-format clang-tidy "${build_packages[@]}" || exit 77
files() { git ls-files '*.c' '*.h'; }
check_format() { files | xargs clang-format --dry-run -Werror; }
# What this build compiles: a file for another architecture has no flags here.
tidy_files() {
    sed -n "s|^ *\"file\": \"$PWD/\(.*\.c\)\",*\$|\1|p" build/debug/compile_commands.json | sort -u |
        grep -vE '^(corpora/guests|tests/bench|build)/'
}
check_tidy() {
    # Options of GCC that clang would refuse.
    mkdir -p build/tidy
    sed 's/ -mmem[a-z]*-strategy=[^ "]*//g' build/debug/compile_commands.json >build/tidy/compile_commands.json
    tidy_files | xargs -P "$(nproc)" -n 4 clang-tidy -p build/tidy --quiet
}
fuzz_all() {
    cmake --preset libfuzzer -G Ninja >/dev/null && cmake --build --preset libfuzzer -- --quiet || return 1
    local h out
    for h in build/libfuzzer/bin/fz_*; do
        [ -x "$h" ] && [ "${h%.dict}" = "$h" ] || continue
        out=$(mktemp -d)
        "$h" -max_total_time=10 -entropic=0 -artifact_prefix="$out/" "$out" "build/libfuzzer/seeds/$(basename "$h")" \
            >"$out/.log" 2>&1 || { tail -n 30 "$out/.log"; rm -rf "$out"; return 1; }
        tail -n 1 "$out/.log"
        rm -rf "$out"
    done
}
step format check_format
step layers ci/check_layers.sh
step commits ci/check_commits.sh
if [ $rebase -eq 1 ]; then
    step rebase tests/golden/run.sh --rebase build/debug/bin/trapspec
    git --no-pager diff --stat -- tests/golden
fi
step tests ci/test.sh
step tables build/debug/bin/trapspec spec lint spec/tables
if [ $quick -eq 0 ]; then
    step tidy check_tidy
    step fuzz fuzz_all
fi
if [ ${#failed[@]} -gt 0 ]; then
    echo "FAILED: ${failed[*]}"
    exit 1
fi
echo "check: all passed"
