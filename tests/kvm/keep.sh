#!/bin/sh
# SPDX-License-Identifier: MIT
# keep.sh PROGRAM: recording writes all or nothing, says what it cannot do, and ^C keeps what was recorded.
set -u
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() {
    echo "$*"
    exit 1
}

echo old >"$dir/f"
"$program" record --target model:kvm --filter nothing/ -o "$dir/f" 2>/dev/null
[ $? -eq 77 ] || fail "nothing to record is 77"
[ "$(cat "$dir/f")" = old ] || fail "the old file is gone"
[ "$(ls "$dir")" = f ] || fail "a temporary file stayed"

"$program" record --target model:kvm -o "$dir/no/such/f" 2>/dev/null
[ $? -eq 3 ] || fail "a path that cannot be written is 3"
"$program" record --sample 0 2>/dev/null
[ $? -eq 2 ] || fail "a sample of 0 is 2"
"$program" record --smaple 3 2>&1 | grep -q 'did you mean "--sample"' || fail "the nearest option"
"$program" record --target model:nosuch 2>/dev/null
[ $? -eq 2 ] || fail "an unknown profile is 2"
"$program" record --like "$dir/f" --target model:kvm 2>/dev/null
[ $? -eq 3 ] || fail "a recording that is none is 3"

# ^C while it runs: what was recorded is whole lines, and reads.
"$program" record --target model:kvm -o "$dir/f" 2>/dev/null &
pid=$!
sleep 1
kill -INT $pid 2>/dev/null
wait $pid
[ $? -eq 0 ] || fail "^C is no failure"
"$program" diff model:kvm "golden:$dir/f" >/dev/null || fail "what ^C kept does not match"
exit 0
