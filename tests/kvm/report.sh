#!/bin/sh
# SPDX-License-Identifier: MIT
# report.sh PROGRAM RECORDING RULE...: the report on a recording names each rule as broken, once, says what the list of
# accepted deviations knows of it, and gives a scenario that shows it again on the model of that kernel.
set -u
program=$1
recording=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() {
    echo "$*"
    exit 1
}

"$program" report --target "golden:$recording" --no-known -o "$dir" >"$dir/out"
[ $? -eq 1 ] || fail "a recording of a shipped kernel has findings"
for rule in "$@"; do
    [ "$(grep -c "^FAIL  $rule " "$dir/out")" = 1 ] || fail "$rule is not named, or more than once"
    [ -s "$dir/findings/$rule.tst" ] || fail "$rule has no scenario"
    "$program" replay --target model:kvm@linux-6.1 --known none --verbose "$dir/findings/$rule.tst" >"$dir/again"
    grep -q "FAIL $rule " "$dir/again" || fail "$rule does not show again"
    grep -q "findings/$rule.tst" "$dir/report.html" || fail "the page does not say how to see $rule on a live KVM"
done
grep -q '"remark": *"' "$dir/report.json" || fail "no remark"
exit 0
