/* SPDX-License-Identifier: MIT */
/*
 * Good dumps of several machines, written by hand after real ones, and what must be found when one
 * thing in them is made wrong: rule, leaf, sub-leaf, register and bits, and nothing else. Features,
 * leaves and their maxima.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/lint_rig.h"

static const struct planted good_rows[] = {
    {"intel", "", ""},   {"amd", "", ""},     {"kvm", "", ""},
    {"kvm-amd", "", ""}, {"hyperv", "", ""},  {"xen", "", ""},
    {"vmware", "", ""},  {"intel-4", "", ""}, {"kvm-amd-4", "", ""},
};

static void good_dumps_have_no_findings(void **state)
{
    (void)state;
    CHECK(good_rows);
}

/* Silicon may have a feature fused off and keep its leaves: the same dumps without the hypervisor
 * bit have nothing wrong. */
static const struct planted bare_rows[] = {
    {"intel", "7.0.b&fdffffff", ""},      {"intel", "7.0.b&ffff7fff", ""},
    {"intel", "7.0.c&ffffffe7", ""},      {"intel", "d.0.c=2c00", ""},
    {"amd", "80000001.0.c&fffffbff", ""}, {"amd", "80000008.0.b&ffff7fff", ""},
};

static void fused_parts_are_left_alone(void **state)
{
    (void)state;
    CHECK(bare_rows);
}

/* Nor has the system that runs Hyper-V: the processor answers it, with the hypervisor bit. */
static const struct planted root_rows[] = {
    {"hyperv", "d.3.a=40", "XLEFT-3 0xd.3 eax[31:0]"},
    {"hyperv", "40000003.0.b|1000 d.3.a=40", ""},
};

static void the_root_partition_is_no_guest(void **state)
{
    (void)state;
    CHECK(root_rows);
}

/* Bits that nobody assigned, or another vendor alone. */
static const struct planted reserved_bits_rows[] = {
    {"intel", "1.0.a|f0000000", "any:0x1.eax[31:28] 0x1.0 eax[31:28]"},
    {"intel", "1.0.c|10000", "intel+amd+hygon:0x1.ecx[16] 0x1.0 ecx[16]"},
    {"intel", "1.0.d|100000", "any:0x1.edx[20] 0x1.0 edx[20]"},
    {"amd", "1.0.d|400", "any:0x1.edx[10] 0x1.0 edx[10]"},
    {"amd", "1.0.c|20", "amd+hygon:0x1.ecx[8:4] 0x1.0 ecx[8:4]"},
    {"amd", "2.0.a=1", "amd+hygon:0x2.eax[31:0] 0x2.0 eax[31:0]"},
    {"intel", "3.0.a=1", "intel+amd+hygon+centaur:0x3.eax[31:0] 0x3.0 eax[31:0]"},
    {"intel", "80000001.0.d|80000000", "intel:0x80000001.edx[31:30] 0x80000001.0 edx[31:30]"},
    {"intel", "15.0.d=1", "any:0x15.edx[31:0] 0x15.0 edx[31:0]"},
    {"intel", "10.0.b|1", "any:0x10.0.ebx[0] 0x10.0 ebx[0]"},
    {"intel", "10.4.a=1", "any:0x10.4.eax[31:0] 0x10.4 eax[31:0]"},
    {"intel", "f.0.d|4", "any:0xf.0.edx[31:2] 0xf.0 edx[31:2]"},
    {"intel", "0.0.a=28 27.0.d=4", "intel+other:0x27.0.edx[31:2] 0x27.0 edx[31:2]"},
    {"intel", "0.0.a=28 28.0.b=1", "intel+other:0x28.0.ebx[0] 0x28.0 ebx[0]"},
    {"amd", "0.0.a=28 25.0.a=1", "amd+hygon+centaur:0x25.eax[31:0] 0x25.0 eax[31:0]"},
    {"amd", "80000026.0.a|80", "any:0x80000026.0...eax[28:5] 0x80000026.0 eax[28:5]"},
    {"amd", "80000028.0.a=0 8000001d.3.d|4", "any:0x8000001d.0...edx[31:2] 0x8000001d.3 edx[31:2]"},
};

static void reserved_bits(void **state)
{
    (void)state;
    CHECK(reserved_bits_rows);
}

