#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# race-harness.sh PROGRAM HARNESS: replay shows what fz_race saw of the same file, under any protocol.
set -u
program=$1
harness=$2
seeds=$(dirname "$(readlink -f "$0")")/../../corpora/text/fz_race
[ -x "$harness" ] || exit 77
broken=0
for protocol in "" lguest kvm@linux-6.1; do
    for file in "$seeds"/*.tst; do
        seen=$(TRAPSPEC_PROTOCOL=$protocol "$harness" "$file" 2>&1 | grep -ao 'violation: [A-Z-]*' | head -1)
        shown=$("$program" replay --harness fz_race ${protocol:+--protocol "$protocol"} "$file")
        code=$?
        rule=${seen#violation: }
        # The harness stops at the first finding.
        if [ -n "$rule" ]; then
            broken=$((broken + 1))
            [ $code -eq 1 ] && grep -q "  $rule:" <<<"$shown"
        else
            [ $code -eq 0 ]
        fi || { echo "$file under ${protocol:-text-poke}: harness \"$seen\", replay: $shown"; exit 1; }
    done
done
[ $broken -gt 10 ] || { echo "only $broken files show anything"; exit 1; }
"$program" replay --harness fz_race --protocol nobody "$file" 2>/dev/null
[ $? -eq 2 ] || { echo "a wrong protocol is no exit code 2"; exit 1; }
