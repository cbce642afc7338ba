#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: ci/nested/run.sh ARCH [OPTION...] [-- COMMAND...]
#
# Boots a stock Debian kernel under QEMU's system emulation of a processor with virtualization extensions, and runs
# trapspec on the real KVM inside: a recording, its comparison with the model, and a report. Everything comes back to
# out/nested/ARCH/. Needs nothing but apt and a compiler; QEMU is installed when this runs as root. docs/NESTED.md
#
#   ARCH                  x86_64 (AMD with SVM), aarch64, or x86_64-vmx (Intel with VMX: Bochs in place of QEMU; slow)
#   --kernel-version V    linux-image-V*-cloud, e.g. 6.1.0-56; default: what Debian's cloud kernel is today
#   --suite S             the kernel of another suite of Debian's, e.g. bookworm-backports, trixie, sid; its lists are
#                         kept aside, nothing is added to this machine's
#   --profile P           model to compare with (the newest model:kvm@linux-V that is not newer than the kernel)
#   --fuzz S              instead: run mutated scenarios on model and KVM side by side for S seconds; differences come
#                         back, made small, as differ-NNN.tst
#   --seed N              of the mutations (1)
#   --time S              seconds the machine may run (150, x86_64-vmx 300; with --fuzz as long as it takes)
#   --sample N            every Nth scenario that the rules make (x86_64: 12, aarch64: 4, x86_64-vmx: 60)
#   --add PATH            put a file or directory into the machine's /in; may be repeated
#   COMMAND               what to run there instead; its /out comes back
#
# exit codes: that of the report or COMMAND; 1 when the machine hung; 77 without QEMU, Bochs, the suite or a kernel in it
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
arch=
version=
suite=
profile=
seconds=
sample=
fuzz=
seed=1
add=
job=

say() { printf 'nested: %s\n' "$*" >&2; }
leave() { say "$1"; exit "$2"; }
usage() { sed -n '3,24s/^# \{0,1\}//p' "$0" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
    x86_64 | aarch64 | x86_64-vmx) arch=$1 ;;
    --kernel-version) version=${2-}; shift ;;
    --suite) suite=${2-}; shift ;;
    --profile) profile=${2-}; shift ;;
    --time) seconds=${2-}; shift ;;
    --fuzz) fuzz=${2-}; shift ;;
    --seed) seed=${2-}; shift ;;
    --sample) sample=${2-}; shift ;;
    --add) add="$add ${2-}"; shift ;;
    --) shift; job=$*; break ;;
    *) usage ;;
    esac
    [ $# -gt 0 ] && shift
done
case $seconds$fuzz$seed in *[!0-9]*) usage ;; esac
case $suite in *[!a-z0-9-]*) usage ;; esac
if [ -n "$fuzz" ]; then
    add="$add $root/corpora/text"
    seconds=${seconds:-$((fuzz + 90))}
fi
[ "$arch" != x86_64-vmx ] || seconds=${seconds:-300}
seconds=${seconds:-150}
below=tcg
case $arch in
x86_64-vmx)
    deb=amd64 triplet=x86_64-linux-gnu qemu=bochs package="bochs bochs-term bochsbios vgabios" sample=${sample:-60} limit=100
    below=/in/below-bochs.csv add="$add $root/ci/nested/below-bochs.csv"
    ;;
x86_64) deb=amd64 triplet=x86_64-linux-gnu qemu=qemu-system-x86_64 package=qemu-system-x86 sample=${sample:-12} limit=500 ;;
aarch64) deb=arm64 triplet=aarch64-linux-gnu qemu=qemu-system-aarch64 package=qemu-system-arm sample=${sample:-4} limit=150 ;;
*) usage ;;
esac
case $(uname -m) in x86_64) here=amd64 ;; aarch64) here=arm64 ;; *) leave "no way to build here" 77 ;; esac

