/* SPDX-License-Identifier: MIT */
/*
 * Good dumps of several machines, written by hand after real ones, and what must be found when one
 * thing in them is made wrong: rule, leaf, sub-leaf, register and bits. What several leaves say of
 * one thing, and units that describe themselves.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/lint_rig.h"

/* Bits that a system sets, and features that stand on others. */
static const struct planted runtime_bits_and_the_apic_rows[] = {
    {"intel", "1.0.d&fffffdff", "DEP-X2APIC-APIC 0x1.0 ecx[21]"},
    {"amd", "1.0.d&fffffdff 80000001.0.d&fffffdff", "DEP-X2APIC-APIC 0x1.0 ecx[21]"},
    {"kvm", "1.0.d&fffffdff", "DEP-X2APIC-APIC 0x1.0 ecx[21]; DEP-TSCDL-APIC 0x1.0 ecx[24]"},
    {"kvm-amd", "1.0.d&fffffdff 80000001.0.d&fffffdff",
     "DEP-X2APIC-APIC 0x1.0 ecx[21]; DEP-EXTAPIC-APIC 0x80000001.0 ecx[3]"},
    {"intel", "1.0.d&ffffff7f", "DEP-MCA-MCE 0x1.0 edx[14]"},
    {"intel", "1.0.d&ffdfffff", "DEP-DTES64-DS 0x1.0 ecx[2]; DEP-DSCPL-DS 0x1.0 ecx[4]"},
    {"intel", "6.0.a=f77", "DEP-HWP 0x6.0 eax[11:8]"},
    {"intel", "6.0.a|800000", "DEP-TD-HFI 0x6.0 eax[23]"},
    {"kvm", "1.0.c&fffdffff", "DEP-INVPCID-PCID 0x7.0 ebx[10]"},
    {"kvm", "a.0.a=0 a.0.d=0 a.0.b=0 a.0.c=0", "DEP-PDCM-PMU 0x1.0 ecx[15]"},
    /* A trust domain cannot clear the feature. */
    {"kvm",
     "a.0.a=0 a.0.d=0 a.0.b=0 a.0.c=0 0.0.a=21 21.0.b=65746e49 21.0.c=20202020 21.0.d=5844546c",
     ""},
    /* Silicon may end before the leaf of performance monitoring, a monitor has no reason to. */
    {"kvm", "1.0.c=80008201 7.0.b=0 7.0.c=10000 7.0.d=0 7.1.a=0 0.0.a=9",
     "DEP-PDCM-PMU 0x1.0 ecx[15]; MAX-PDCM 0x0.0 eax[31:0]"},
    {"intel", "1.0.d|40000 0.0.a=2", "MAX-PSN 0x0.0 eax[31:0]"},
    {"intel", "3.0.c=12345678", "LEFT-PSN-C 0x3.0 ecx[31:0]"},
    {"intel", "3.0.d=12345678", "LEFT-PSN-D 0x3.0 edx[31:0]"},
    {"intel", "7.0.c&ffffffe7 7.0.c|10 d.0.a=600e7", "DEP-OSPKE-PKU 0x7.0 ecx[4]"},
    {"intel", "80000000.0.a=80000001",
     "MAX-LM 0x80000000.0 eax[31:0]; MAX-P1GB 0x80000000.0 eax[31:0]; NUM-LA57 0x80000008.0 "
     "eax[15:8]"},
    {"intel", "80000000.0.a=8", "MAX-EXT 0x80000000.0 eax[31:16]"},
    {"amd", "0.0.a=f", "MAX-RDTA 0x0.0 eax[31:0]"},
    {"intel", "f.0.d=0", "LEFT-L3-MONITOR 0xf.1 edx[2:0]"},
    {"intel", "10.0.b=8", "LEFT-CAT-1 0x10.1 edx[15:0]"},
    {"intel", "10.0.b=2", "LEFT-MBA 0x10.3 edx[15:0]"},
    {"amd", "80000020.0.b=0 80000020.1.d=f", "LEFT-QOS-1 0x80000020.1 edx[31:0]"},
    {"amd", "80000020.0.b=0 80000020.3.b=2", "LEFT-QOS-3 0x80000020.3 ebx[31:0]"},
};

static void runtime_bits_and_the_apic(void **state)
{
    (void)state;
    CHECK(runtime_bits_and_the_apic_rows);
}

