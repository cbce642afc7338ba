#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every recording of corpora/dumps is read, is small, is built into the program, and lints clean but for what its
# findings.csv lists with a reason; a line of that list which nothing needs any more fails as well.
set -u
program=$1
dir=$(cd "$(dirname "$0")/../../corpora/dumps" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
ls "$dir"/*.txt >"$work/files"
[ "$(wc -l <"$work/files")" -ge 40 ] || { echo "fewer than 40 recordings"; bad=1; }
[ "$(cat "$dir"/*.txt | wc -c)" -lt 1000000 ] || { echo "over 1 MB"; bad=1; }
sed 's|.*/||; s|\.txt$||' "$work/files" >"$work/names"
"$program" cpuid --list | diff "$work/names" - || bad=1
while read -r name; do
    "$program" cpuid --cpu "$name" -o "$work/policy" || bad=1
    [ "$(wc -l <"$work/policy")" -le 160 ] || { echo "$name: too many leaves for a policy"; bad=1; }
done <"$work/names"

"$program" lint --json "$dir"/*.txt >"$work/json"
[ $? -le 1 ] || exit 1
sed -n 's|^{"kind":"finding","file":"[^"]*/\([^"/]*\)\.txt".*"leaf":"\([^"]*\)","subleaf":"\([^"]*\)","register":"\([^"]*\)".*|\1 \2.\3 \4|p' \
    "$work/json" | sort -u >"$work/found"
[ "$(grep -c '"kind":"finding"' "$work/json")" -eq 0 ] || [ -s "$work/found" ] || { echo "findings cannot be read"; exit 1; }
grep -v '^#' "$dir/findings.csv" | tr -d ' ' | cut -d, -f1-3 >"$work/listed"
: >"$work/used"
while read -r name place reg; do
    ok=
    while IFS=, read -r pattern at r; do
        # shellcheck disable=SC2053
        if [[ $name == $pattern && $place == "$at" && ($r == '*' || $r == "$reg") ]]; then
            ok=yes
            echo "$pattern,$at,$r" >>"$work/used"
        fi
    done <"$work/listed"
    [ "$ok" ] || { echo "$name: finding at $place $reg is not in findings.csv"; bad=1; }
done <"$work/found"
sort -u "$work/used" -o "$work/used"
if sort -u "$work/listed" | comm -23 - "$work/used" | grep .; then
    echo "lines of findings.csv that nothing needs"
    bad=1
fi
exit $bad
