#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fuzz --cpu gives the starting inputs a recorded processor's leaves, those of other vendors and without a policy excepted.
# The engine is a script: the seeds are what is looked at.
set -u
program=$1
texts=$(realpath "$(dirname "$0")/../../corpora/text/fz_cpuid")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/build/bin" "$dir/seeds"
cat >"$dir/build/bin/fz_cpuid" <<'END'
#!/bin/sh
printf '%s\n' "$@" >"$(dirname "$0")/arguments"
echo "stat::number_of_executed_units: 1"
sleep 1
END
chmod +x "$dir/build/bin/fz_cpuid"
cp "$texts/leaf-7-1.tst" "$texts/policy-none.tst" "$dir/seeds"
printf 'trapspec scenario 1\nhost amd\npolicy amd\ncode 0fa2f4\n' >"$dir/seeds/amd.tst"

"$program" fuzz fz_cpuid --cpu bochs-corei7-icelake-u --time 1 --build "$dir/build" --seeds "$dir/seeds" -o "$dir/out" \
    >"$dir/print" 2>&1 || { cat "$dir/print"; exit 1; }
made=$dir/out/libfuzzer/seeds/fz_cpuid-bochs-corei7-icelake-u
grep -qx "$made" "$dir/build/bin/arguments" || { echo "the engine did not get the seeds"; exit 1; }
text() { "$program" replay --text "$1"; }
# Ice Lake's signature, under "policy none": the input stands for itself.
text "$made/leaf-7-1.tst" >"$dir/got" || exit 1
grep -q '^policy none$' "$dir/got" || { echo "a base policy is left"; cat "$dir/got"; exit 1; }
grep -qi '706e5' "$dir/got" || { echo "no leaf 1 of the processor"; cat "$dir/got"; exit 1; }
for name in policy-none amd; do
    cmp <(text "$made/$name.tst" | grep -v '^#') <(text "$dir/seeds/$name.tst" | grep -v '^#') || exit 1
done
"$program" replay "$made" >"$dir/print" || { cat "$dir/print"; exit 1; }

"$program" fuzz fz_cpuid --cpu nobody --build "$dir/build" --seeds "$dir/seeds" -o "$dir/no" >/dev/null 2>&1
[ $? -eq 2 ] || { echo "an unknown processor is not refused"; exit 1; }
"$program" fuzz fz_judge --cpu bochs-ryzen --build "$dir/build" --seeds "$dir/seeds" -o "$dir/no" >/dev/null 2>&1
[ $? -eq 2 ] || { echo "a harness without a machine takes --cpu"; exit 1; }
[ ! -e "$dir/no" ] || { echo "something was written for a refused campaign"; exit 1; }