/* State components: what kind each is, and where it lies. */
static const struct planted supervisor_components_rows[] = {
    {"intel", "d.8.b=340", "XSS-PLACE-8 0xd.8 ebx[31:0]"},
    {"intel", "d.b.b=340", "XSS-PLACE-11 0xd.11 ebx[31:0]"},
    {"intel", "d.1.c|4000 d.e.a=0", "XSS-SIZE-14 0xd.14 eax[31:0]"},
    {"intel", "d.1.c|4000 d.e.a=30 d.e.c=0", "XSS-KIND-14 0xd.14 ecx[0]"},
    {"intel", "d.9.c=1", "XKIND-9 0xd.9 ecx[0]"},
    {"intel", "d.5.b=460", "lint:xsave-overlap 0xd.6 ebx[31:0]"},
    {"intel", "d.12.b=ac0", "lint:xsave-overlap 0xd.18 ebx[31:0]; lint:xsave-now 0xd.0 ebx[31:0]"},
    {"intel", "d.8.a=40", "XSIZE-PT 0xd.8 eax[31:0]"},
    {"intel", "d.b.a=18", "XSIZE-CETU 0xd.11 eax[31:0]"},
    {"intel", "d.c.a=10", "XSIZE-CETS 0xd.12 eax[31:0]"},
    {"intel", "d.5.c=4 d.1.a&ffffffef 7.0.d&feffffff 7.0.d&fcbfffff d.0.a=2e7 d.0.c=a88 d.0.b=a88",
     "XFD-5 0xd.5 ecx[2]; XFD-18 0xd.18 ecx[2]"},
    {"intel", "d.0.b=2a00", "lint:xsave-now 0xd.0 ebx[31:0]"},
    {"intel", "d.1.b=4000", "lint:xsave-compact 0xd.1 ebx[31:0]"},
    {"intel", "d.1.b=100", "lint:xsave-compact 0xd.1 ebx[31:0]"},
};

static void supervisor_components(void **state)
{
    (void)state;
    CHECK(supervisor_components_rows);
}

/* Memory encryption says where its bit is, and what else there is. */
static const struct planted encryption_rows[] = {
    {"amd", "8000001f.0.a=1 8000001f.0.b=bf 8000001f.0.c=0 8000001f.0.d=0",
     "NUM-CBIT-SME 0x8000001f.0 ebx[5:0]"},
    {"kvm-amd", "8000001f.0.a=2 8000001f.0.b=f4 8000001f.0.c=1 8000001f.0.d=1",
     "NUM-CBIT-SEV 0x8000001f.0 ebx[5:0]"},
    {"kvm-amd", "8000001f.0.a=2 8000001f.0.b=f3 8000001f.0.c=1 8000001f.0.d=1", ""},
    {"amd", "8000001f.0.a=3b 8000001f.0.b=b3 8000001f.0.c=5 8000001f.0.d=1",
     "NUM-VMPL 0x8000001f.0 ebx[15:12]"},
};

static void encryption(void **state)
{
    (void)state;
    CHECK(encryption_rows);
}

/* A guest's maximum below what answers, and a component in the middle without its sub-leaf. */
static const struct planted cut_rows[] = {
    {"kvm-amd", "0.0.a=1", "lint:maximum 0x0.0 eax[31:0]"},
    {"kvm-amd", "-d.5", "lint:xsave-missing 0xd.5 eax[31:0]"},
    {"amd", "-d.5", ""},
};

static void cut_short(void **state)
{
    (void)state;
    CHECK(cut_rows);
}

/* Who made the part, what it is called, and how its leaves count. */
static const struct planted signatures_rows[] = {
    {"intel", "0.0.a=10020", "NUM-MAX-BASIC 0x0.0 eax[31:12]"},
    {"intel", "1.0.a|3000", "NUM-TYPE 0x1.0 eax[13:12]"},
    {"intel", "1.0.a=000805f8", "NUM-EXTMODEL 0x1.0 eax[11:8]"},
    {"amd", "80000000.0.b=756e6547", "NUM-VENDOR-B 0x80000000.0 ebx[31:0]"},
    {"amd", "80000000.0.c=756e6547", "NUM-VENDOR-C 0x80000000.0 ecx[31:0]"},
    {"amd", "80000000.0.d=756e6547", "NUM-VENDOR-D 0x80000000.0 edx[31:0]"},
    {"amd", "0.0.b=68747542", "lint:vendor 0x0.0 ebx[31:0]"},
    {"intel", "0.0.d=49656e6a", "lint:vendor 0x0.0 edx[31:0]"},
    {"amd", "0.0.b=1 0.0.c=2 0.0.d=3", "lint:vendor 0x0.0 ebx[31:0]"},
    {"intel", "80000004.0.d=20202020",
     "note lint:brand 0x80000004.0 edx[7:0]; lint:brand 0x80000004.0 edx[31:24]"},
    {"amd", "80000004.0.d=20000000", "lint:brand 0x80000004.0 edx[31:24]"},
    {"amd", "80000000.0.a=80001028", "NUM-MAX-EXT 0x80000000.0 eax[15:12]"},
};

