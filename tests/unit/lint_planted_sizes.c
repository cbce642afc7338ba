/* SPDX-License-Identifier: MIT */
/*
 * Good dumps of several machines, written by hand after real ones, and what must be found when one
 * thing in them is made wrong: rule, leaf, sub-leaf, register and bits, and nothing else. Sizes,
 * topology, CPUs against each other, hypervisors.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/lint_rig.h"

/* State components against features, sizes and places. */
static const struct planted xsave_components_rows[] = {
    {"intel", "d.0.a=602e4", "XCR0-X87-SSE 0xd.0 eax[1:0]"},
    {"intel", "d.0.c=200 d.0.b=200",
     "XCR0-SIZE 0xd.0 ecx[31:0]; XCR0-NOW-MIN 0xd.0 ebx[31:0]; XFIT-2 0xd.0 ecx[31:0]; XFIT-5 "
     "0xd.0 ecx[31:0]; XFIT-6 0xd.0 ecx[31:0]; XFIT-7 0xd.0 ecx[31:0]; XFIT-9 0xd.0 ecx[31:0]; "
     "XFIT-17 0xd.0 ecx[31:0]; XFIT-18 0xd.0 ecx[31:0]"},
    {"intel", "d.0.b=3000", "XCR0-NOW 0xd.0 ebx[31:0]"},
    {"intel", "d.0.b=100", "XCR0-NOW-MIN 0xd.0 ebx[31:0]"},
    {"intel", "d.0.a&ffffffdf", "XCR0-OPMASK 0x7.0 ebx[16]; XCR0-512-5 0xd.0 eax[6]"},
    {"intel", "d.0.a=600e7", "XCR0-PKRU 0x7.0 ecx[3]"},
    {"intel", "d.0.a=402e7", "XCR0-TILECFG 0x7.0 edx[24]; XCR0-AMX-PAIR-2 0xd.0 eax[18]"},
    {"intel", "d.2.a=0", "XSIZE-2 0xd.2 eax[31:0]"},
    {"intel", "d.2.a=80", "XSIZE-AVX 0xd.2 eax[31:0]"},
    {"intel", "d.5.a=20", "XSIZE-OPMASK 0xd.5 eax[31:0]"},
    {"intel", "d.12.a=1000", "XSIZE-TILEDATA 0xd.18 eax[31:0]; lint:xsave-now 0xd.0 ebx[31:0]"},
    {"intel", "d.9.b=100", "XPLACE-9 0xd.9 ebx[31:0]"},
    {"intel", "d.9.b=2b00", "XFIT-9 0xd.0 ecx[31:0]"},
    {"intel", "d.1.c=0 d.1.a&fffffff7",
     "DEP-XFD-XSAVES 0xd.1 eax[4]; DEP-SHSTK-XSAVES 0x7.0 ecx[7]"},
    {"intel", "d.b.a=0", "XSS-SIZE-11 0xd.11 eax[31:0]"},
    {"intel", "d.b.c=0", "XSS-KIND-11 0xd.11 ecx[0]"},
    {"kvm", "7.0.c&fffffff7", "XCR0-PKRU-BACK 0xd.0 eax[9]; DEP-OSPKE-PKU 0x7.0 ecx[4]"},
    {"kvm", "7.0.b&fffeffff 7.0.b&0c14ffff",
     "DEP-VNNI-AVX512F 0x7.0 ecx[11]; DEP-VPOPCNT-AVX512F 0x7.0 ecx[14]; DEP-VBMI-AVX512BW 0x7.0 "
     "ecx[1]; DEP-VBMI2-AVX512BW 0x7.0 ecx[6]; DEP-BITALG-AVX512BW 0x7.0 ecx[12]; "
     "DEP-AVX512BF16-AVX512BW 0x7.1 eax[5]; DEP-AVX512FP16-AVX512BW 0x7.0 edx[23]; "
     "XCR0-OPMASK-BACK 0xd.0 eax[5]; XCR0-ZMMHI-BACK 0xd.0 eax[6]; XCR0-HIZMM-BACK 0xd.0 eax[7]; "
     "LEFT-PT 0x14.0 ebx[31:0]"},
    {"kvm", "1.0.c&efffffff",
     "DEP-FMA-AVX 0x1.0 ecx[12]; DEP-F16C-AVX 0x1.0 ecx[29]; DEP-AVX2-AVX 0x7.0 ebx[5]; "
     "DEP-VAES-AVX 0x7.0 ecx[9]; DEP-VPCLMUL-AVX 0x7.0 ecx[10]; XCR0-AVX-BACK 0xd.0 eax[2]"},
    {"kvm", "d.3.a=40", "XLEFT-3 0xd.3 eax[31:0]"},
    {"kvm", "d.0.c=2c00", "lint:xsave-area 0xd.0 ecx[31:0]"},
    {"kvm", "1.0.c&fbffffff d.0.b=0",
     "DEP-AVX-XSAVE 0x1.0 ecx[28]; DEP-XSAVEOPT-XSAVE 0xd.1 eax[0]; DEP-XSAVEC-XSAVE 0xd.1 eax[1]; "
     "DEP-XGETBV1-XSAVE 0xd.1 eax[2]; DEP-XSAVES-XSAVE 0xd.1 eax[3]; DEP-PKU-XSAVE 0x7.0 ecx[3]; "
     "DEP-AMXTILE-XSAVE 0x7.0 edx[24]; XLEAF-NONE 0xd.0 eax[31:0]; DEP-OSXSAVE-XSAVE 0x1.0 "
     "ecx[27]"},
    {"kvm", "d.13.a=80 d.13.b=2b00", "XLEFT-19 0xd.19 eax[31:0]"},
};

