#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where output goes: what is no regular file is written in place and keeps its name, whoever runs this; a link keeps
# leading where it led; a reader that has seen enough is no failure; options of every verb are checked in every verb.
set -u
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
fail() { echo "$*"; exit 1; }

mkfifo pipe
cat pipe >got &
"$program" cpuid -o pipe || fail "a pipe: exit $?"
wait
[ -p pipe ] || fail "the pipe is gone"
"$program" cpuid >want
cmp -s got want || fail "the pipe had something else"

ln -s later link
"$program" cpuid -o link || fail "a link to nothing yet: exit $?"
[ -L link ] && cmp -s later want || fail "a link to nothing yet is not followed"
echo old >later
chmod 600 later
"$program" cpuid -o link || fail "a link: exit $?"
[ -L link ] && cmp -s later want || fail "a link is not followed"
[ "$(stat -c %a later)" = 600 ] || fail "the file has other rights"
(umask 077; "$program" cpuid -o new)
[ "$(stat -c %a new)" = 600 ] || fail "a new file ignores umask"

mkdir d
"$program" cpuid -o d 2>err
[ $? -eq 3 ] && grep -q '^trapspec cpuid: d: Is a directory$' err || fail "a directory: $(cat err)"
"$program" mutants M019 -o later >/dev/null 2>err
[ $? -eq 3 ] && grep -q '^trapspec mutants: later: Not a directory$' err || fail "a file for a directory: $(cat err)"

if [ -c /dev/full ]; then
    "$program" cpuid >/dev/full 2>err
    [ $? -eq 3 ] && [ "$(wc -l <err)" -eq 1 ] || fail "a full disk: $(cat err)"
fi
{ "$program" spec list; echo $? >code; } 2>err | head -1 >/dev/null
[ "$(cat code)" = 0 ] && [ ! -s err ] || fail "head: exit $(cat code), $(cat err)"

for verb in run replay report diff record decode cpuid lint sweep level migrate spec fuzz mutants race; do
    "$program" "$verb" --color sometimes 2>err
    [ $? -eq 2 ] && grep -q '^trapspec: --color sometimes: auto, always or never$' err || fail "$verb: $(cat err)"
    "$program" help "$verb" | grep -q "^usage: trapspec $verb" || fail "no help for $verb"
done
"$program" run --color 2>err
[ $? -eq 2 ] && grep -q -- '--color needs a value' err || fail "--color alone: $(cat err)"
exit 0