static void signatures(void **state)
{
    (void)state;
    CHECK(signatures_rows);
}

/* The same threads in several leaves. */
static const struct planted counts_of_processors_rows[] = {
    {"amd", "80000008.0.c=300f", "NUM-CORES-8 0x80000008.0 ecx[15:12]"},
    {"amd", "80000008.0.c=400e", "NUM-THREADS-8 0x80000008.0 ecx[7:0]"},
    {"amd", "80000008.0.c=f03f 1.0.b=00400800 80000008.0.c=503f",
     "NUM-CORES-32 0x80000008.0 ecx[15:12]; NUM-THREADS-B 0xb.1 ebx[15:0]; NUM-SHIFT-C8 "
     "0x80000008.0 ecx[15:12]"},
    {"amd", "80000008.0.c=607f 1.0.b=00800800",
     "NUM-CORES-64 0x80000008.0 ecx[15:12]; NUM-THREADS-B 0xb.1 ebx[15:0]; NUM-SHIFT-C8 "
     "0x80000008.0 ecx[15:12]"},
    {"amd", "80000008.0.c=70ff 1.0.b=00ff0800",
     "NUM-CORES-128 0x80000008.0 ecx[15:12]; NUM-SHIFT-C8 0x80000008.0 ecx[15:12]"},
    {"amd", "80000008.0.c=1002 1.0.b=00030800 b.1.b=3", "NUM-CORES-2 0x80000008.0 ecx[15:12]"},
    {"amd", "80000008.0.c=2006 1.0.b=00070800 b.1.b=7", "NUM-CORES-4 0x80000008.0 ecx[15:12]"},
    {"amd", "1.0.b=00080800", "NUM-THREADS-1 0x1.0 ebx[23:16]"},
    {"amd", "1.0.d&efffffff", "NUM-HTT-AMD 0x1.0 edx[28]"},
    {"intel", "1.0.d&efffffff", "NUM-HTT-LEVEL 0x1.0 edx[28]"},
    {"intel", "1.0.b=00080800", "NUM-PACKAGE 0x1.0 ebx[23:16]"},
    {"amd", "8000001e.0.b=0", "NUM-UNIT-THREADS 0x8000001e.0 ebx[15:8]"},
    {"amd", "8000001e.0.c=200", "NUM-NODES 0x8000001e.0 ecx[10:8]"},
    {"amd", "8000001e.0.c=400", "NUM-NODES 0x8000001e.0 ecx[10:8]"},
    {"kvm-amd-4", "@2 8000001e.0.a=102", "ID-AMD-X2APIC 0x8000001e.0 eax[31:0]"},
    {"amd", "b.1.b=f", "NUM-THREADS-B 0xb.1 ebx[15:0]"},
    {"amd", "80000008.0.c=400e", "NUM-THREADS-8 0x80000008.0 ecx[7:0]"},
    {"amd",
     "80000026.2.a=4 80000026.2.b=10 80000026.2.c=302 80000026.3.a=4 80000026.3.b=10 "
     "80000026.3.c=403 b.1.a=5",
     "NUM-SHIFT-B 0xb.1 eax[4:0]"},
    {"amd",
     "80000026.2.a=4 80000026.2.b=10 80000026.2.c=302 80000026.3.a=4 80000026.3.b=10 "
     "80000026.3.c=403 80000008.0.c=500f",
     "NUM-SHIFT-8 0x80000008.0 ecx[15:12]"},
    {"amd", "80000026.1.b=1", "NUM-COUNT-26-1 0x80000026.1 ebx[15:0]"},
    {"amd", "80000026.0.b=1", "NUM-AMD-SMT-COUNT 0x80000026.0 ebx[15:0]"},
    {"amd", "80000026.1.a=0 80000026.1.b=1",
     "NUM-LEVELS-26-1 0x80000026.1 eax[4:0]; NUM-COUNT-26-1 0x80000026.1 ebx[15:0]; NUM-SHIFT-C26 "
     "0x80000026.1 eax[4:0]"},
    {"intel", "1f.1.b=1", "NUM-COUNT-1F-1 0x1f.1 ebx[15:0]"},
    {"intel", "b.0.c=0", "lint:topology-end 0xb.0 ecx[15:8]"},
    {"intel", "b.1.c=1", "lint:topology-end 0xb.1 ecx[15:8]"},
    {"amd", "b.0.c=0", "lint:topology-end 0xb.0 ecx[15:8]"},
    {"amd",
     "80000026.2.a=4 80000026.2.b=10 80000026.2.c=302 80000026.3.a=4 80000026.3.b=10 "
     "80000026.3.c=403 80000026.3.a=5",
     "NUM-SHIFT-26 0x80000026.3 eax[4:0]"},
    {"amd",
     "80000026.2.a=4 80000026.2.b=10 80000026.2.c=302 80000026.3.a=4 80000026.3.b=10 "
     "80000026.3.c=403 80000026.3.b=8",
     "NUM-AMD-PACKAGE 0x80000026.3 ebx[15:0]; NUM-COUNT-26-3 0x80000026.3 ebx[15:0]"},
};