/* The feature that is needed goes; every one that needs it is named. */
static const struct planted features_need_features_rows[] = {
    {"intel", "1.0.d&ff7fffff", "DEP-LM-MMX 0x80000001.0 edx[29]; DEP-SSE-MMX 0x1.0 edx[25]"},
    {"intel", "1.0.d&fffdffbf", "DEP-LM-PAE 0x80000001.0 edx[29]; DEP-NX-PAE 0x80000001.0 edx[20]"},
    {"intel", "1.0.d&fffffff7", "DEP-PSE36-PSE 0x1.0 edx[17]"},
    {"amd", "1.0.d&ffffffef",
     "amd+hygon:0x80000001.edx[4] 0x80000001.0 edx[4]; DEP-RDTSCP-TSC 0x80000001.0 edx[27]; "
     "DEP-ITSC-TSC 0x80000007.0 edx[8]"},
    {"intel", "1.0.c&fbffffff",
     "DEP-AVX-XSAVE 0x1.0 ecx[28]; DEP-XSAVEOPT-XSAVE 0xd.1 eax[0]; DEP-XSAVEC-XSAVE 0xd.1 eax[1]; "
     "DEP-XGETBV1-XSAVE 0xd.1 eax[2]; DEP-XSAVES-XSAVE 0xd.1 eax[3]; DEP-PKU-XSAVE 0x7.0 ecx[3]; "
     "DEP-AMXTILE-XSAVE 0x7.0 edx[24]; DEP-OSXSAVE-XSAVE 0x1.0 ecx[27]"},
    {"intel", "1.0.c&efffffff 7.0.b&fffeffdf 7.1.a&ffffffcf 7.0.c&fffff1ff d.0.a=60203",
     "DEP-FMA-AVX 0x1.0 ecx[12]; DEP-F16C-AVX 0x1.0 ecx[29]; DEP-AVX512DQ-AVX512F 0x7.0 ebx[17]; "
     "DEP-IFMA-AVX512F 0x7.0 ebx[21]; DEP-AVX512CD-AVX512F 0x7.0 ebx[28]; DEP-AVX512BW-AVX512F "
     "0x7.0 ebx[30]; DEP-AVX512VL-AVX512F 0x7.0 ebx[31]; DEP-VPOPCNT-AVX512F 0x7.0 ecx[14]"},
    {"intel", "7.0.b&fffeffff",
     "DEP-AVX512DQ-AVX512F 0x7.0 ebx[17]; DEP-IFMA-AVX512F 0x7.0 ebx[21]; DEP-AVX512CD-AVX512F "
     "0x7.0 ebx[28]; DEP-AVX512BW-AVX512F 0x7.0 ebx[30]; DEP-AVX512VL-AVX512F 0x7.0 ebx[31]; "
     "DEP-VNNI-AVX512F 0x7.0 ecx[11]; DEP-VPOPCNT-AVX512F 0x7.0 ecx[14]"},
    {"intel", "7.0.b&bfffffff",
     "DEP-VBMI-AVX512BW 0x7.0 ecx[1]; DEP-VBMI2-AVX512BW 0x7.0 ecx[6]; DEP-BITALG-AVX512BW 0x7.0 "
     "ecx[12]; DEP-AVX512BF16-AVX512BW 0x7.1 eax[5]; DEP-AVX512FP16-AVX512BW 0x7.0 edx[23]"},
    {"intel", "1.0.c&fdffffff", "DEP-VAES-AES 0x7.0 ecx[9]"},
    {"intel", "1.0.c&fffffffd", "DEP-VPCLMUL-PCLMUL 0x7.0 ecx[10]"},
    {"intel", "1.0.c&fff7ffff", "DEP-SSE42-SSE41 0x1.0 ecx[20]"},
    {"intel", "1.0.c&fffffdff", "DEP-SSE41-SSSE3 0x1.0 ecx[19]"},
    {"intel", "d.1.a&fffffffd", "DEP-XSAVES-XSAVEC 0xd.1 eax[3]"},
    {"intel", "d.1.a&ffffffef", "DEP-AMXTILE-XFD 0x7.0 edx[24]; XFD-18 0xd.18 ecx[2]"},
    {"intel", "d.1.a&fffffff7",
     "DEP-XFD-XSAVES 0xd.1 eax[4]; XSS-XSAVES 0xd.1 ecx[31:0]; DEP-SHSTK-XSAVES 0x7.0 ecx[7]"},
    {"amd", "80000001.0.d&fdffffff 1.0.d&feffffff",
     "amd+hygon:0x80000001.edx[24] 0x80000001.0 edx[24]; DEP-LM-FXSR 0x80000001.0 edx[29]; "
     "DEP-SSE-FXSR 0x1.0 edx[25]; DEP-XSAVE-FXSR 0x1.0 ecx[26]"},
    {"amd", "80000001.0.d|40000000", "DEP-N3DEXT-N3D 0x80000001.0 edx[30]"},
    {"amd", "8000001f.0.a=9", "DEP-SEVES-SEV 0x8000001f.0 eax[3]"},
    {"intel", "7.1.a|40 7.0.b&ffefffff", "DEP-LASS-SMAP 0x7.1 eax[6]"},
    {"intel", "7.1.a|20000", "DEP-FRED-LKGS 0x7.1 eax[17]"},
    {"intel", "7.1.a|200000 7.0.d&feffffff d.0.a=2e7 d.0.b=a88 d.0.c=a88",
     "DEP-AMXBF16-AMXTILE 0x7.0 edx[22]; DEP-AMXINT8-AMXTILE 0x7.0 edx[25]; DEP-AMXFP16-AMXTILE "
     "0x7.1 eax[21]"},
};

