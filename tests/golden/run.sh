#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh PROGRAM NAME: runs `trapspec $(cat NAME.in)` in this folder and compares output and exit code with NAME.out.
# run.sh --rebase PROGRAM [NAME...]: writes NAME.out anew. @GUESTS@ stands for the folder of the built guests.
set -u
cd "$(dirname "$0")" || exit 2
rebase=0
[ "${1:-}" = --rebase ] && { rebase=1; shift; }
program=$(realpath "$1"); shift
guests=$(realpath "$(dirname "$program")/../guests" 2>/dev/null || echo /nonexistent)
names=("$@")
[ ${#names[@]} -gt 0 ] || names=($(ls ./*.in | sed -e 's|^\./||' -e 's/\.in$//'))
bad=0
for n in "${names[@]}"; do
    args=$(sed -n '/^#/!p' "$n.in" | sed "s|@GUESTS@|$guests|g")
    for g in $(grep -o "$guests/[^ ]*" <<<"$args"); do
        [ -e "$g" ] || { echo "$n: guest $(basename "$g") is not built"; exit 77; }
    done
    got=$(eval "NO_COLOR=1 \"$program\" $args" 2>&1; echo "exit $?")
    got=${got//$guests/@GUESTS@}
    if [ $rebase -eq 1 ]; then
        printf '%s\n' "$got" >"$n.out"
    elif ! diff -u "$n.out" <(printf '%s\n' "$got"); then
        echo "golden $n differs"
        bad=1
    fi
done
exit $bad
