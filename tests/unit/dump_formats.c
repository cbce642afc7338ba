/* SPDX-License-Identifier: MIT */
/*
 * Every format of CPUID dumps that people have, good and bad. What a line means is the same in all
 * of them: leaf, sub-leaf, four registers, and which CPU.
 */
#include "tests/unit/dump_rows.h"

#include <stdlib.h>

#define A0 "CPUID 00000000: 00000001-00000002-00000003-00000004"
static void text_with_dashes_is_read(void **state)
{
    static const struct good row[] = {
        {"------[ Logical CPU #3 ]------\n\nallcpu: Valid\n\n" A0 "\n", "AIDA64", 1, 1, 3,
         LAST(0, 0, 1, 2, 3, 4)},
        {"CPUID Manufacturer : x\nCPUID Revision     : 00100F42h\n" A0 " [text] more\n", "AIDA64",
         1, 1, 0, LAST(0, 0, 1, 2, 3, 4)},
        /* The sub-leaf is hexadecimal. */
        {A0 "\r\nCPUID 0000000D: 00000008-00000000-00000001-abcdefAB [SL 10] [HWP]\r\n", "AIDA64",
         1, 2, 0, LAST(0xd, 0x10, 8, 0, 1, 0xabcdefab)},
        /* Sub-leaves that are zero were passed over: this is component 62, after 2. */
        {A0 "\nCPUID 0000000D: 00000007-00000340-000003C0-40000000\n"
            "CPUID 0000000D: 00000100-00000240-00000000-00000000\n"
            "CPUID 0000000D: 00000080-00000340-00000000-00000000\n",
         "AIDA64", 1, 4, 0, LAST(0xd, 62, 0x80, 0x340, 0, 0)},
        /* A component of XCR0 behind a gap that one of IA32_XSS has a bit in. */
        {A0 "\nCPUID 0000000D: 00000207-00000388-00000388-00000000\n"
            "CPUID 0000000D: 0000000F-00000000-00000100-00000000\n"
            "CPUID 0000000D: 00000100-00000240-00000000-00000000\n"
            "CPUID 0000000D: 00000008-00000380-00000000-00000000\n",
         "AIDA64", 1, 5, 0, LAST(0xd, 9, 8, 0x380, 0, 0)},
        /* They were not: 0, 1, 2. */
        {A0 "\nCPUID 0000000D: 00000007-00000340-00000340-00000000\n"
            "CPUID 0000000D: 00000001-00000000-00000000-00000000\n"
            "CPUID 0000000D: 00000100-00000240-00000000-00000000\n",
         "AIDA64", 1, 4, 0, LAST(0xd, 2, 0x100, 0x240, 0, 0)},
        {A0 " [SL 00] [x [SL 01]]", "AIDA64", 1, 1, 0, LAST(0, 0, 1, 2, 3, 4)},
        {"CPUID Registers (CPU #1 x\n" A0 "\nCPU#002 AffMask: 0x4\n" A0 "\n", "AIDA64", 2, 2, 2,
         LAST(0, 0, 1, 2, 3, 4)},
        {"CPUID 00000000  \t00000001-00000002-00000003-00000004 \n", "AIDA64", 1, 1, 0,
         LAST(0, 0, 1, 2, 3, 4)},
        {"CPUID 00000000: 00000001 00000002 00000003 00000004\n", "AIDA64", 1, 1, 0,
         LAST(0, 0, 1, 2, 3, 4)},
        /* Two headings of one CPU are one. */
        {"---[ Logical CPU #0 ]---\nCPU#000 AffMask: 0x1\n" A0 "\nMSR 0000001B: 0000-0000\n",
         "AIDA64", 1, 1, 0, LAST(0, 0, 1, 2, 3, 4)},
        /* No headings: each CPU begins with leaf 0; sub-leaves without a number are in order. */
        {A0 "\n" A0 "\nCPUID 00000004: 1-2-3-4\nCPUID 00000004: 5-6-7-8\n", "AIDA64", 2, 4, 1,
         LAST(4, 1, 5, 6, 7, 8)},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

static void libcpuid_raw_is_read(void **state)
{
    static const struct good row[] = {
        {"version=0.5\n____ Logical CPU #1 ____\nbasic_cpuid[10]=1 2 3 4\n", "libcpuid", 1, 1, 1,
         LAST(0xa, 0, 1, 2, 3, 4)},
        {"ext_cpuid[8]=00000001 00000002 00000003 ffffffff\n---\nintel\n", "libcpuid", 1, 1, 0,
         LAST(0x80000008, 0, 1, 2, 3, 0xffffffff)},
        /* Without an h the number of the array is decimal, with one it is not. */
        {"intel_fn11[1]=1 2 3 4\n", "libcpuid", 1, 1, 0, LAST(0xb, 1, 1, 2, 3, 4)},
        {"intel_fn12h[2]=1 2 3 4\n", "libcpuid", 1, 1, 0, LAST(0x12, 2, 1, 2, 3, 4)},
        {"amd_fn8000001dh[3]=1 2 3 4\n", "libcpuid", 1, 1, 0, LAST(0x8000001d, 3, 1, 2, 3, 4)},
        /* Asked for twice, perhaps on two CPUs: the first stays. */
        {"basic_cpuid[11]=1 2 3 4\nintel_fn11[0]=1 2 3 5\n", "libcpuid", 1, 1, 0,
         LAST(0xb, 0, 1, 2, 3, 4)},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

/* Tables of reports: Hardware Monitor, CPU-Z, x86info, cpucontrol, tycho's cpuid. */
static void tables_of_reports_are_read(void **state)
{
#define V "756e6547  6c65746e  49656e69"
#define ONE " 00000001  000906ea  06100800  7ffafbff  bfebfbff\n"
    static const struct good row[] = {
        {" Function  EAX       EBX       ECX       EDX\n 00000000  00000004  " V "\n" ONE
         " 00000004  1C004121  01C0003F  0000003F  00000000\n",
         "table", 1, 3, 0, LAST(4, 0, 0x1c004121, 0x1c0003f, 0x3f, 0)},
        /* A line of another kind ends it, the next leaf 0 begins another CPU. */
        {"00000000  00000004  " V "\n" ONE "\nMSR  EDX  EAX\n00000002  1  2\n"
         "00000002  00000001  00000002  00000003  00000004\n 00000000  00000004  " V "\n" ONE,
         "table", 2, 4, 1, LAST(1, 0, 0x906ea, 0x6100800, 0x7ffafbff, 0xbfebfbff)},
        /* The extended leaves may stand apart. */
        {"00000000  00000004  " V "\n" ONE "Extended:\n"
         "80000000  80000008  00000000  00000000  00000000\n",
         "table", 1, 3, 0, LAST(0x80000000, 0, 0x80000008, 0, 0, 0)},
        {"CPU Thread 0\n\t0x00000000\t\t0x00000004\t0x756E6547\t0x6C65746E\t0x49656E69\n"
         "\t0x00000001\t\t0x1\t0x2\t0x3\t0x4\n\t0x00000004\t\t0x1\t0x2\t0x3\t0x4\n"
         "\t0x00000004\t\t0x5\t0x6\t0x7\t0x8\n",
         "table", 1, 4, 0, LAST(4, 1, 5, 6, 7, 8)},
        {"eax in: 0x00000000, eax = 00000004 ebx = 756e6547 ecx = 6c65746e edx = 49656e69\n"
         "eax in: 0x00000001, eax = 00000001 ebx = 00000002 ecx = 00000003 edx = 00000004\n",
         "table", 1, 2, 0, LAST(1, 0, 1, 2, 3, 4)},
        {"cpuid level 0x0: 0x00000004 0x756e6547 0x6c65746e 0x49656e69\n"
         "cpuid level 0x1: 0x1 0x2 0x3 0x4\ncpuid level 0x4, level_type 0x2: 0x1 0x2 0x3 0x4\n",
         "table", 1, 3, 0, LAST(4, 2, 1, 2, 3, 4)},
        {"CPU 0:\nCPUID 00000000, results = 00000004 " V " | ....GenuntelineI\n"
         "CPUID 00000001, results = 00000001 00000002 00000003 00000004 | ....\n"
         "CPUID 00000004, index 1a = 00000001 00000002 00000003 00000004 | ....\n",
         "table", 1, 3, 0, LAST(4, 0x1a, 1, 2, 3, 4)},
        {"# mask e[abcd]x => e[abcd]x\n1 0 0 0 0 => 4 756e6547 6c65746e 49656e69\n"
         "1 1 0 0 0 => 1 2 3 4\n5 4 0 1 0 => 1 2 3 4\n# stopped at ecx=256\n"
         "5 4 0 2 0 => 5 6 7 8\n",
         "table", 1, 4, 0, LAST(4, 2, 5, 6, 7, 8)},
        {" 0x00000000 0x0:  0x00000004 0x756E6547 0x6C65746E 0x49656E69  [GenuineIntel]\n"
         " 0x00000001 0x0:  0x00000001 0x00000002 0x00000003 0x00000004  [x]\n"
         " 0x00000004 0x3:  0x00000001 0x00000002 0x00000003 0x00000004\n",
         "table", 1, 3, 0, LAST(4, 3, 1, 2, 3, 4)},
        {" 0x00000000_x0:  0x00000004 0x756E6547 0x6C65746E 0x49656E69 [GenuineIntel]\n"
         "                 [a line that explains]\n"
         " 0x00000001_x0:  0x00000001 0x00000002 0x00000003 0x00000004\n"
         " 0x0000000D_xB:  0x00000001 0x00000002 0x00000003 0x00000004\n",
         "table", 1, 3, 0, LAST(0xd, 11, 1, 2, 3, 4)},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

/* With sub-leaves of all kinds: Intel SDE's definitions, tycho's cpuid, IC Book Labs', Markdown. */
static void tables_with_sub_leaves_are_read(void **state)
{
    static const struct good row[] = {
        {"CPUID_VERSION = 1.0\n# a chip\n00000000 ******** => 00000004 756E6547 6C65746E 49656E69 "
         "#\n"
         "00000001 ******** => 00000001 00000002 00000003 00000004 #\n"
         "00000004 00000003 => 00000001 00000002 00000003 00000004 #\n",
         "table", 1, 3, 0, LAST(4, 3, 1, 2, 3, 4)},
        {"CPU 1:\nCPUID 00000000:00 = 0000001f 756e6547 6c65746e 49656e69 | ....GenuntelineI\n"
         "CPUID 00000004:02 = 00000001 00000002 00000003 00000004 | C..x?...?.......\n",
         "AIDA64", 1, 2, 1, LAST(4, 2, 1, 2, 3, 4)},
        /* Leaf 0 stands again in front of what is said of it. */
        {"  Function    Subfunction   Pass        EAX\n----------\n"
         " 00000000 00000000 00000000 00000004 " V "\n"
         " 00000001 00000000 00000000 00000001 00000002 00000003 00000004\n"
         " 00000004 00000002 00000000 00000001 00000002 00000003 00000004\n----------\n"
         " 00000000 00000000 00000000 00000004 " V "\n-----\nExtended Family EAX 27-20 8\n",
         "table", 1, 3, 0, LAST(4, 2, 1, 2, 3, 4)},
        {"| Leaf | Sub | EAX | EBX | ECX | EDX |\n|------|-----|-----|-----|-----|-----|\n"
         "| 0 | 0 | 4 | 756e6547 | 6c65746e | 49656e69 |\n| 1 | 0 | 1 | 2 | 3 | 4 |\n"
         "| d | a | 1 | 2 | 3 | 4 |\n",
         "table", 1, 3, 0, LAST(0xd, 10, 1, 2, 3, 4)},
    };
#undef V
#undef ONE

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

/* Lists of leaves as JSON: KVM's entries in states of monitors, corpora of tests. */
static void lists_of_json_are_read(void **state)
{
#define REGS "\"eax\":1,\"ebx\":2,\"ecx\":3,\"edx\":4294967295}"
    static const struct good row[] = {
        {"[{\"leaf\":0,\"subleaf\":0," REGS ",\n{\"leaf\":2147483677,\"subleaf\":3," REGS "]",
         "JSON list", 1, 2, 0, LAST(0x8000001d, 3, 1, 2, 3, 0xffffffff)},
        {"{\"vcpus\":[{\"cpuid\":[{\"function\":4,\"index\":1,\"flags\":1," REGS
         "]},{\"cpuid\":[{\"function\":4,\"index\":2,\"flags\":1," REGS "]}]}",
         "JSON list", 2, 2, 1, LAST(4, 2, 1, 2, 3, 0xffffffff)},
        {"{\"entries\":[{\"leaf\":\"0x1\",\"subleaf\":null,\"eax\":\"0x1\",\"ebx\":\"0x2\","
         "\"ecx\":\"0x3\",\"edx\":\"0xff\"}]}",
         "JSON list", 1, 1, 0, LAST(1, 0, 1, 2, 3, 255)},
    };
#undef REGS

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

/* What people paste: with the shell around it, quoted, in capitals, of old versions. */
static void pasted_raw_is_read(void **state)
{
#define E(sub, name)                                                                               \
    "0x00000004" sub ": " name "=0x00000001 ebx=0x00000002 ecx=0x00000003 edx=0x00000004\n"
    static const struct good row[] = {
        {"CPU:\n   " E(" 0x02", "eax"), "cpuid -r", 1, 1, 0, LAST(4, 2, 1, 2, 3, 4)},
        {"root@vm:~# cpuid --raw\nCPU 3:\n  " E(" 0x1", "eax") "root@vm:~#\n", "cpuid -r", 1, 1, 3,
         LAST(4, 1, 1, 2, 3, 4)},
        {"Hello,\n> > CPU 0:\n> >    " E(" 0x00", "eax") ">\n", "cpuid -r", 1, 1, 0,
         LAST(4, 0, 1, 2, 3, 4)},
        {"CPU 1:\n0X00000004 0X01: EAX=0X00000001 EBX=0X00000002 ECX=0X00000003 EDX=0XABCDEF00\n",
         "cpuid -r", 1, 1, 1, LAST(4, 1, 1, 2, 3, 0xabcdef00)},
        {"CPU 0:\n" E("", "eax") "0x00000004: eax=0x5 ebx=0x6 ecx=0x7 edx=0x8\n", "cpuid -r", 1, 2,
         0, LAST(4, 1, 5, 6, 7, 8)},
        {"cpuid 00000004: 00000001-00000002-00000003-0000000f [sl 02]\n", "AIDA64", 1, 1, 0,
         LAST(4, 2, 1, 2, 3, 15)},
        {"x\rCPUID 00000004: 00000001-00000002-00000003-0000000f [SL 02]\r", "AIDA64", 1, 1, 0,
         LAST(4, 2, 1, 2, 3, 15)},
    };
#undef E

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

#define K(leaf) leaf ": EAX=0x00000001, EBX=0x00000002, ECX=0x00000003, EDX=0x00000004\n"

static void kcpuid_is_read(void **state)
{
    static const struct good row[] = {
        {"CPU features:\n=====\n" K("0x80000001"), "kcpuid", 1, 1, 0,
         LAST(0x80000001, 0, 1, 2, 3, 4)},
        {"0x00000004: subleafs:\n " K(" 0") " " K(" 1"), "kcpuid", 1, 2, 0, LAST(4, 1, 1, 2, 3, 4)},
        /* Decimal sub-leaves. */
        {"0x0000000d: subleaves:\n " K("17"), "kcpuid", 1, 1, 0, LAST(0xd, 17, 1, 2, 3, 4)},
        /* A sub-leaf whose leaf has no heading is of nobody. */
        {K("0x00000001") " " K(" 1"), "kcpuid", 1, 1, 0, LAST(1, 0, 1, 2, 3, 4)},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

static void xen_policies_are_read_apart(void **state)
{
    static const struct good row[] = {
        {"Xen reports there are maximum 114 leaves and 3 MSRs\nRaw policy: 2 leaves, 1 MSRs\n"
         " CPUID:\n  leaf     subleaf  -> eax      ebx      ecx      edx     \n"
         "  00000000:ffffffff -> 00000001:00000002:00000003:00000004\n"
         "  00000007:00000001 -> 00000005:00000006:00000007:00000008\n MSRs:\n"
         "  index    -> value           \n  000000ce -> 0000000080000000\n"
         "Host policy: 1 leaves, 0 MSRs\n CPUID:\n"
         "  00000000:ffffffff -> 00000009:00000002:00000003:00000004\n",
         "xen-cpuid", 2, 3, 1, LAST(0, 0, 9, 2, 3, 4)},
    };
    struct tsp_error err;
    struct dump d;

    (void)state;
    each_good(row, 1);
    assert_int_equal(read_text(row[0].text, &d, &err), TSP_OK);
    assert_string_equal(d.cpu[0].name, "Raw");
    assert_string_equal(d.cpu[1].name, "Host");
    assert_int_equal(d.leaf[1].flags, TSP_LEAF_INDEXED);
    dump_free(&d);
}

static void libvirt_xml_is_read(void **state)
{
    static const struct good row[] = {
        {"<!-- Model -->\n<cpudata arch='x86'>\n  <cpuid eax_in='0x00000007' ecx_in='0x1' "
         "eax='0x1'\n ebx='0x2' ecx='0x3' edx='0x4'/>\n  <msr index='0x10a' edx='0x0' "
         "eax='0x5'/>\n</cpudata>\n",
         "libvirt", 1, 1, 0, LAST(7, 1, 1, 2, 3, 4)},
        /* Older: no sub-leaf, and registers left out are zero. */
        {"<cpudata arch=\"x86\"><cpuid function=\"0x80000001\" edx=\"0x4\"/></cpudata>", "libvirt",
         1, 1, 0, LAST(0x80000001, 0, 0, 0, 0, 4)},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

#define MOD(leaf, bits)                                                                            \
    "{\"leaf\":" leaf ",\"subleaf\":\"0x0\",\"flags\":0,\"modifiers\":[{\"register\":\"ecx\","     \
    "\"bitmap\":\"" bits "\"}]}"
#define FC(mods) "{\"cpuid_modifiers\":[" mods "]}"

static void firecracker_template_knows_only_what_it_fixes(void **state)
{
    static const struct good row[] = {
        {FC(MOD("\"0x1\"", "0b1x0")), "Firecracker", 1, 1, 0, LAST(1, 0, 0, 0, 4, 0)},
        {"{\"kernel_version\":\"5\",\"guest_cpu_config\":" FC(
             MOD("\"0x80000001\"", "0b1xxxxxxxxxxxxxxx_xxxxxxxxxxxxxxxx")) "}",
         "Firecracker", 1, 1, 0, LAST(0x80000001, 0, 0, 0, 0x80000000, 0)},
    };
    struct tsp_error err;
    struct dump d;

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
    assert_int_equal(read_text(row[0].text, &d, &err), TSP_OK);
    assert_non_null(d.mask);
    assert_int_equal(d.mask[0].reg[2], 5);
    assert_int_equal(d.mask[0].reg[0], 0);
    dump_free(&d);
}

static void bad_dumps_are_refused_with_line_and_reason(void **state)
{
    static const struct {
        const char *text, *says;
        unsigned line;
    } row[] = {
        {"", "tried cpuid -r, AIDA64, libcpuid, kcpuid, Xen, XML, logs, JSON, QMP, Firecracker", 1},
        {"hello\n", "no CPUID dump", 1},
        {"CPU 0:\n0x1 0x0: eax=0x1\n", "t:2: not \"0xLEAF 0xSUB", 2},
        {A0 "\nCPUID 00000001: 1-2-3\n", "t:2: not \"CPUID LEAF", 2},
        {A0 "\nCPUID 0000000X: 1-2-3-4\n", "t:2: not", 2},
        {A0 "\nCPUID 00000001: 1-2-3-4 [SL ZZ]\n", "AIDA64; tried", 2},
        /* Numbers in a row that are no leaves: no vendor in leaf 0, or nothing but leaf 0. */
        {"00000000 00000001 00000002 00000003 00000004\n00000001 1 2 3 4\n", "tried cpuid -r", 1},
        {"00000000 00000001 756e6547 6c65746e 49656e69\n", "tried cpuid -r", 1},
        {A0 "\nCPUID 00000001: 123456789-2-3-4\n", "t:2: not", 2},
        {A0 "\nCPUID 00000001: 1-2-3-4\nCPUID 00000001: 1-2-3-5\n", "t:3: leaf 0x1", 3},
        {"basic_cpuid[0]=1 2 3 4\nbasic_cpuid[1]=1 2 3\n", "t:2: not \"NAME", 2},
        {"arm_midr=1\n", "Arm", 1},
        {K("0x00000001") "0x00000002: EAX=1\n", "t:2: not \"0xLEAF", 2},
        {"00000000:ffffffff -> 1:2:3:4\n00000001:ffffffff => 1\n", "t:2: not \"LEAF:SUB", 2},
        {"<cpudata arch='ppc64'>\n</cpudata>", "arch ppc64", 1},
        {"<cpudata arch='x86'>\n<cpuid eax='0x1'/>\n", "t:2: <cpuid> without eax_in", 2},
        {"<cpudata arch='x86'>\n<cpuid eax_in='1'/>\n", "not a number 0x", 2},
        {"<cpudata arch='x86'>\n<cpuid eax_in='0x1' ebx=>\n", "malformed", 2},
        {"<!-- x", "comment without an end", 1},
        {"{\n]", "t:2: ", 2},
        {"{}", "without cpuid_modifiers", 0},
        {FC(MOD("\"1\"", "0b1")), "leaf, subleaf and modifiers", 0},
        {FC(MOD("\"0x1\"", "0b12")), "\"bitmap\"", 0},
        {FC(MOD("\"0x1\"", "1")), "\"bitmap\"", 0},
        {FC(MOD("\"0x1\"", "0b1") "," MOD("\"0x1\"", "0b0")), "stands twice", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_error err;
        struct dump d;

        assert_int_equal(read_text(row[i].text, &d, &err), TSP_EPARSE);
        if (strstr(err.text, row[i].says) == NULL || err.line != row[i].line)
            fail_msg("row %zu: line %u, %s", i, err.line, err.text);
        assert_null(strchr(err.text, '\n'));
    }
}

/* Tools for Windows write UTF-16 with a byte order mark and CRLF. */
static void byte_order_marks_are_understood(void **state)
{
    static const char text[] = "CPU caf\xe9\r\n" A0 " [x]\r\n";
    uint8_t wide[2 * sizeof(text) + 2];

    (void)state;
    for (unsigned big = 0; big < 2; big++) {
        struct tsp_error err;
        struct dump d;

        wide[0] = big ? 0xfe : 0xff;
        wide[1] = big ? 0xff : 0xfe;
        for (size_t i = 0; i + 1 < sizeof(text); i++) {
            wide[2 + 2 * i + big] = (uint8_t)text[i];
            wide[3 + 2 * i - big] = 0;
        }
        /* With the mark and without. */
        for (unsigned skip = 0; skip < 4; skip += 2) {
            assert_int_equal(dump_read("t", wide + skip, 2 * sizeof(text) - skip, &d, &err),
                             TSP_OK);
            assert_int_equal(d.n, 1);
            assert_int_equal(d.leaf[0].reg[3], 4);
            dump_free(&d);
        }
    }
    each_good(&(struct good){"\xef\xbb\xbf" A0, "AIDA64", 1, 1, 0, LAST(0, 0, 1, 2, 3, 4)}, 1);
}

static void nul_bytes_are_refused(void **state)
{
    struct tsp_error err;
    struct dump d;

    (void)state;
    assert_int_equal(dump_read("t", (const uint8_t *)"a\nb\0c", 5, &d, &err), TSP_EPARSE);
    assert_non_null(strstr(err.text, "t:2: a NUL byte"));
}

/* A million lines, over 1024 CPUs, over 512 leaves of one: read or refused, and soon. */
static void too_much_is_refused(void **state)
{
    const size_t lines = 1000000, one = sizeof(A0);
    char *text = malloc(lines * one + 1), *at = text;
    struct tsp_error err;
    struct dump d;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < lines; i++, at += one)
        memcpy(at, A0 "\n", one);
    assert_int_equal(dump_read("t", (const uint8_t *)text, lines * one, &d, &err), TSP_EPARSE);
    assert_non_null(strstr(err.text, "t:1025: over 1024 CPUs"));
    at = text;
    for (unsigned i = 0; i < 513; i++)
        at += snprintf(at, one, "CPUID %08X: 1-2-3-4\n", i);
    assert_int_equal(dump_read("t", (const uint8_t *)text, (size_t)(at - text), &d, &err),
                     TSP_EPARSE);
    assert_non_null(strstr(err.text, "t:513: over 512 leaves"));
    memset(text, '\n', lines);
    assert_int_equal(dump_read("t", (const uint8_t *)text, lines, &d, &err), TSP_EPARSE);
    free(text);
}

static void a_missing_file_and_a_folder_are_refused(void **state)
{
    struct tsp_error err;
    struct dump d;

    (void)state;
    assert_int_equal(dump_load("/nonexistent/dump", &d, &err), TSP_EIO);
    assert_int_equal(dump_load("/", &d, &err), TSP_EPARSE);
    assert_int_not_equal(dump_load("/dev/cpu/9999/cpuid", &d, &err), TSP_OK);
}

/* A processor of three leaves: what is asked for follows from what it answers. */
static bool small_processor(void *ctx, uint32_t leaf, uint32_t sub, uint32_t reg[4])
{
    unsigned *asked = ctx;

    ++*asked;
    memset(reg, 0, 4 * sizeof(*reg));
    if (leaf == 0)
        reg[0] = 4;
    if (leaf == 4 && sub < 3)
        reg[0] = sub < 2;
    if (leaf == 3)
        return false;
    return true;
}

static void a_walk_asks_for_every_leaf_and_subleaf(void **state)
{
    struct tsp_leaf leaf[64];
    unsigned asked = 0;
    size_t n = dump_walk(&(struct dump_asker){small_processor, &asked}, leaf, 64);

    (void)state;
    assert_int_equal(n, 7);
    assert_true(asked > n);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(leaf[i].leaf, i);
    for (unsigned i = 4; i < 7; i++) {
        assert_int_equal(leaf[i].leaf, 4);
        assert_int_equal(leaf[i].subleaf, i - 4);
    }
    assert_int_equal(dump_walk(&(struct dump_asker){small_processor, &asked}, leaf, 3), 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(text_with_dashes_is_read),
    cmocka_unit_test(libcpuid_raw_is_read),
    cmocka_unit_test(tables_of_reports_are_read),
    cmocka_unit_test(tables_with_sub_leaves_are_read),
    cmocka_unit_test(lists_of_json_are_read),
    cmocka_unit_test(pasted_raw_is_read),
    cmocka_unit_test(kcpuid_is_read),
    cmocka_unit_test(xen_policies_are_read_apart),
    cmocka_unit_test(libvirt_xml_is_read),
    cmocka_unit_test(firecracker_template_knows_only_what_it_fixes),
    cmocka_unit_test(bad_dumps_are_refused_with_line_and_reason),
    cmocka_unit_test(byte_order_marks_are_understood),
    cmocka_unit_test(nul_bytes_are_refused),
    cmocka_unit_test(too_much_is_refused),
    cmocka_unit_test(a_missing_file_and_a_folder_are_refused),
    cmocka_unit_test(a_walk_asks_for_every_leaf_and_subleaf),
};

TEST_MAIN(tests)
