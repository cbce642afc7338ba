#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A report that cannot be written whole leaves the old one as it was, says so in one line and exits with 3. The size limit
# of the shell stands for a full disk.
set -u
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/out/findings"
echo old >"$dir/out/report.json"
echo old >"$dir/out/report.html"
"$program" cpuid --hv kvm -o "$dir/dump.txt" || exit 1
(ulimit -f 4; "$program" report --target "dump:$dir/dump.txt" -o "$dir/out" >/dev/null 2>"$dir/err")
code=$?
[ $code -eq 3 ] || { echo "exit $code, expected 3"; exit 1; }
[ "$(cat "$dir/out/report.json")" = old ] || { echo "the old report is gone"; exit 1; }
[ "$(wc -l <"$dir/err")" -eq 1 ] || { echo "not one line:"; cat "$dir/err"; exit 1; }
grep -q "report.json" "$dir/err" || { echo "the file is not named:"; cat "$dir/err"; exit 1; }
left=$(find "$dir/out" -name 'report.*.??????' | wc -l)
[ "$left" -eq 0 ] || { echo "a temporary file is left behind"; exit 1; }
(ulimit -f 1; "$program" cpuid --hv kvm -o "$dir/dump.txt" 2>/dev/null)
[ $? -eq 3 ] || { echo "cpuid -o: expected 3"; exit 1; }
"$program" report --target "dump:$dir/dump.txt" >/dev/null || { echo "the old dump is gone"; exit 1; }
