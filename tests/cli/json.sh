#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything that --json prints is JSON, by the line or as one document, and the same in a second run.
set -u
program=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
python=$(command -v python3) || { echo "no python3"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
bad=0

check() { # WHAT TRAPSPEC-ARGUMENTS: lines or one document
    local what=$1 code
    shift
    "$program" "$@" >one 2>err
    code=$?
    [ $code -le 1 ] || { echo "$*: exit $code: $(cat err)"; bad=1; }
    "$program" "$@" >two 2>/dev/null
    cmp -s one two || { echo "$*: not the same twice"; bad=1; }
    "$python" - "$what" one <<'EOF' || { echo "$*: not JSON"; bad=1; }
import json, sys
text = open(sys.argv[2]).read()
parts = text.splitlines() if sys.argv[1] == "lines" else [text]
sys.exit(0 if parts and all(isinstance(json.loads(p), dict) for p in parts) else 1)
EOF
}

dump=$root/corpora/dumps/bochs-amd-k6-2-chomper.txt
check lines run --hex 0f01c1f4 --host amd --json
check lines replay --json "$root/corpora/text/fz_hypercall"
check doc report --target "dump:$dump" --json
check lines diff model:kvm@linux-6.1 "golden:$root/corpora/recordings/arm64-6.1.0-56.jsonl" --filter probe/aarch64/0000 --json
check lines decode --json 0f01c1 f00fa2
check lines lint --json "$dump"
check doc lint --sarif "$dump"
check doc cpuid --format json
check doc sweep --leaves 0-0x20 --json
check lines level qemu-nehalem-v1 qemu-skylake-server-v1 --json
check lines migrate qemu-skylake-server-v1 qemu-nehalem-v1 --json
check lines spec list --json
check lines spec show UD-WHERE --json
check lines spec sources --json
check lines spec behaviours --json
check lines mutants --list --json
check lines race --json
exit $bad