static void counts_of_processors(void **state)
{
    (void)state;
    CHECK(counts_of_processors_rows);
}

/* Lists of caches, and other leaves about the same ones. */
static const struct planted caches_rows[] = {
    {"intel", "4.2.a=78004143", "NUM-CACHE-IDS-2 0x4.2 eax[31:26]"},
    {"intel", "4.3.a=7c0fc165", "NUM-CACHE-TYPE-3 0x4.3 eax[4:0]"},
    {"amd", "8000001d.2.a=4144", "NUM-CACHE-AMD-TYPE-2 0x8000001d.2 eax[4:0]"},
    {"amd", "8000001d.4.a=4103", "NUM-CACHE-AMD-4 0x8000001d.4 eax[7:5]"},
    {"amd", "80000005.0.c=20000140", "NUM-L1D-WAYS 0x80000005.0 ecx[23:16]"},
    {"amd", "80000005.0.c=20080100", "NUM-L1D-LINE 0x80000005.0 ecx[7:0]"},
    {"amd", "80000005.0.d=20080100", "NUM-L1I-LINE 0x80000005.0 edx[7:0]"},
    {"amd", "80000005.0.d=20000140", "NUM-L1I-WAYS 0x80000005.0 edx[23:16]"},
    {"amd", "80000005.0.c=10080140", "lint:cache-leaves 0x80000005.0 ecx[31:24]"},
    {"amd", "80000005.0.c=20040140", "lint:cache-leaves 0x80000005.0 ecx[23:16]"},
    {"amd", "80000005.0.c=20080120", "lint:cache-leaves 0x80000005.0 ecx[7:0]"},
    {"amd", "80000005.0.d=40080140", "lint:cache-leaves 0x80000005.0 edx[31:24]"},
    {"amd", "80000006.0.c=02006140", "lint:cache-leaves 0x80000006.0 ecx[31:16]"},
    {"amd", "80000006.0.c=04004140", "lint:cache-leaves 0x80000006.0 ecx[15:12]"},
    {"amd", "80000006.0.c=04006120", "lint:cache-leaves 0x80000006.0 ecx[7:0]"},
    {"amd", "80000006.0.c=04007140", "NUM-L2-WAYS 0x80000006.0 ecx[15:12]"},
    {"amd", "80000006.0.c=04000140", "NUM-L2-ON 0x80000006.0 ecx[15:12]"},
    {"amd", "80000006.0.d=01007140", "NUM-L3-WAYS 0x80000006.0 edx[15:12]"},
    {"amd", "80000006.0.d=01000140", "NUM-L3-ON 0x80000006.0 edx[15:12]"},
    {"amd", "80000006.0.d=01009100", "NUM-L3-LINE 0x80000006.0 edx[7:0]"},
    {"amd", "8000001d.0.b=01c0002f", "lint:cache-line 0x8000001d.0 ebx[11:0]"},
    {"amd", "8000001d.0.b=01c0001f",
     "lint:cache-flush-line 0x8000001d.0 ebx[11:0]; lint:cache-leaves 0x80000005.0 ecx[31:24]; "
     "lint:cache-leaves 0x80000005.0 ecx[7:0]"},
    {"amd", "8000001d.2.c=3ff", "lint:cache-leaves 0x80000006.0 ecx[31:16]"},
    {"amd", "8000001d.3.a=00163", "lint:cache-share 0x8000001d.3 eax[25:14]"},
    {"amd", "8000001d.2.a=0", "lint:cache-end 0x8000001d.3 eax[4:0]"},
    {"intel", "4.1.a=7c004121", "lint:cache-twice 0x4.1 eax[7:0]"},
    {"intel", "4.1.a=0", "lint:cache-end 0x4.2 eax[4:0]; lint:cache-end 0x4.3 eax[4:0]"},
    {"intel", "4.2.a=0", "lint:cache-end 0x4.3 eax[4:0]"},
    {"intel", "4.2.a=7c000143", "lint:cache-share 0x4.2 eax[25:14]"},
    {"intel", "4.3.a=7c000163", "lint:cache-share 0x4.3 eax[25:14]"},
    {"intel", "4.0.b=02c0001f", "lint:cache-flush-line 0x4.0 ebx[11:0]"},
    {"intel", "4.2.b=03c00040", "lint:cache-line 0x4.2 ebx[11:0]"},
    {"intel", "18.0.a=1 18.1.b=80001 18.1.c=20 18.1.d=4026", "NUM-TLB-TYPE-1 0x18.1 edx[4:0]"},
    {"intel", "18.0.a=1 18.1.b=80001 18.1.c=20 18.1.d=4002", "NUM-TLB-LEVEL-1 0x18.1 edx[7:5]"},
    {"intel", "18.0.a=1 18.1.b=80000 18.1.c=20 18.1.d=4022", "NUM-TLB-PAGES-1 0x18.1 ebx[3:0]"},
    {"intel", "2.0.a=00feff02", "NUM-LEAF2 0x2.0 eax[7:0]"},
    {"intel", "2.0.a=00fe1101", "lint:descriptor 0x2.0 eax[15:8]"},
    {"intel", "2.0.d=07", "lint:descriptor 0x2.0 edx[7:0]"},
    {"intel", "2.0.d=2c04303f", ""},
    {"intel", "18.0.a=1 18.1.b=1 18.1.c=20 18.1.d=4022", "NUM-TLB-WAYS-1 0x18.1 ebx[31:16]"},
    {"intel", "18.0.a=1 18.1.b=80001 18.1.c=0 18.1.d=4022", "NUM-TLB-SETS-1 0x18.1 ecx[31:0]"},
    {"intel", "f.1.b=0", "NUM-L3-FACTOR 0xf.1 ebx[31:0]"},
    {"amd", "8000001d.0.a=121", "NUM-CACHE-THREADS-0 0x8000001d.0 eax[25:14]"},
    {"amd", "80000006.0.d=00809140", "lint:cache-leaves 0x80000006.0 edx[31:18]"},
    {"amd", "80000006.0.d=01009120", "lint:cache-leaves 0x80000006.0 edx[7:0]"},
    {"intel", "4.3.a=7c1fc163", "lint:cache-package 0x4.3 eax[25:14]"},
    {"amd", "8000001d.3.a=7c163", "lint:cache-package 0x8000001d.3 eax[25:14]"},
};

