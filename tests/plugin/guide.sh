#!/bin/sh
# SPDX-License-Identifier: MIT
# guide.sh BUILD GUIDE: installs the build, then does what docs/PLUGIN.md says, block by block, in an empty directory.
# "```c FILE" blocks become files, "```sh" blocks are run in one shell; the installed headers are all it has.
set -eu
build=$1 guide=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PREFIX=$dir/prefix
export PREFIX
cmake --install "$build" --prefix "$PREFIX" >"$dir/install.log"
for f in bin/trapspec include/trapspec/target.h lib/pkgconfig/trapspec.pc lib/cmake/trapspec/trapspec-config.cmake \
    share/man/man1/trapspec.1 share/bash-completion/completions/trapspec share/doc/trapspec/PLUGIN.md; do
    [ -f "$PREFIX/$f" ] || { echo "not installed: $f" >&2; exit 1; }
done
# Each header alone, as strict as a stranger may be.
for h in base bits trace target; do
    echo "#include <trapspec/$h.h>" | ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror \
        -I"$PREFIX/include" -x c -fsyntax-only -
    echo "#include <trapspec/$h.h>" | ${CXX:-c++} -std=c++17 -Wall -Wextra -Wpedantic -Wconversion -Werror \
        -I"$PREFIX/include" -x c++ -fsyntax-only -
done
mkdir "$dir/work"
cd "$dir/work"
awk -v script="$dir/steps" '
    /^```/ && out != "" { close(out); out = ""; next }
    /^```c / { out = $2; printf "" > out; next }
    /^```sh/ { out = script; next }
    /^```/ { out = "/dev/null"; next }
    out == script { print >> script; next }
    out != "" { print > out }
' "$guide"
[ "$(wc -l <"$dir/steps")" -ge 10 ] || { echo "$guide: no steps" >&2; exit 1; }
sh -eux "$dir/steps"
