#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The map of a sweep is the same bytes whatever the number of processes; wrong targets are found; every form is written.
set -u
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0
say() { echo "$1"; bad=1; }
for jobs in 1 2 7; do
    for where in 0-0x2ffff 0x3fff0000-0x4001ffff 0x7ffffff0-0x8000ffff 0xbfffffff-0xc000000f; do
        "$program" sweep --guest amd --leaves $where --random 300 --jobs $jobs -o "$dir/map" >"$dir/sum" ||
            say "$where with $jobs: exit $?"
        cat "$dir/map" "$dir/sum"
    done >"$dir/$jobs"
    cmp "$dir/1" "$dir/$jobs" || say "$jobs processes give another map"
done
grep -q '^conforms$' "$dir/1" || say "it does not conform"
"$program" sweep --target model:kvm+mut_amd_redirect --guest amd --leaves 0-0xffff --random 10 >"$dir/wrong"
[ $? -eq 1 ] || say "a wrong target passes"
grep -q '^0x0000.*FAIL.*CPUID-OUT-AMD' "$dir/wrong" || say "the wrong leaves are not in the map"
"$program" sweep --cpu bochs-tigerlake --leaves 0x40000000-0x400000ff --random 10 --json --html "$dir/page.html" >"$dir/json" ||
    say "a recorded processor: exit $?"
grep -q '"leaves_asked":256,' "$dir/json" || say "JSON does not count 256 leaves"
[ "$(grep -c '<svg' "$dir/page.html")" -ge 2 ] && grep -q '</html>' "$dir/page.html" || say "no picture"
"$program" sweep --target "dump:$(dirname "$0")/../../corpora/dumps/bochs-ryzen.txt" --random 4 >"$dir/dump" || say "a dump: exit $?"
grep -q 'a sample of 46 leaves' "$dir/dump" || say "the dump's leaves are not counted"
for args in "--leaves 5-4" "--leaves x" "--leaves 0-0x100000000" "--random 65537" "--jobs 0" "--arch aarch64" "x" \
    "--cpu bochs-ryzen --guest intel" "--target golden:x"; do
    # shellcheck disable=SC2086
    "$program" sweep $args >/dev/null 2>"$dir/err"
    code=$?
    [ $code -eq 2 ] || [ $code -eq 3 ] || say "sweep $args: exit $code"
    [ "$(wc -l <"$dir/err")" -eq 1 ] || say "sweep $args: not one line"
done
# ^C: a normal end, the old map or a whole one, no process left behind.
echo old >"$dir/int.map"
"$program" sweep -o "$dir/int.map" >"$dir/int" 2>&1 &
pid=$!
sleep 0.3
children=$(ps -o pid= --ppid $pid)
kill -INT $pid
wait $pid
[ $? -le 1 ] || say "interrupted: exit $?"
head -c 1 "$dir/int.map" | grep -q '[o#]' || say "interrupted: the map is damaged"
for child in $children; do
    ! kill -0 "$child" 2>/dev/null || say "a process goes on"
done
exit $bad
