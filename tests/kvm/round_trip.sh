#!/bin/sh
# SPDX-License-Identifier: MIT
# round_trip.sh PROGRAM ARGUMENTS...: what `record ARGUMENTS` writes of the model, the model must match in every record.
set -u
program=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$program" record --target model:kvm@linux-6.1 "$@" -o "$dir/recording" || exit
: >"$dir/skip" # nothing is left out
"$program" diff model:kvm@linux-6.1 "golden:$dir/recording" --skip "$dir/skip" --json >"$dir/json" || {
    grep -v '"match"' "$dir/json" | head -n 20
    exit 1
}
echo "$(grep -c '"match"' "$dir/json") records match"
! grep -v '"match"' "$dir/json"
