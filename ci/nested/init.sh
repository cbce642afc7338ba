#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# First process of the machine that run.sh boots: mounts what is needed, loads KVM, runs /job, and sends back over the
# console what the job left in /out. Lines that begin with @@ are for run.sh.
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox --install -s /bin
export PATH=/bin HOME=/ NO_COLOR=1

# Modules in whatever order their dependencies want: as long as one more loads, try the others again.
again=yes
while [ "$again" ]; do
    again=
    for m in /modules/*.ko; do
        [ -e "$m" ] && insmod "$m" 2>/dev/null && rm -f "$m" && again=yes
    done
done
[ -e /dev/kvm ] || echo "@@note this kernel has no /dev/kvm on this processor"
echo "@@kernel $(uname -r)"
# Through a pipe: a terminal would get colours and progress lines.
{ sh /job; echo "@@code $?"; } 2>&1 | cat
cd /out
for f in *; do
    [ -f "$f" ] || continue
    echo "@@begin $f"
    gzip -c "$f" | base64
    echo "@@end $f"
done
echo "@@done"
sleep 1 # what a serial line of 115200 baud still holds
poweroff -f
