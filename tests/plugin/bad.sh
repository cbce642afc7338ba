#!/bin/sh
# SPDX-License-Identifier: MIT
# bad.sh TRAPSPEC CC SOURCE WHAT EXIT TEXT [LEAST]: builds the plug-in that is wrong in the way WHAT, has it reported,
# and wants this exit code, this text in one line, and at least LEAST cases, which tells that the campaign went on.
set -eu
trapspec=$1 cc=$2 source=$3 what=$4 want=$5 text=$6 least=${7:-0}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
case $what in
nothing) file=$source/tests/plugin/nothing.c ;;
*) file=$source/tests/plugin/bad.c ;;
esac
"$cc" -std=c11 -O1 -w -shared -fPIC -DBAD="$what" -I"$source/include" -o "$dir/x.so" "$file"
code=0
"$trapspec" report --target "plugin:$dir/x.so" --plugin-timeout 300 --sample "${SAMPLE:-40}" -o "$dir/out" \
    >"$dir/log" 2>&1 </dev/null || code=$?
fail() {
    echo "$what: $1" >&2
    sed -n 1,40p "$dir/log" >&2
    exit 1
}
[ "$code" -eq "$want" ] || fail "exit $code, not $want"
grep -q -- "$text" "$dir/log" || fail "no line with: $text"
if [ "$want" -eq 3 ]; then
    [ "$(wc -l <"$dir/log")" -eq 1 ] || fail "more than one line"
    exit 0
fi
cases=$(sed -n 's/^.*: \([0-9]*\) cases,.*/\1/p' "$dir/log" | head -n 1)
[ "${cases:-0}" -ge "$least" ] || fail "only ${cases:-0} cases"
# The input that showed it is kept, and shows it again.
for f in "$dir"/out/findings/TGT-*.tst; do
    [ -f "$f" ] || fail "no input was kept"
done