static void features_need_features(void **state)
{
    (void)state;
    CHECK(features_need_features_rows);
}

/* Needs that are asked of hypervisors only. */
static const struct planted guests_features_need_features_rows[] = {
    {"kvm", "80000001.0.d&dfffffff",
     "DEP-LAHF-LM 0x80000001.0 ecx[0]; DEP-CX16-LM 0x1.0 ecx[13]; DEP-PCID-LM 0x1.0 ecx[17]; "
     "DEP-P1GB-LM 0x80000001.0 edx[26]; DEP-PKU-LM 0x7.0 ecx[3]; DEP-AMXTILE-LM 0x7.0 edx[24]"},
    {"kvm", "7.0.d&fbffffff", "DEP-STIBP-IBRSB 0x7.0 edx[27]; DEP-SSBD-IBRSB 0x7.0 edx[31]"},
    {"kvm-amd", "80000008.0.b&ffffbfff",
     "DEP-ASTIBP-AIBRS 0x80000008.0 ebx[15]; DEP-AUTOIBRS-AIBRS 0x80000021.0 eax[8]"},
    {"kvm-amd", "80000008.0.b&ffff7fff", "DEP-ASTIBPON-ASTIBP 0x80000008.0 ebx[17]"},
    {"kvm", "7.0.c|40000000", "DEP-SGXLC-SGX 0x7.0 ecx[30]"},
    {"kvm", "80000001.0.d&ffefffff", "DEP-SMAP-NX 0x7.0 ebx[20]"},
};

static void guests_features_need_features(void **state)
{
    (void)state;
    CHECK(guests_features_need_features_rows);
}

/* The highest leaf, or sub-leaf, does not reach what the features announce. */
static const struct planted maxima_cover_features_rows[] = {
    {"intel", "0.0.a=13",
     "MAX-PT 0x0.0 eax[31:0]; MAX-PCONFIG 0x0.0 eax[31:0]; MAX-LBR 0x0.0 eax[31:0]; MAX-AMX 0x0.0 "
     "eax[31:0]"},
    {"intel", "0.0.a=19",
     "MAX-PCONFIG 0x0.0 eax[31:0]; MAX-LBR 0x0.0 eax[31:0]; MAX-AMX 0x0.0 eax[31:0]"},
    {"intel", "0.0.a=1b", "MAX-LBR 0x0.0 eax[31:0]; MAX-AMX 0x0.0 eax[31:0]"},
    {"intel", "0.0.a=1d", "MAX-AMX 0x0.0 eax[31:0]"},
    {"intel", "0.0.a=c",
     "DEP-AMXTILE-XFD 0x7.0 edx[24]; MAX-XSAVE 0x0.0 eax[31:0]; MAX-RDTM 0x0.0 eax[31:0]; MAX-RDTA "
     "0x0.0 eax[31:0]; MAX-PT 0x0.0 eax[31:0]; MAX-PCONFIG 0x0.0 eax[31:0]; MAX-LBR 0x0.0 "
     "eax[31:0]; MAX-AMX 0x0.0 eax[31:0]"},
    {"amd", "0.0.a=e", "MAX-RDTM 0x0.0 eax[31:0]; MAX-RDTA 0x0.0 eax[31:0]"},
    {"amd", "80000000.0.a=80000019",
     "MAX-IBS 0x80000000.0 eax[31:0]; MAX-TOPOEXT 0x80000000.0 eax[31:0]"},
    {"amd", "80000000.0.a=8000001b", "MAX-TOPOEXT 0x80000000.0 eax[31:0]"},
    {"amd", "80000000.0.a=80000006",
     "MAX-LM 0x80000000.0 eax[31:0]; MAX-SVM 0x80000000.0 eax[31:0]; MAX-P1GB 0x80000000.0 "
     "eax[31:0]; MAX-IBS 0x80000000.0 eax[31:0]; MAX-TOPOEXT 0x80000000.0 eax[31:0]"},
    {"intel", "7.0.a=1", "SUB-7-2-EDX 0x7.0 eax[31:0]"},
    {"intel", "7.0.a=0", "SUB-7-1-EAX 0x7.0 eax[31:0]; SUB-7-2-EDX 0x7.0 eax[31:0]"},
    {"intel", "7.0.d|8000 7.0.d&ffd7ffff 7.0.d&fcbbffff d.0.a=2e7 d.0.b=a88 d.0.c=a88 0.0.a=19",
     "MAX-HYBRID 0x0.0 eax[31:0]"},
    {"intel", "7.1.a|400000 0.0.a=1f", "MAX-HRESET 0x0.0 eax[31:0]"},
    {"intel", "7.1.d|80000", "MAX-AVX10 0x0.0 eax[31:0]"},
    {"intel", "7.1.a|100", "MAX-PERFEXT 0x0.0 eax[31:0]"},
    {"intel", "0.0.a=0",
     "any:0x0.eax[31:0] 0x0.0 eax[31:0]; DEP-LM-PAE 0x80000001.0 edx[29]; DEP-LM-SSE2 0x80000001.0 "
     "edx[29]; DEP-LM-CX8 0x80000001.0 edx[29]; DEP-LM-FXSR 0x80000001.0 edx[29]; DEP-LM-MMX "
     "0x80000001.0 edx[29]; DEP-NX-PAE 0x80000001.0 edx[20]; DEP-RDTSCP-TSC 0x80000001.0 edx[27]; "
     "DEP-ITSC-TSC 0x80000007.0 edx[8]"},
};

