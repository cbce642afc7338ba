#!/bin/sh
# SPDX-License-Identifier: MIT
# wrong.sh TRAPSPEC CC SOURCE PREFIXES: builds the plug-in of wrong.def, has each of its defects whose name begins with
# one of the letters judged, and wants the rule named beside it. Without a defect (none) nothing may be told.
set -eu
trapspec=$1 cc=$2 source=$3 prefixes=$4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$cc" -std=c11 -O1 -w -shared -fPIC -I"$source/include" -o "$dir/wrong.so" "$source/tests/plugin/wrong.c"
judged=0 missed=0
judge() {
    code=0
    "$trapspec" report --in-process --color never --target "plugin:$dir/wrong.so,$1" >"$dir/log" 2>&1 </dev/null || code=$?
}
judge none
[ "$code" -eq 0 ] || { echo "the model itself: exit $code" >&2; sed -n 1,20p "$dir/log" >&2; exit 1; }
sed -n "s/^\(AFTER\|BEFORE\)(\([$prefixes]_[a-z0-9_]*\), \"\([^\"]*\)\",.*/\2 \3/p" "$source/tests/plugin/wrong.def" >"$dir/list"
while read -r name rule; do
    judge "$name"
    judged=$((judged + 1))
    if [ "$code" -ne 1 ] || ! grep -qF "FAIL  $rule " "$dir/log"; then
        echo "$name: exit $code, not told by $rule" >&2
        missed=$((missed + 1))
    fi
done <"$dir/list"
echo "$judged defects, $missed not told"
[ "$judged" -gt 0 ] && [ "$missed" -eq 0 ]