out=$root/out/nested/$arch
cache=$root/out/nested/cache
build=$root/build/nested-${arch%-vmx} # the same program
mkdir -p "$out" "$cache"
work=$(mktemp -d)
child=
cleanup() {
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# 1. What must be installed: QEMU, a compiler, and a second one for the other architecture.
want=
command -v "$qemu" >/dev/null || want="$want $package"
[ "$qemu" != bochs ] || command -v xorriso >/dev/null || want="$want xorriso"
command -v cmake >/dev/null || want="$want cmake"
command -v ninja >/dev/null || want="$want ninja-build"
command -v pkg-config >/dev/null || want="$want pkg-config"
command -v cc >/dev/null || want="$want gcc libc6-dev"
[ "$deb" = "$here" ] || command -v "$triplet-gcc" >/dev/null || want="$want gcc-$triplet libc6-dev-$deb-cross"
for p in capstone jansson libelf; do
    pkg-config --exists "$p" 2>/dev/null || want="$want lib${p#lib}-dev"
done
if [ -n "$want" ]; then
    [ "$(id -u)" = 0 ] || leave "missing; as root: apt-get install --no-install-recommends$want" 77
    say "installing$want"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want >"$out/apt.log" 2>&1 ||
        { apt-get update -qq >>"$out/apt.log" 2>&1 &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want >>"$out/apt.log" 2>&1; } ||
        leave "could not be installed:$want (see $out/apt.log)" 77
fi

# 2. Packages that are unpacked, not installed: from the sources apt knows, with lists of its own, so that no
#    architecture and no suite has to be added to this machine.
read_lists() { # DIRECTORY, options of the update, further options of apt; leaves apt_dirs
    dir=$1
    update=$2
    shift 2
    apt_dirs="-o Dir::State=$dir -o Dir::Cache=$dir -o Dir::State::status=/dev/null \
        -o APT::Architecture=$here -o APT::Architectures::=$here -o APT::Architectures::=$deb \
        -o APT::Sandbox::User=$(id -un) -o Acquire::Languages=none $*"
    mkdir -p "$dir/lists/partial" "$dir/archives/partial"
    [ -z "$(find "$dir/read" -mmin -720 2>/dev/null)" ] || return 0
    say "reading apt's lists${suite:+ ($(basename "$dir"))}"
    # shellcheck disable=SC2086
    apt-get $apt_dirs -qq $update update >"$out/apt-lists.log" 2>&1 || return 1
    touch "$dir/read"
}
read_lists "$cache/apt-$deb" "" || leave "apt-get update failed (see $out/apt-lists.log)" 77
apt_here=$apt_dirs

# Another suite lies on the mirror that serves this one.
if [ -n "$suite" ]; then
    # shellcheck disable=SC2086,SC2016
    mirror=$(apt-get $apt_here indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    [ -n "$mirror" ] || leave "apt's sources name no mirror of Debian" 77
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -f "$keyring" ] && signed="[signed-by=$keyring]" || signed=
    mkdir -p "$cache/apt-$deb-$suite"
    echo "deb $signed $mirror $suite main" >"$cache/apt-$deb-$suite/sources.list"
    read_lists "$cache/apt-$deb-$suite" --error-on=any -o "Dir::Etc::sourcelist=$cache/apt-$deb-$suite/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null ||
        leave "apt knows no suite $suite at $mirror (see $out/apt-lists.log)" 77
fi

kernel_name() {
    # shellcheck disable=SC2086
    if [ -n "$version" ]; then
        apt-cache $apt_dirs pkgnames "linux-image-$version" | grep -E -- "-cloud-$deb(:$deb)?$" | sort -V | tail -n 1
    else
        apt-cache $apt_dirs depends "linux-image-cloud-$deb:$deb" 2>/dev/null |
            sed -n 's/^ *Depends: \(linux-image-[^:]*\).*/\1/p' | head -n 1
    fi
}
# Newer packages of a kernel are divided: what it needs is in linux-binary-V and linux-modules-V.
kernel_parts() {
    # shellcheck disable=SC2086
    apt-cache $apt_dirs depends "$1:$deb" | sed -n 's/^ *Depends: \(linux-\(binary\|modules\)-[^:]*\).*/\1/p'
}
kernel=$(kernel_name)
[ -n "$kernel" ] || leave "apt knows no kernel package linux-image-${version:-cloud}*-$deb${suite:+ in $suite}" 77

fetch() {
    for wanted in "$@"; do
        name=$(printf %s "$wanted" | tr : _)
        [ -f "$cache/$name.deb" ] && continue
        # shellcheck disable=SC2086
        (cd "$work" && apt-get $apt_dirs -qq download "$wanted" >>"$out/apt-lists.log" 2>&1) ||
            leave "apt cannot download $wanted (see $out/apt-lists.log)" 77
        mv "$work"/*.deb "$cache/$name.deb"
    done
}
unpack() { dpkg-deb -x "$cache/$(printf %s "$1" | tr : _).deb" "$2"; }

say "kernel: $kernel"
release=${kernel#linux-image-}
if [ -z "$profile" ]; then
    series=kvm@linux-$(printf %s "$release" | cut -d . -f 1,2)
    profile=model:$({ sed -n 's/^PROFILE("\(kvm@linux-[0-9.]*\)".*/\1 a/p' "$root/emu/hv/behaviour.def"; echo "$series b"; } |
        sort -V | awk '$2 == "b" { exit } { p = $1 } END { print p ? p : "kvm@linux-6.1" }')
fi
mkdir -p "$work/kernel" "$work/busybox" "$work/host" "$work/loader"
for p in "$kernel" $(kernel_parts "$kernel"); do
    fetch "$p:$deb"
    unpack "$p:$deb" "$work/kernel"
done
apt_dirs=$apt_here # the rest is of the suite that this machine has
fetch "busybox-static:$deb" "busybox-static:$here"
unpack "busybox-static:$deb" "$work/busybox"
unpack "busybox-static:$here" "$work/host"
if [ "$qemu" = bochs ]; then
    fetch "isolinux:all" "syslinux-common:all"
    unpack "isolinux:all" "$work/loader"
    unpack "syslinux-common:all" "$work/loader"
fi

# 3. The program, linked statically.
say "building"
set -- -S "$root" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTRAPSPEC_WERROR=OFF -DTRAPSPEC_TESTS=OFF -DTRAPSPEC_GUESTS=OFF
command -v ccache >/dev/null && set -- "$@" -DCMAKE_C_COMPILER_LAUNCHER=ccache
compile() {
    dir=$1 target=$2
    shift 2
    { cmake -B "$dir" "$@" && ninja -C "$dir" "$target"; } >"$out/build.log" 2>&1 ||
        { tail -n 20 "$out/build.log" >&2; leave "it does not build (see $out/build.log)" 1; }
}
if [ "$deb" != "$here" ]; then
    compile "$root/build/nested-host" tabc "$@"
    for p in libcapstone-dev libjansson-dev libelf-dev zlib1g-dev; do
        fetch "$p:$deb"
        unpack "$p:$deb" "$work/sysroot"
    done
    export PKG_CONFIG_LIBDIR="$work/sysroot/usr/lib/$triplet/pkgconfig"
    export PKG_CONFIG_SYSROOT_DIR="$work/sysroot"
    set -- "$@" -DCMAKE_SYSTEM_NAME=Linux "-DCMAKE_SYSTEM_PROCESSOR=$arch" "-DCMAKE_C_COMPILER=$triplet-gcc" \
        "-DTRAPSPEC_TABC=$root/build/nested-host/bin/tabc" "-DCMAKE_EXE_LINKER_FLAGS=-L$work/sysroot/usr/lib/$triplet"
    rm -rf "$build/CMakeCache.txt" # it names libraries of a sysroot that is gone
fi
compile "$build" trapspec "$@" -DTRAPSPEC_STATIC=ON

# 4. The first file system.
rd=$work/rd
mkdir -p "$rd/bin" "$rd/dev" "$rd/proc" "$rd/sys" "$rd/tmp" "$rd/out" "$rd/in" "$rd/modules"
cp "$root/ci/nested/init.sh" "$rd/init"
chmod 755 "$rd/init"
cp "$work/busybox/bin/busybox" "$build/bin/trapspec" "$rd/bin/"
for m in $(find "$work/kernel" -path '*/kernel/virt/lib/*.ko*' -o -path '*/kernel/arch/*/kvm/*.ko*' \
    -o -path '*/kernel/drivers/crypto/ccp/*.ko*'); do
    case $m in
    *.xz) "$work/host/bin/busybox" unxz -c "$m" >"$rd/modules/$(basename "$m" .xz)" ;;
    *) cp "$m" "$rd/modules/" ;;
    esac
