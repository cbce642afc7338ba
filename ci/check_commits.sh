#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# No commit may change both the reference table and the model: the two must stay independent witnesses.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0 n=0
for c in $(git rev-list "${1:-HEAD}" 2>/dev/null); do
    n=$((n + 1))
    names=$(git show --name-only --format= "$c")
    if grep -q '^spec/tables/' <<<"$names" && grep -q '^emu/' <<<"$names"; then
        echo "$(git log -1 --format='%h %s' "$c"): changes spec/tables and emu in one commit"
        bad=1
    fi
done
echo "check_commits: $n commits"
exit $bad
