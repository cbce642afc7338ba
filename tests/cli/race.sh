#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# race.sh PROGRAM: what race writes, replay finds again; the right protocol has nothing to write.
set -u
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 2
"$program" race --protocol kvm@linux-6.1 --other store --json --html page.html >lines.json
[ $? -eq 1 ] || { echo "a broken rule is no exit code 1"; exit 1; }
[ "$(grep -c '"property"' lines.json)" -ge 3 ] || { cat lines.json; exit 1; }
grep -q RACE-LOST page.html || { echo "the page does not name the rule"; exit 1; }
for f in race-out/*.tst; do
    rule=RACE-${f##*RACE-}
    out=$("$program" replay "$f")
    [ $? -eq 1 ] && grep -q "${rule%.tst}" <<<"$out" || { echo "$f: $out"; exit 1; }
done
rm -rf race-out
"$program" race --protocol text-poke --other store >/dev/null || { echo "text-poke breaks a rule"; exit 1; }
[ ! -e race-out ] || { echo "something was written"; exit 1; }
"$program" race --other nobody 2>/dev/null
[ $? -eq 2 ] || { echo "a wrong value is no exit code 2"; exit 1; }