done
for p in $add; do cp -r "$p" "$rd/in/"; done
if [ -n "$job" ]; then
    printf '%s\n' "$job" >"$rd/job"
elif [ -n "$fuzz" ]; then
    cat >"$rd/job" <<JOB
trapspec diff $profile kvm:$limit --time $fuzz --seed $seed --below $below --corpus /in/text --findings /out
JOB
else
    cat >"$rd/job" <<JOB
echo "@@say recording"
trapspec record --target kvm:$limit --sample $sample --time $((seconds / 2)) -o - | tee /out/recording.jsonl
echo "@@say comparing"
trapspec diff $profile golden:/out/recording.jsonl --below $below --first 20 >/out/diff.txt
tail -n 1 /out/diff.txt
echo "@@say judging"
timeout -s INT $((seconds / 3)) trapspec report --target kvm:$limit --sample $sample --below $below -o /out
JOB
fi
(cd "$rd" && find . | "$work/host/bin/busybox" cpio -o -H newc 2>/dev/null) | gzip -1 >"$work/initrd"

# 5. The machine. One processor: QEMU 7.2 can hang with two when machines come and go in the guest.
set -- -smp 1 -m 768 -display none -monitor none -no-reboot -serial stdio -initrd "$work/initrd"
image=$(find "$work/kernel" -name 'vmlinuz*' -type f | head -n 1) # in /boot, or beside the modules
options="quiet loglevel=3 panic=-1"
case $arch in
x86_64)
    # QEMU 7.2 leaves garbage in the flags after CMPXCHG16B; kernels whose allocator then is interrupted die of it.
    case $release in [1-5].* | 6.[0-4].*) ;; *) options="$options clearcpuid=cx16" ;; esac
    set -- "$@" -M q35 -cpu max -append "console=ttyS0 $options"
    ;;