static void xsave_components(void **state)
{
    (void)state;
    CHECK(xsave_components_rows);
}

/* Numbers that cannot be, or do not agree. */
static const struct planted numbers_rows[] = {
    {"intel", "1.0.b=00000000", "NUM-CLFLUSH 0x1.0 ebx[15:8]; NUM-HTT 0x1.0 ebx[23:16]"},
    {"intel", "1.0.b=00400000", "NUM-CLFLUSH 0x1.0 ebx[15:8]"},
    {"amd", "1.0.b=00000800", "NUM-HTT 0x1.0 ebx[23:16]"},
    {"amd", "1.0.a=00a10611", "NUM-EXTFAMILY 0x1.0 eax[11:8]"},
    {"amd", "80000001.0.a=00a10f10", "NUM-SIGNATURE 0x80000001.0 eax[31:0]"},
    {"intel", "5.0.a=80", "NUM-MONITOR 0x5.0 eax[15:0]"},
    {"intel", "80000008.0.a=3935", "NUM-PHYS-MAX 0x80000008.0 eax[7:0]"},
    {"intel", "80000008.0.a=3910", "NUM-PHYS-MIN 0x80000008.0 eax[7:0]"},
    {"intel", "80000008.0.a=4034", "NUM-LINEAR-MAX 0x80000008.0 eax[15:8]"},
    {"intel", "80000008.0.a=3034", "NUM-LA57 0x80000008.0 eax[15:8]"},
    {"amd", "80000008.0.a=3930", "NUM-LA57-BACK 0x80000008.0 eax[15:8]"},
    {"intel", "80000008.0.a=2034",
     "NUM-LINEAR-MIN 0x80000008.0 eax[15:8]; NUM-LA57 0x80000008.0 eax[15:8]"},
    {"amd", "80000008.0.c=3010",
     "NUM-CORES-16 0x80000008.0 ecx[15:12]; NUM-THREADS-8 0x80000008.0 ecx[7:0]"},
    {"amd", "80000008.0.c=0",
     "NUM-UNIT 0x80000008.0 ecx[7:0]; NUM-THREADS-8 0x80000008.0 ecx[7:0]"},
    {"intel", "15.0.a=0", "NUM-TSC 0x15.0 eax[31:0]"},
    {"intel", "4.0.a=7c004025", "NUM-CACHE-TYPE-0 0x4.0 eax[4:0]"},
    {"intel", "4.1.a=7c004102", "NUM-CACHE-LEVEL-1 0x4.1 eax[7:5]"},
    {"amd", "8000001d.1.a=4102", "NUM-CACHE-AMD-1 0x8000001d.1 eax[7:5]"},
    {"amd", "8000001f.0.b=80", "NUM-SEV-BIT 0x8000001f.0 ebx[5:0]"},
    {"kvm-amd", "8000000a.0.b=1", "NUM-ASID 0x8000000a.0 ebx[31:0]"},
    {"kvm", "a.0.a=07300005 a.0.d=0", "NUM-PMC 0xa.0 eax[15:8]"},
};