static void caches(void **state)
{
    (void)state;
    CHECK(caches_rows);
}

/* Units of the processor that describe themselves. */
static const struct planted units_rows[] = {
    {"intel", "a.0.a=07300800", "NUM-PMU-COUNTERS 0xa.0 eax[15:8]"},
    {"intel", "a.0.a=07300801", "NUM-PMU-FIXED 0xa.0 eax[7:0]"},
    {"intel", "a.0.a=07100805", "NUM-PMU-WIDTH 0xa.0 eax[23:16]"},
    {"intel", "a.0.a=07500805", "NUM-PMU-WIDTH-MAX 0xa.0 eax[23:16]"},
    {"intel", "16.0.a=ffff", "NUM-BASE 0x16.0 eax[15:0]"},
    {"intel", "16.0.a=1000", "NUM-BASE 0x16.0 eax[15:0]"},
    {"intel", "1a.0.a=10000001", "NUM-CORE-TYPE 0x1a.0 eax[31:24]"},
    {"intel", "1a.0.a=30000001", "NUM-CORE-TYPE 0x1a.0 eax[31:24]"},
    {"intel", "7.0.d|8000 1a.0.a=0", "NUM-HYBRID 0x1a.0 eax[31:24]"},
    {"intel", "1c.0.a=40000000", "NUM-LBR 0x1c.0 eax[7:0]"},
    {"intel", "7.1.a|100 0.0.a=23 23.0.a=2", "NUM-PERFEXT 0x23.0 eax[0]"},
    {"intel", "7.1.d|80000 0.0.a=24 24.0.b=70000", "NUM-AVX10 0x24.0 ebx[7:0]"},
    {"intel", "1d.0.a=0", "NUM-AMX-PALETTE 0x1d.0 eax[31:0]"},
    {"intel", "1d.1.a=04001000", "NUM-AMX-TOTAL 0x1d.1 eax[15:0]"},
    {"intel", "1d.1.a=02002000", "NUM-AMX-TILE 0x1d.1 eax[31:16]"},
    {"intel", "1d.1.b=00080020", "NUM-AMX-ROW 0x1d.1 ebx[15:0]"},
    {"intel", "1d.1.b=00100040", "NUM-AMX-NAMES 0x1d.1 ebx[31:16]"},
    {"intel", "1d.1.c=8", "NUM-AMX-ROWS 0x1d.1 ecx[15:0]"},
    {"intel", "1e.0.a=1 1e.1.a=2", "NUM-TMUL-INT8 0x1e.1 eax[0]"},
    {"intel", "1e.0.a=1 1e.1.a=7", "NUM-TMUL-COMPLEX 0x1e.1 eax[2]"},
    {"intel", "1e.0.a=1 1e.1.a=1", "NUM-TMUL-BF16 0x1e.1 eax[1]"},
    {"intel", "1e.0.a=1 1e.1.a=b", "NUM-TMUL-FP16 0x1e.1 eax[3]"},
    {"amd", "8000000a.0.a=0", "NUM-SVM 0x8000000a.0 eax[7:0]"},
    {"amd", "8000001b.0.a=bfe", "NUM-IBS 0x8000001b.0 eax[0]"},
    {"amd", "80000022.0.b=84010", "NUM-PERF2 0x80000022.0 ebx[3:0]"},
    {"amd", "80000022.0.b=06", "NUM-LBR2 0x80000022.0 ebx[9:4]"},
    {"intel", "80000008.0.a=3900", "NUM-PHYS-MIN 0x80000008.0 eax[7:0]"},
    {"intel", "80000008.0.a=34",
     "NUM-LINEAR-MIN 0x80000008.0 eax[15:8]; NUM-LA57 0x80000008.0 eax[15:8]"},
    {"amd", "80000000.0.a=80000022", "lint:maximum 0x80000000.0 eax[31:0]"},
    {"intel", "0.0.a=1e 1f.0.b=2", "lint:maximum 0x0.0 eax[31:0]"},
    {"intel", "7.0.a=102", "NUM-SUB-7 0x7.0 eax[31:8]"},
    {"intel", "14.0.a=0", "SUB-14 0x14.0 eax[31:0]"},
    {"intel", "18.0.a=0 18.1.b=80001 18.1.c=20 18.1.d=4022", "SUB-18-1 0x18.0 eax[31:0]"},
    {"intel", "f.1.c=fff", "NUM-RMID 0xf.1 ecx[31:0]"},
    {"intel", "10.1.d=0", "NUM-COS-1 0x10.1 edx[15:0]"},
    {"intel", "10.1.a=0", "NUM-CBM-1 0x10.1 eax[4:0]"},
    {"intel", "10.0.b=a 10.3.a=0", "NUM-MBA 0x10.3 eax[11:0]"},
    {"intel", "a.0.d=8e04", "NUM-FIXED-WIDTH-MAX 0xa.0 edx[12:5]"},
    {"amd", "8000001f.0.a=3 8000001f.0.c=0", "NUM-SEV-COUNT 0x8000001f.0 ecx[31:0]"},
    {"amd", "8000001f.0.a=3 8000001f.0.c=1fd 8000001f.0.d=200",
     "NUM-SEV-MIN 0x8000001f.0 edx[31:0]"},
    {"intel", "d.2.b=260", "XPLACE-AVX 0xd.2 ebx[31:0]"},
};

static void units(void **state)
{
    (void)state;
    CHECK(units_rows);
}

const struct CMUnitTest tests[] = {
    cmocka_unit_test(runtime_bits_and_the_apic),
    cmocka_unit_test(supervisor_components),
    cmocka_unit_test(encryption),
    cmocka_unit_test(cut_short),
    cmocka_unit_test(signatures),
    cmocka_unit_test(counts_of_processors),
    cmocka_unit_test(caches),
    cmocka_unit_test(units),
};

TEST_MAIN(tests)