aarch64)
    set -- "$@" -M virt,virtualization=on,gic-version=3 -cpu max,pauth-impdef=on -append "console=ttyAMA0 $options"
    ;;
esac

# Bochs boots by its BIOS: a CD with a loader, and the processor that has everything KVM asks of VMX.
bochs_machine() {
    cd=$work/cd
    mkdir -p "$cd/isolinux"
    cp "$work/loader/usr/lib/ISOLINUX/isolinux.bin" "$work/loader/usr/lib/syslinux/modules/bios/ldlinux.c32" "$cd/isolinux/"
    cp "$image" "$cd/vmlinuz"
    cp "$work/initrd" "$cd/initrd"
    printf '%s\n' 'DEFAULT kvm' 'PROMPT 0' 'TIMEOUT 1' 'LABEL kvm' ' KERNEL /vmlinuz' \
        " APPEND initrd=/initrd console=ttyS0 $options nokaslr mitigations=off tsc=reliable" >"$cd/isolinux/isolinux.cfg"
    xorriso -as mkisofs -quiet -o "$work/cd.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
        -boot-load-size 4 -boot-info-table "$cd" 2>/dev/null
    cat >"$work/bochsrc" <<BOCHS
display_library: rfb, options="timeout=0"
megs: 768
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/cd.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$out/console.log
cpu: model=corei7_skylake_x, count=1, ips=50000000, reset_on_triple_fault=0
clock: sync=none
log: $out/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
BOCHS
    printf 'c\nq\n' >"$work/commands"
}
rm -f "$out"/*.tst "$out"/*.jsonl "$out"/*.txt "$out"/report.* # of a run before
say "booting, at most $seconds s"
: >"$out/console.log"
if [ "$qemu" = bochs ]; then
    bochs_machine
    bochs -q -f "$work/bochsrc" -rc "$work/commands" </dev/null >"$out/bochs.out" 2>&1 &
else
    "$qemu" -accel tcg,thread=multi "$@" -kernel "$image" </dev/null >"$out/console.log" 2>"$out/qemu.log" &
fi
child=$!
start=$(date +%s)
shown=0
while kill -0 "$child" 2>/dev/null; do
    now=$(($(date +%s) - start))
    lines=$(grep -c '^{"id"' "$out/console.log" || true)
    if [ -t 2 ]; then
        printf '\rnested: %3d s, %d records ' "$now" "$lines" >&2
    elif [ $((now - shown)) -ge 30 ]; then
        shown=$now
        say "$now s, $lines records"
    fi
    [ "$now" -lt "$seconds" ] || break
    grep -q '^@@done' "$out/console.log" && sleep 1 && break
    sleep 1
done
[ ! -t 2 ] || printf '\n' >&2
kill "$child" 2>/dev/null || true
wait "$child" 2>/dev/null || true
child=

# 6. What came back: files between marks, and whatever records reached the console before a hang.
tr -d '\r' <"$out/console.log" >"$work/console"
"$work/host/bin/busybox" awk -v dir="$work" '
    /^@@begin / { name = dir "/back-" substr($0, 9); next }
    /^@@end / { close(name); print substr($0, 7) > (dir "/names"); name = ""; next }
    name != "" { print > name }' "$work/console"
if [ -f "$work/names" ]; then
    while read -r f; do
        base64 -d "$work/back-$f" | gzip -dc >"$out/$f" || say "$f came back damaged"
    done <"$work/names"
fi
"$work/host/bin/busybox" awk '
    /^@@begin / { skip = 1 }
    !skip && !/^@@/ && !/^[{]"id"/ && !/^$/ { print }
    /^@@end / { skip = 0 }' "$work/console" >"$out/output.txt"
if ! grep -q '^@@done' "$work/console"; then
    grep '^{"id".*}$' "$work/console" >"$out/recording.jsonl" || rm -f "$out/recording.jsonl"
    tail -n 5 "$out/output.txt" >&2
    [ ! -s "$out/qemu.log" ] || head -n 3 "$out/qemu.log" >&2
    kept=$(grep -c '^{"id"' "$work/console" || true)
    leave "the machine hung, died or was too slow; $kept records are kept in $out" 1
fi
cat "$out/output.txt"
grep '^@@note' "$work/console" | sed 's/^@@note /nested: /' >&2 || true
say "$(sed -n 's/^@@kernel //p' "$work/console"), $(($(date +%s) - start)) s in the machine; results in $out"
exit "$(sed -n 's/^@@code //p' "$work/console" | tail -n 1)"