static void numbers(void **state)
{
    (void)state;
    CHECK(numbers_rows);
}

/* Topology leaves against each other. */
static const struct planted topology_levels_rows[] = {
    {"intel", "1f.0.a=2", "NUM-SMT 0x1f.0 eax[4:0]"},
    {"intel", "1f.0.b=1", "NUM-SMT-COUNT 0x1f.0 ebx[15:0]"},
    {"intel-4", "@1 1f.0.d=4", "ID-X2APIC 0x1f.0 edx[31:0]; ID-X2APIC-1F-1 0x1f.1 edx[31:0]"},
    {"intel-4", "@1 b.1.d=4", "ID-X2APIC-LEVEL 0xb.1 edx[31:0]"},
    {"intel-4", "@1 1.0.b=05400800", "ID-APIC-8 0xb.0 edx[7:0]"},
    {"intel", "1f.0.d=4", "note ID-X2APIC 0x1f.0 edx[31:0]; note ID-X2APIC-1F-1 0x1f.1 edx[31:0]"},
    {"intel", "b.1.a=0", "NUM-LEVELS 0xb.1 eax[4:0]; lint:topology-width 0xb.1 ebx[15:0]"},
    {"intel", "b.1.b=1", "NUM-LEVELS-COUNT 0xb.1 ebx[15:0]"},
    {"intel", "b.0.b=9", "NUM-SMT-COUNT 0x1f.0 ebx[15:0]; lint:topology-width 0xb.0 ebx[15:0]"},
    {"intel", "1f.1.b=80", "lint:topology-width 0x1f.1 ebx[15:0]"},
    {"intel", "b.1.c=301", "lint:topology-type 0xb.1 ecx[15:8]"},
    {"intel", "1f.1.c=101", "lint:topology-type 0x1f.1 ecx[15:8]"},
    {"kvm-amd-4", "@2 8000001e.0.a=9", "ID-AMD 0x8000001e.0 eax[7:0]"},
    {"kvm-amd-4", "@2 80000026.0.d=3",
     "ID-AMD-LEVEL 0x80000026.0 edx[31:0]; ID-AMD-LEVEL-1 0x80000026.1 edx[31:0]"},
    {"amd", "80000026.0.a=2", "NUM-AMD-SMT 0x80000026.0 eax[4:0]"},
    {"amd", "80000026.1.c=101", "lint:topology-type 0x80000026.1 ecx[15:8]"},
};

static void topology_levels(void **state)
{
    (void)state;
    CHECK(topology_levels_rows);
}

