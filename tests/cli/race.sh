#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# race.sh PROGRAM: what race writes, replay finds again; the right protocol has nothing to write.
set -u
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
here=$(dirname "$(readlink -f "$0")")
cd "$dir" || exit 2
"$program" race --protocol kvm@linux-6.1 --other store --json --html page.html >lines.json
[ $? -eq 1 ] || { echo "a broken rule is no exit code 1"; exit 1; }
[ "$(grep -c '"property"' lines.json)" -ge 3 ] || { cat lines.json; exit 1; }
grep -q RACE-LOST page.html || { echo "the page does not name the rule"; exit 1; }
for f in race-out/*.tst; do
    rule=RACE-${f##*RACE-}
    out=$("$program" replay "$f")
    [ $? -eq 1 ] && grep -q " ${rule%.tst}[:,]* *" <<<"${out/$f/}" || { echo "$f: $out"; exit 1; }
done
# Each line: what it says is what its command shows; a path that a shell would take apart is quoted.
out_dir="a dir's \$x"
"$program" race --protocol kvm@linux-6.1 --other store --json -o "$out_dir" >quoted.json
while read -r line; do
    for field in property protocol schedule replay; do
        grep -q "\"$field\":\"[^\"]" <<<"$line" || { echo "no $field: $line"; exit 1; }
    done
    rule=$(sed 's/.*"property":"\([^"]*\)".*/\1/' <<<"$line")
    schedule=$(sed 's/.*"schedule":"\([^"]*\)".*/\1/' <<<"$line")
    command=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["replay"])' "$line" 2>/dev/null) ||
        command=$(sed 's/.*"replay":"\(\([^"\\]\|\\.\)*\)".*/\1/; s/\\\(.\)/\1/g' <<<"$line")
    shown=$(eval "${command/#trapspec/$program}" 2>&1)
    [ $? -eq 1 ] && grep -q "$rule" <<<"${shown/-$rule.tst/}" || { echo "$command: $shown"; exit 1; }
    grep -rqs "^sched $schedule" "$out_dir" || { echo "no file has $schedule"; exit 1; }
done <quoted.json
# Seeds name the rule that they break.
for f in "$here"/../../corpora/text/fz_race/*.tst; do
    rule=$(grep -o "^# RACE-[A-Z]*" "$f" | cut -c3-)
    shown=$("$program" replay "$f")
    [ $? -eq 1 ] && [ -n "$rule" ] && grep -q " $rule[:,]*" <<<"$shown" || { echo "$f: $shown"; exit 1; }
done
# Damaged files are refused with the place.
file=$(ls race-out/*LOST.tst)
damaged() {
    "$program" replay bad.tst >shown 2>&1
    [ $? -eq 3 ] && grep -q "bad.tst:$1: byte $2" shown || { echo "damaged: $(cat shown)"; exit 1; }
}
line=$(grep -n ^sched "$file" | cut -d: -f1)
head -c 10 "$file" >bad.tst; damaged 1 10
sed 's/^trapspec/trapsqec/' "$file" >bad.tst; damaged 1 5
: >bad.tst; damaged 1 0
sed 's/^sched 00/sched 0g/' "$file" >bad.tst; damaged "$line" 0
sed 's/^sched \(.*\).$/sched \1/' "$file" >bad.tst; damaged "$line" "[0-9]"
sed 's/^sched 0000/sched 00ff/' "$file" >bad.tst; damaged "$line" 1
rm -rf race-out
"$program" race --protocol text-poke --other store >/dev/null || { echo "text-poke breaks a rule"; exit 1; }
[ ! -e race-out ] || { echo "something was written"; exit 1; }
"$program" race --other nobody 2>/dev/null
[ $? -eq 2 ] || { echo "a wrong value is no exit code 2"; exit 1; }
