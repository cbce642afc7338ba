#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# race.sh TRAPSPEC CC SOURCE: `race` on a plug-in that takes micro-steps. It finds what it finds of the model, each schedule
# replays on the plug-in, and what is wrong with one is told, whether of its rewrites or of itself.
set -u
trapspec=$1 cc=$2 source=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
"$cc" -std=c11 -O1 -w -shared -fPIC -I"$source/include" -o steps.so "$source/tests/plugin/steps.c" || exit 1
race() {
    out=$("$trapspec" race --json -o out "$@" 2>err </dev/null)
    code=$?
}
fail() {
    echo "$1: exit $code: $out $(cat err)" >&2
    exit 1
}
properties() { sed 's/.*"property":"\([^"]*\)".*/\1/' <<<"$1" | sort; }
replays() {
    while read -r line; do
        rule=$(sed 's/.*"property":"\([^"]*\)".*/\1/' <<<"$line")
        command=$(sed 's/.*"replay":"\([^"]*\)".*/\1/' <<<"$line")
        shown=$(eval "${command/#trapspec/$trapspec}" </dev/null 2>&1)
        [ $? -eq 1 ] && grep -q "$rule" <<<"${shown/-$rule.tst/}" || { echo "$command: $shown" >&2; return 1; }
    done <<<"$out"
}
# As the model: in a process of its own and in ours, one bad protocol and the right one.
for other in store copy migrate; do
    race --other $other
    model=$(properties "$out")
    for more in "" --in-process; do
        race --other $other --target plugin:./steps.so $more
        [ "$code" -eq 1 ] && [ "$(properties "$out")" = "$model" ] || fail "--other $other $more, not $model"
        replays || exit 1
    done
    race --other $other --target plugin:./steps.so --protocol text-poke --in-process
    [ "$code" -eq 0 ] && [ -z "$out" ] || fail "text-poke, --other $other"
done
race --vcpus 3 --preempt 2 --target plugin:./steps.so --protocol text-poke --in-process
[ "$code" -eq 0 ] || fail "three vCPUs"
# A rewrite that is wrong, two ways.
race --other store --target plugin:./steps.so,no-hold --protocol text-poke
[ "$code" -eq 1 ] && grep -q RACE-COMPARE <<<"$out" || fail no-hold
replays || exit 1
race --target plugin:./steps.so,swaps --protocol text-poke
[ "$code" -eq 1 ] && grep -q RACE- <<<"$out" || fail swaps
replays || exit 1
# A plug-in that is wrong itself.
race --target plugin:./steps.so,dies
[ "$code" -eq 1 ] && grep -q '"property":"TGT-DIED".*signal 11' <<<"$out" || fail dies
replays || exit 1
race --target plugin:./steps.so,forgets
[ "$code" -eq 3 ] && grep -q "did not do the same again" err || fail forgets
race --target plugin:./steps.so,refuses
[ "$code" -eq 77 ] || fail refuses
race --all --jobs 1 --target plugin:./steps.so,refuses --in-process --protocol emulate
[ "$code" -eq 77 ] || fail "refuses --all"
"$cc" -std=c11 -O1 -w -shared -fPIC -I"$source/include" -o query.so "$source/examples/plugin-c/cpuid_only.c" || exit 1
race --target plugin:./query.so
[ "$code" -eq 77 ] && grep -q "cannot be stepped" err || fail "a plug-in without steps"
exit 0
