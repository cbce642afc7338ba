#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job, end to end, on real input: guest programs run on the emulated vCPU with every trap judged, this
# machine's own CPUID is judged, shipped KVM is judged, two short fuzz campaigns run, what they find is replayed, and a
# report lies in out/demo. Installs what is missing on Debian 12. DEMO_SECONDS sets the length of each campaign (15).
set -eu
cd "$(dirname "$0")/.."
. ci/install.sh
need "${build_packages[@]}" "${fuzz_packages[@]}" "${guest_packages[@]}"
seconds=${DEMO_SECONDS:-15}
jobs=$(nproc)
out=out/demo
rm -rf "$out"
mkdir -p "$out"

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
# Runs a command that may have findings (exit 1); anything worse ends the demo.
judge() {
    local code=0
    printf '$ %s\n' "$*"
    "$@" || code=$?
    [ $code -le 1 ] || { echo "exit $code"; exit $code; }
}
cut_at() { awk -v n="$1" 'NR <= n; END { if (NR > n) printf "... %d more lines\n", NR - n }'; }

say "building"
cmake --preset release -G Ninja >/dev/null
cmake --build --preset release -j "$jobs" -- --quiet
cmake --preset libfuzzer -G Ninja >/dev/null
cmake --build --preset libfuzzer -j "$jobs" -- --quiet
cmake --preset afl -G Ninja >/dev/null
cmake --build --preset afl -j "$jobs" -- --quiet
t=build/release/bin/trapspec
g=build/release/guests
$t --version

say "a guest looks for its hypervisor (x86-64, i386, AArch64)"
judge $t run $g/detect-x86_64.elf --hv kvm
judge $t run $g/detect-i386.elf --hv kvm --host amd | cut_at 12
if [ -e $g/detect-aarch64.elf ]; then
    judge $t run $g/detect-aarch64.elf --hv kvm
fi

say "the same guest, its policy damaged: the highest hypervisor leaf reads 0"
$t cpuid --hv kvm -o "$out/policy.txt"
sed -i -E 's/^( *0x40000000 0x00: eax=)0x[0-9a-f]+/\10x00000000/' "$out/policy.txt"
judge $t run $g/detect-x86_64.elf --hv kvm --policy "$out/policy.txt" | grep -E 'FAIL|conforms|FINDINGS'

say "the other vendor's hypercall instruction is rewritten"
judge $t run --hex 0f01c1f4 --host amd --hv kvm
say "the same as Linux 6.1 ships it, with a prefix in front"
judge $t run --hex 660f01c1f800f4 --host amd --reg rax=1 --target model:kvm@linux-6.1

say "this machine's own CPUID"
if $t cpuid --live -o "$out/machine.txt"; then
    judge $t report --target "dump:$out/machine.txt" -o "$out/machine"
fi

say "a short campaign of each engine"
judge $t fuzz fz_hypercall --engine libfuzzer --time "$seconds" -o "$out/fuzz"
judge $t fuzz fz_hypercall --engine afl --time "$seconds" -o "$out/fuzz"
say "shipped KVM is not the document: a campaign finds it, replay shows it"
judge $t fuzz fz_hypercall --engine libfuzzer --time "$seconds" --target model:kvm@linux-6.1 -o "$out/fuzz-6.1" |
    cut_at 20
first=$(find "$out/fuzz-6.1" -name 'crash-*' | sort | head -n 1)
if [ -n "$first" ]; then
    judge $t replay --target model:kvm@linux-6.1 --verbose "$first"
fi

say "conformance report of shipped KVM"
judge $t report --target model:kvm@linux-6.1 -o "$out/kvm-6.1" | tail -n 25
say "conformance of the documented profile"
judge $t report --target model:kvm --corpus corpora/text -o "$out/kvm" | tail -n 5

if [ -d ../shared/golden ]; then
    for f in ../shared/golden/*.jsonl; do
        say "the model against recordings of real KVM: $(basename "$f")"
        judge $t diff model:kvm@linux-6.1 "golden:$f" --first 3 | tail -n 12
    done
fi
say "done: open $out/kvm-6.1/report.html"