/* One CPU of several is different. */
static const struct planted cpus_against_each_other_rows[] = {
    {"intel-4", "@2 7.0.b&fffffffe", "lint:cpus-alike 0x7.0 ebx[0]"},
    {"intel-4", "@3 1.0.c&fffffffd 7.0.c&fffffbff",
     "lint:cpus-alike 0x1.0 ecx[1]; lint:cpus-alike 0x7.0 ecx[10]"},
    {"kvm-amd-4", "@1 80000008.0.b&fffffffd", "lint:cpus-alike 0x80000008.0 ebx[1]"},
    {"kvm-amd-4", "@2 40000001.0.a=1", "lint:cpus-alike 0x40000001.0 eax[24:1]"},
    {"intel-4", "@1 1.0.b=02400800 b.0.d=2 b.1.d=2 1f.0.d=2 1f.1.d=2",
     "lint:apic-id 0xb.0 edx[31:0]"},
    {"intel-4", "@2 80000008.0.a=392e", "lint:cpus-alike 0x80000008.0 eax[4:1]"},
    /* real cores: how ids lie is the die's affair */
    {"intel-4", "@0 b.0.b=1 1f.0.b=1 @1 b.0.b=1 1f.0.b=1", ""},
    {"kvm-amd-4", "b.1.b=3", "NUM-THREADS-B 0xb.1 ebx[15:0]; lint:package-count 0xb.1 ebx[15:0]"},
    {"kvm-amd-4", "b.0.b=1 80000026.0.b=1",
     "NUM-UNIT-THREADS 0x8000001e.0 ebx[15:8]; lint:core-count 0xb.0 ebx[15:0]"},
    {"intel-4", "@3 b.1.a=5 1f.1.a=5",
     "lint:topology-width 0xb.1 ebx[15:0]; lint:topology-width 0x1f.1 ebx[15:0]; "
     "lint:cache-package 0x4.3 eax[25:14]"},
    {"kvm-amd-4", "@3 b.0.a=2 80000026.0.a=2",
     "lint:cpus-alike 0xb.0 eax[1:0]; lint:core-count 0xb.0 ebx[15:0]"},
    {"kvm-amd-4", "@3 8000000a.0.a=2", "lint:cpus-alike 0x8000000a.0 eax[1:0]"},
    {"intel-4", "@1 0.0.c=0", "lint:vendor 0x0.0 ecx[31:0]; lint:cpus-alike 0x0.0 ecx[30:1]"},
    /* small cores of two models in one package are two kinds; of one model they are one */
    {"intel-4", "1a.0.a=20000003 @3 1a.0.a=20000002 7.2.d=97", ""},
    {"intel-4", "1a.0.a=20000003 @3 7.2.d=97", "lint:cpus-alike 0x7.2 edx[7]"},
    {"kvm-amd-4", "@3 80000026.0.b=31000002 80000021.0.a&fffffffe", ""},
};

static void cpus_against_each_other(void **state)
{
    (void)state;
    CHECK(cpus_against_each_other_rows);
}

/* Who is there, how far its block goes, and what its leaves hold. */
static const struct planted hypervisor_leaves_rows[] = {
    {"kvm", "1.0.c&7fffffff", "lint:hv-hidden 0x1.0 ecx[31]"},
    {"intel", "1.0.c|80000000", "note lint:hv-signature 0x1.0 ecx[31]"},
    {"kvm", "40000000.0.b=0 40000000.0.c=0 40000000.0.d=0",
     "lint:hv-signature 0x40000000.0 ebx[31:0]"},
    {"kvm", "40000000.0.b=41414141", "lint:hv-unknown 0x40000000.0 ebx[31:0]"},
    {"kvm", "40000000.0.a=40000000", "kvm:hv+0x0.eax[31:0] 0x40000000.0 eax[31:0]"},
    {"kvm", "40000000.0.a=40000001 40000010.0.a=0 40000010.0.b=0 40000002.0.a=1",
     "lint:hv-maximum 0x40000000.0 eax[31:0]"},
    {"kvm", "40000010.0.a=802c8640", "lint:hv-tsc-khz 0x40000010.0 eax[31:0]"},
    {"kvm", "40000010.0.a=834", "lint:hv-tsc-khz 0x40000010.0 eax[31:0]"},
    {"kvm", "40000010.0.b=3b9aca00", "lint:hv-bus-khz 0x40000010.0 ebx[31:0]"},
    {"kvm", "40000010.0.a=100590", "lint:hv-tsc-crystal 0x40000010.0 eax[31:0]"},
    {"kvm", "40000001.0.a|100", "kvm:hv+0x1.eax[8] 0x40000001.0 eax[8]"},
    {"kvm", "40000001.0.d|2", "kvm:hv+0x1.edx[31:1] 0x40000001.0 edx[31:1]"},
    {"kvm", "40000010.0.c=1", "kvm:hv+0x10.ecx[31:0] 0x40000010.0 ecx[31:0]"},
    {"hyperv", "40000000.0.a=40000004",
     "hyperv:hv+0x0.eax[31:0] 0x40000000.0 eax[31:0]; lint:hv-maximum 0x40000000.0 eax[31:0]"},
    {"hyperv", "40000000.0.b=41414141", ""},
    {"hyperv", "40000001.0.a=0", "lint:hv-hyperv-interface 0x40000001.0 eax[31:0]"},
    {"hyperv", "40000000.0.a=40000005", "lint:hv-maximum 0x40000000.0 eax[31:0]"},
    {"xen", "40000000.0.a=40000001",
     "xen:hv+0x0.eax[31:0] 0x40000000.0 eax[31:0]; lint:hv-maximum 0x40000000.0 eax[31:0]"},
    {"xen", "40000001.0.b=1", "xen:hv+0x1.ebx[31:0] 0x40000001.0 ebx[31:0]"},
    {"xen", "40000004.0.a|80", "xen:hv+0x4.0.eax[31:7] 0x40000004.0 eax[31:7]"},
    {"vmware", "40000010.0.a=1ffb8c98 40000010.0.a=7CEE8D60",
     "lint:hv-tsc-khz 0x40000010.0 eax[31:0]"},
    {"xen",
     "40000100.0.a=40000105 40000100.0.b=566e6558 40000100.0.c=65584d4d 40000100.0.d=4d4d566e",
     "lint:hv-twice 0x40000100.0 ebx[31:0]"},
    {"kvm",
     "40000100.0.a=40000110 40000100.0.b=61774d56 40000100.0.c=4d566572 40000100.0.d=65726177",
     "lint:hv-place 0x40000100.0 ebx[31:0]"},
    {"vmware", "40000010.0.b=1", "lint:hv-bus-khz 0x40000010.0 ebx[31:0]"},
    {"intel", "1.0.c|80000000 40000000.0.a=40000010 40000010.0.a=200b20 40000010.0.b=f4240",
     "note lint:hv-signature 0x40000000.0 ebx[31:0]"},
    {"vmware",
     "40000100.0.a=40000101 40000100.0.b=4b4d564b 40000100.0.c=564b4d56 40000100.0.d=4d "
     "40000101.0.a=2000000",
     "kvm:hv+0x1.eax[31:25] 0x40000101.0 eax[31:25]"},
    {"xen", "40000005.0.b|100", "xen:hv+0x5.0.ebx[31:8] 0x40000005.0 ebx[31:8]"},
    {"kvm", "40000000.0.a=0", "kvm:hv+0x0.eax[31:0] 0x40000000.0 eax[31:0]"},
};

