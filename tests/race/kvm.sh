#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kvm.sh PROGRAM: the vCPUs of one machine at once under the running kernel's KVM. What it gets wrong is told, never waited
# for: a vCPU that traps for ever is fetched by the timer. 77 where there is no /dev/kvm.
set -u
program=$1
rounds=0
for other in same store restore create protect remap; do
    out=$(timeout 100 "$program" race --target kvm --rounds 40 --other $other 2>&1)
    code=$?
    case $code in
    0) ;;
    1) grep -q "RACE-[A-Z]* .*" <<<"$out" && grep -q "trapspec race --target kvm .* --other $other" <<<"$out" ||
        { echo "$other: a finding without its rule or command: $out"; exit 1; } ;;
    77) echo "$out"; exit 77 ;;
    *) echo "$other: exit $code: $out"; exit 1 ;;
    esac
    grep -q "rounds of real threads" <<<"$out" || { echo "$other: $out"; exit 1; }
    rounds=$((rounds + 1))
    tail -n 1 <<<"$out"
done
[ "$rounds" -eq 6 ] || exit 1
"$program" race --target kvm --rounds 2 --other store --json | grep -v '^{"property":"RACE-' && exit 1
"$program" race --target kvm --other interrupt 2>/dev/null
[ $? -eq 2 ] || { echo "an interrupt is no case of real threads"; exit 1; }
