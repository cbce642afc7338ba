#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same report twice gives the same bytes.
set -u
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for i in 1 2; do
    "$program" report --target model:kvm@linux-6.1 -o "$dir/$i" >"$dir/$i.txt"
    [ $? -le 1 ] || exit 1
done
diff -r "$dir/1" "$dir/2" || exit 1
[ -s "$dir/1/report.html" ] && [ -n "$(ls "$dir/1/findings")" ] || { echo "nothing was found or written"; exit 1; }
# Each finding's scenario shows the rule again when replayed.
bad=0
for f in "$dir"/1/findings/*.tst; do
    "$program" replay --target model:kvm@linux-6.1 "$f" >"$dir/replay.txt"
    [ $? -eq 1 ] || { echo "$(basename "$f") does not show again"; cat "$dir/replay.txt"; bad=1; }
done
exit $bad