static void hypervisor_leaves(void **state)
{
    (void)state;
    CHECK(hypervisor_leaves_rows);
}

/* Text that is none. */
static const struct planted brand_rows[] = {
    {"intel", "80000003.0.b=0101",
     "lint:brand 0x80000003.0 ebx[7:0]; lint:brand 0x80000003.0 ebx[15:8]; "
     "note lint:brand 0x80000003.0 ecx[7:0]"},
    {"amd", "80000002.0.a=ff",
     "lint:brand 0x80000002.0 eax[7:0]; note lint:brand 0x80000002.0 ebx[7:0]"},
    {"amd", "80000002.0.a=41014441", "lint:brand 0x80000002.0 eax[23:16]"},
    {"amd", "80000004.0.c=0 80000004.0.d=a4241", "note lint:brand 0x80000004.0 edx[7:0]"},
    {"kvm-amd", "80000004.0.c=0 80000004.0.d=a4241", "lint:brand 0x80000004.0 edx[7:0]"},
};

static void brand(void **state)
{
    (void)state;
    CHECK(brand_rows);
}

/* Who most likely set it, by a part of the text. */
static const struct {
    const char *base, *edit, *who;
} who_rows[] = {
    {"intel", "1.0.a|f0000000", ""},
    {"kvm", "1.0.a|f0000000", "the monitor"},
    {"kvm", "7.0.b&fdffffff", "cleared the feature and left its leaf"},
    {"kvm", "0.0.a=1d", "highest leaf is lower"},
    {"kvm", "7.0.b&fffeffff", "dropped one without the other"},
    {"kvm", "d.0.b=100", "KVM: it computes this size itself"},
    {"kvm", "7.0.c&fffffff7", "masks features and XSAVE components apart"},
    {"kvm", "40000001.0.a|100", "KVM's own leaf"},
    {"xen", "40000004.0.a|80", "Xen's own leaf"},
    {"hyperv", "40000000.0.a=40000004", "Hyper-V's own leaf"},
    {"kvm", "1.0.c&7fffffff", "hides the hypervisor bit"},
    {"kvm", "1f.0.b=1", "topology"},
    {"kvm-amd-4", "@1 80000008.0.b&fffffffd", "its vCPUs different tables"},
    {"vmware", "40000010.0.b=1", "the timer's frequency"},
    {"kvm-amd", "80000000.0.a=80000025", "lower than what it serves"},
    {"kvm-amd", "80000005.0.c=10080140", "the monitor's caches"},
    {"kvm", "d.0.b=2a00", "without their sizes"},
    {"kvm", "80000003.0.b=01", "it sets the brand text"},
};

