#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ^C during long work: a normal end, what was there before is intact, nothing half-written is left.
set -u
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/out"
echo old >"$dir/out/report.json"
for delay in 0.01 0.05 0.1 0.2; do
    "$program" report --target model:kvm -o "$dir/out" >/dev/null 2>&1 &
    pid=$!
    sleep $delay
    kill -INT $pid 2>/dev/null
    wait $pid
    code=$?
    [ $code -le 3 ] || { echo "after ${delay}s: exit $code"; exit 1; }
    head -c 1 "$dir/out/report.json" | grep -q '[o{]' || { echo "report.json is damaged"; exit 1; }
    tail -c 2 "$dir/out/report.json" | grep -q '[d}]' || { echo "report.json is cut off"; exit 1; }
    [ -z "$(find "$dir/out" -name 'report.*.??????')" ] || { echo "a temporary file is left"; exit 1; }
done
