#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the completion for bash offers is what the program has: verbs, options of each verb, and the words that an option's
# help lists.
set -u
program=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/docs/completions/trapspec.bash"
bad=0
trapspec() { "$program" "$@"; }
fail() { echo "$*"; bad=1; }

verbs=$("$program" --help | sed -nE 's/^  ([a-z]+) +[a-z].*/\1/p')
[ "$(wc -l <<<"$verbs")" -ge 15 ] || fail "verbs: $verbs"
for verb in $verbs; do
    help=$("$program" "$verb" --help)
    offered=" $(_trapspec_options "$verb") "
    # Options stand at the beginning of a line of the help, or in its usage.
    for option in $(sed -E 's/\([^)]*\)?//g' <<<"$help" | grep -E '^( +--| +-[a-z] |usage|  +trapspec)' | grep -oE -- '--[a-z][a-z-]*' | sort -u); do
        [[ $offered == *" $option "* ]] || fail "$verb $option is not offered"
    done
    for option in $offered; do
        case $option in --output | --in-process | --plugin-timeout | --color) continue ;; esac
        grep -qE -- "$option($|[^a-z-])" <<<"$help" || fail "$verb $option is offered and not told"
    done
done

words() { _trapspec_values "$1" | tr ' ' '\n' | sort; }
words --table | grep -qx patch || fail "tables: $(words --table)"
for hv in $(words --hv); do
    "$program" cpuid --hv "$hv" >/dev/null || fail "--hv $hv"
done
for format in $(words --format); do
    "$program" cpuid --format "$format" >/dev/null 2>&1 || fail "--format $format"
done
"$program" spec behaviours | awk '/^profile/ { print "model:" $2 }' | sort | diff - <(words --target | grep ^model:) ||
    fail "profiles"
exit $bad