static void maxima_cover_features(void **state)
{
    (void)state;
    CHECK(maxima_cover_features_rows);
}

/* The feature goes, its leaf stays. */
static const struct planted leaves_without_features_rows[] = {
    {"kvm", "7.0.b&fdffffff", "LEFT-PT 0x14.0 ebx[31:0]"},
    {"kvm", "7.0.b&ffffefff", "LEFT-RDTM 0xf.0 edx[31:0]"},
    {"kvm", "7.0.b&ffff7fff", "LEFT-RDTA 0x10.0 ebx[31:0]"},
    {"kvm", "7.0.d&fff7ffff", "LEFT-LBR 0x1c.0 eax[31:0]"},
    {"kvm", "7.0.d&fcbfffff",
     "XCR0-TILECFG-BACK 0xd.0 eax[17]; XCR0-TILEDATA-BACK 0xd.0 eax[18]; LEFT-AMX 0x1d.0 "
     "eax[31:0]; LEFT-TMUL 0x1e.0 ebx[31:0]"},
    {"kvm", "12.0.a=1", "LEFT-SGX 0x12.0 eax[31:0]"},
    {"kvm", "19.0.b=1", "LEFT-KL 0x19.0 ebx[31:0]"},
    {"kvm", "0.0.a=24 24.0.b=1", "LEFT-AVX10 0x24.0 ebx[31:0]"},
    {"kvm", "0.0.a=23 23.0.a=1", "LEFT-PERFEXT 0x23.0 eax[31:0]"},
    {"kvm", "20.0.b=1", "LEFT-HRESET 0x20.0 ebx[31:0]"},
    {"kvm-amd", "80000001.0.c&fffffffb", "LEFT-SVM 0x8000000a.0 edx[31:0]"},
    {"kvm-amd", "80000001.0.c&ffbfffff",
     "LEFT-TOPOEXT 0x8000001d.0 eax[4:0]; LEFT-UNIT 0x8000001e.0 ebx[31:0]"},
    {"kvm-amd", "80000001.0.c&fffffbff", "LEFT-IBS 0x8000001b.0 eax[31:0]"},
    {"kvm-amd", "8000001c.0.d=1", "LEFT-LWP 0x8000001c.0 edx[31:0]"},
    {"kvm-amd", "80000022.0.a=6 80000022.0.c=1", "LEFT-PERF2 0x80000022.0 ebx[3:0]"},
    {"kvm-amd", "80000022.0.a=1 80000022.0.b=6", ""},
    {"kvm-amd", "80000022.0.a=1", "LEFT-LBR2 0x80000022.0 ebx[9:4]"},
    {"kvm-amd", "80000008.0.b&ffffffef", "LEFT-RDPRU 0x80000008.0 edx[31:16]"},
    {"kvm-amd", "8000001f.0.a=0", "LEFT-CBIT 0x8000001f.0 ebx[5:0]"},
    {"kvm-amd", "8000001f.0.c=5", "LEFT-SEV 0x8000001f.0 ecx[31:0]"},
};

static void leaves_without_features(void **state)
{
    (void)state;
    CHECK(leaves_without_features_rows);
}

const struct CMUnitTest tests[] = {
    cmocka_unit_test(good_dumps_have_no_findings),
    cmocka_unit_test(fused_parts_are_left_alone),
    cmocka_unit_test(the_root_partition_is_no_guest),
    cmocka_unit_test(reserved_bits),
    cmocka_unit_test(features_need_features),
    cmocka_unit_test(guests_features_need_features),
    cmocka_unit_test(maxima_cover_features),
    cmocka_unit_test(leaves_without_features),
};

TEST_MAIN(tests)
