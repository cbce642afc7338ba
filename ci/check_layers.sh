#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Reads every #include "..." below the product's folders and fails on one that ci/layers.txt does not allow.
set -u
cd "$(dirname "$0")/.." || exit 2
awk '
    FILENAME == "ci/layers.txt" {
        if ($0 ~ /^#/ || !NF) next
        split($0, part, ":"); allow[part[1]] = part[2]; next
    }
    FNR == 1 {
        files++
        dir = FILENAME; sub(/\/[^\/]*$/, "", dir)
        rule = dir
        while (!(rule in allow) && rule ~ /\//) sub(/\/[^\/]*$/, "", rule)
        if (!(rule in allow)) { print FILENAME ": no line for this folder in ci/layers.txt"; bad++ }
    }
    /^[ \t]*#[ \t]*include[ \t]*"/ {
        split($0, quote, "\""); inc = quote[2]; seen++
        if (inc ~ /^trapspec\//) next                       # include/ is below everything
        if (index(inc, rule "/") == 1) next                 # itself
        ok = 0; n = split(allow[rule], may, " ")
        for (i = 1; i <= n; i++) {
            if (inc == may[i]) ok = 1
            if (index(inc, may[i] "/") == 1) {
                rest = substr(inc, length(may[i]) + 2)
                if (rest !~ /\//) ok = 1                    # the folder, not its sub-folders
            }
        }
        if (!ok) { print FILENAME ":" FNR ": includes \"" inc "\", which " rule " may not (ci/layers.txt)"; bad++ }
    }
    END {
        if (!seen) { print "check_layers: found no include at all, something is wrong"; exit 1 }
        printf "check_layers: %d files, %d includes, %d violations\n", files, seen, bad
        exit bad ? 1 : 0
    }
' ci/layers.txt $(find include decoder emu spec fuzz cli -name '*.[ch]' -o -name '*.def' | sort)
