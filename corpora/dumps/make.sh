#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: corpora/dumps/make.sh [-o DIR] [qemu] [bochs] [live] [nested]
#
# Records the CPUID of every CPU model that this machine's QEMU and Bochs emulate, of this machine, and of KVM inside
# an emulated machine, into DIR (default: the folder of this script). Without names: qemu and bochs. README.md says what
# the recordings are. Each takes a second or less, nested some two minutes.
#
# Needs: gcc with -m32, objcopy; qemu-system-x86; bochs, bochsbios, vgabios; for live and nested, trapspec as
# $TRAPSPEC or in the PATH.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$here
what=
while [ $# -gt 0 ]; do
    case $1 in
    -o) out=$(cd "$2" && pwd); shift ;;
    qemu | bochs | live | nested) what="$what $1" ;;
    *) sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done
[ "$what" ] || what="qemu bochs"
trapspec=${TRAPSPEC:-trapspec}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf 'dumps: %s\n' "$*" >&2; }

# The recorder: a floppy with the walk of `trapspec cpuid --live` in it.
gcc -m32 -march=i486 -std=gnu11 -Os -ffreestanding -nostdlib -nostdinc -isystem "$here/recorder/host" \
    -isystem "$(gcc -print-file-name=include)" -static -fno-pic -no-pie -fno-stack-protector \
    -fno-asynchronous-unwind-tables -mgeneral-regs-only -Wall -Wextra -Werror -Wl,--build-id=none \
    -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -I"$root" -I"$root/include" -T "$here/recorder/recorder.ld" \
    -o "$work/recorder.elf" "$here/recorder/boot.S" "$here/recorder/main.c" "$root/cli/formats/dump_walk.c"
objcopy -O binary -j .boot -j .text "$work/recorder.elf" "$work/floppy.img"
truncate -s 1474560 "$work/floppy.img"

# keep NAME FILE: what stands between "CPU:" and "end", unless an earlier recording of the same emulator is the same.
keep() {
    tr -d '\r' <"$2" | sed -n '/^CPU:$/,/^end$/{/^end$/!p;}' >"$work/$1.txt"
    if ! grep -q '^end' "$2"; then
        say "$1: nothing came back"
        rm -f "$work/$1.txt"
        return
    fi
    for old in "$work"/kept-"${1%%-*}"-*; do
        if [ -f "$old" ] && cmp -s "$old" "$work/$1.txt"; then
            say "$1 is ${old##*/kept-}"
            return
        fi
    done
    cp "$work/$1.txt" "$work/kept-$1"
    mv "$work/$1.txt" "$out/$1.txt"
    say "$1"
}

record_qemu() {
    # Aliases are other names of models that are listed; host needs the processor below.
    qemu-system-x86_64 -cpu help | sed -n '/^Recognized/q; s/^x86 \([^ ]*\) .*/\1/p' | grep -E -e '-v[0-9]+$' -e '^(base|max)$' |
        while read -r model; do
            rm -f "$work/out"
            timeout 60 qemu-system-x86_64 -accel tcg -M pc -cpu "$model,check=off" -m 32 -display none -monitor none \
                -serial none -net none -drive "file=$work/floppy.img,format=raw,if=floppy,readonly=on" -boot a \
                -debugcon "file:$work/out" -device isa-debug-exit,iobase=0xf4,iosize=1 </dev/null >/dev/null 2>&1 || true
            touch "$work/out"
            keep "qemu-$(printf %s "$model" | tr 'A-Z_' 'a-z-')" "$work/out"
        done
}

record_bochs() {
    printf 'continue\nquit\n' >"$work/commands"
    bochs -help cpu 2>&1 | sed -n 's/^\([a-z0-9_]*\)$/\1/p' | while read -r model; do
        [ "$model" ] || continue
        cat >"$work/bochsrc" <<RC
config_interface: textconfig
display_library: rfb, options="timeout=0"
megs: 32
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
floppya: 1_44=$work/floppy.img, status=inserted, write_protected=1
boot: floppy
port_e9_hack: enabled=1
cpu: model=$model, count=1, ips=200000000, reset_on_triple_fault=0
clock: sync=none
log: $work/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
RC
        timeout 100 bochs -q -f "$work/bochsrc" -rc "$work/commands" </dev/null >"$work/out" 2>&1 || true
        keep "bochs-$(printf %s "$model" | tr _ -)" "$work/out"
    done
}

# The processor this machine shows, and what its KVM offers guests.
record_live() {
    "$trapspec" cpuid --live -o "$out/machine-live.txt"
    "$trapspec" cpuid --kvm -o "$out/machine-kvm.txt" || say "no KVM here"
}

record_nested() {
    "$root/ci/nested/run.sh" x86_64 -- 'trapspec cpuid --live -o /out/live.txt; trapspec cpuid --kvm -o /out/kvm.txt' &&
        cp "$root/out/nested/x86_64/live.txt" "$out/nested-live.txt" &&
        cp "$root/out/nested/x86_64/kvm.txt" "$out/nested-kvm.txt"
}

for w in $what; do
    record_"$w"
done