static void findings_say_who_set_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(who_rows) / sizeof(who_rows[0]); i++) {
        struct tsp_error err;
        struct dump d;
        struct lint l;

        load(&d, who_rows[i].base);
        edit(&d, who_rows[i].edit);
        assert_int_equal(lint_open(&l, &d, &err), TSP_OK);
        lint_run(&l);
        assert_true(l.n > 0);
        if (who_rows[i].who[0] == 0 ? l.found[0].who[0] != 0
                                    : strstr(l.found[0].who, who_rows[i].who) == NULL)
            fail_msg("%s: %s", who_rows[i].edit, l.found[0].who);
        lint_close(&l);
        dump_free(&d);
    }
}

/* What a published erratum explains is said, and is no finding. */
static const struct planted erratum_rows[] = {
    {"amd", "1.0.a=00100f22 80000001.0.a=00100f22 80000000.0.a=8000001a 80000001.0.c&ffbfffff",
     "note MAX-IBS 0x80000000.0 eax[31:0]"},
    {"amd", "1.0.a=00100f42 80000001.0.a=00100f42 80000000.0.a=8000001a 80000001.0.c&ffbfffff",
     "MAX-IBS 0x80000000.0 eax[31:0]"},
};

static void errata_are_notes(void **state)
{
    (void)state;
    CHECK(erratum_rows);
}

/* One CPU each, in AIDA64's form, and what is found; one text for all registers of a part. */
static const struct {
    const char *dump, *found;
    unsigned notes;
} part_rows[] = {
    /* VIA C5A leaves EBX and ECX alone in leaf 1, the hypervisor bit among them: everything it
     * answers there is a note. */
    {"CPUID 00000000: 00000001-746e6543-736c7561-48727561\n"
     "CPUID 00000001: 00000660-81704000-81705f8c-008031b5\n"
     "CPUID 80000000: 80000001-81704000-81705f8c-00000010\n"
     "CPUID 80000001: 00000660-81704000-81705f8c-808031b5\n",
     "note", 2},
    /* The same of a later part is not. */
    {"CPUID 00000000: 00000001-746e6543-736c7561-48727561\n"
     "CPUID 00000001: 00000678-00000000-00000000-008031b5\n"
     "CPUID 80000000: 80000001-00000000-00000000-00000000\n"
     "CPUID 80000001: 00000678-00000001-00000000-808031b5\n",
     "intel+centaur:0x80000001.ebx[15:0]", 0},
    /* Hygon's C86-4G has PAT in leaf 1 alone; its earlier parts have both. */
    {"CPUID 00000000: 00000001-6f677948-656e6975-6e65476e\n"
     "CPUID 00000001: 00910f00-00000800-00000000-00010001\n"
     "CPUID 80000000: 80000001-6f677948-656e6975-6e65476e\n"
     "CPUID 80000001: 00910f00-00000000-00000000-00000001\n",
     "note amd+hygon:0x80000001.edx[16]", 1},
    {"CPUID 00000000: 00000001-6f677948-656e6975-6e65476e\n"
     "CPUID 00000001: 00900f02-00000800-00000000-00010001\n"
     "CPUID 80000000: 80000001-6f677948-656e6975-6e65476e\n"
     "CPUID 80000001: 00900f02-00000000-00000000-00000001\n",
     "amd+hygon:0x80000001.edx[16]", 0},
    /* On the first parts that had a name of their own firmware writes it. */
    {"CPUID 00000000: 00000001-68747541-444d4163-69746e65\n"
     "CPUID 00000001: 00000662-00000000-00000000-0383f9ff\n"
     "CPUID 80000000: 80000004-68747541-444d4163-69746e65\n"
     "CPUID 80000002: 6c687441-58206e6f-50282050-6d6f6c61\n"
     "CPUID 80000003: 3f7f6e69-002b3030-00000000-00000000\n",
     "note lint:brand 0x80000003.0 eax[23:16]", 1},
    /* A unit of PadLock that is switched on and not there; IDT's parts repeat other features. */
    {"CPUID 00000000: 00000001-746e6543-736c7561-48727561\n"
     "CPUID 00000001: 000006fc-00000800-00000000-00000001\n"
     "CPUID C0000000: c0000001-00000000-00000000-00000000\n"
     "CPUID C0000001: 000006fc-00000000-00000000-00003dc8\n",
     "DEP-RNG-ON 0xc0000001.0 edx[3]", 0},
    {"CPUID 00000000: 00000001-746e6543-736c7561-48727561\n"
     "CPUID 00000001: 00000585-00000000-00000000-008001b5\n"
     "CPUID C0000000: c0000001-00000000-00000000-00000000\n"
     "CPUID C0000001: 00000585-00000000-00000000-808001b5\n",
     "", 0},
    /* Tools for Windows record no leaves of hypervisors: the bit may be that of a system on its own
     * Hyper-V, and a leaf that is left the processor's. */
    {"CPUID 00000000: 00000014-756e6547-6c65746e-49656e69\n"
     "CPUID 00000001: 000806ec-00000000-80000000-00000000\n"
     "CPUID 00000007: 00000000-00000000-00000000-00000000 [SL 00]\n"
     "CPUID 00000014: 00000001-0000000f-00000007-00000000 [SL 00]\n",
     "note lint:hv-signature", 1},
    /* Nor are the leaves that such a system lost to a lower maximum. */
    {"CPUID 00000000: 0000000d-68747541-444d4163-69746e65\n"
     "CPUID 00000001: 00b40f40-00000800-80000000-00000001\n"
     "CPUID 00000007: 00000000-00001000-00000000-00000000 [SL 00]\n",
     "note MAX-RDTM", 1},
    /* Lines of a tag in AMD's layout, as Intel's first part with two kinds of cores tells them. */
    {"CPUID 00000000: 00000001-756e6547-6c65746e-49656e69\n"
     "CPUID 80000000: 80000006-00000000-00000000-00000000\n"
     "CPUID 80000006: 00000000-00000000-01006140-00000000\n",
     "", 0},
};

static void parts_that_differ_are_known(void **state)
{
    static char got[4000];

    (void)state;
    for (size_t i = 0; i < sizeof(part_rows) / sizeof(part_rows[0]); i++) {
        const char *text = part_rows[i].dump;
        struct tsp_error err = {0};
        unsigned findings = 0;
        struct dump d;
        struct lint l;

        assert_int_equal(dump_read("part", (const uint8_t *)text, strlen(text), &d, &err), TSP_OK);
        assert_int_equal(lint_open(&l, &d, &err), TSP_OK);
        lint_run(&l);
        tell(&l, got, sizeof(got));
        for (unsigned k = 0; k < l.n; k++)
            findings += !l.found[k].note;
        if (strstr(got, part_rows[i].found) != got || (part_rows[i].notes > 0 && findings > 0) ||
            l.n < part_rows[i].notes || (part_rows[i].found[0] == 0 && l.n > 0))
            fail_msg("row %zu: %s", i, got);
        lint_close(&l);
        dump_free(&d);
    }
}

const struct CMUnitTest tests[] = {
    cmocka_unit_test(parts_that_differ_are_known),
    cmocka_unit_test(findings_say_who_set_it),
    cmocka_unit_test(errata_are_notes),
    cmocka_unit_test(xsave_components),
    cmocka_unit_test(numbers),
    cmocka_unit_test(topology_levels),
    cmocka_unit_test(cpus_against_each_other),
    cmocka_unit_test(hypervisor_leaves),
    cmocka_unit_test(brand),
};

TEST_MAIN(tests)
