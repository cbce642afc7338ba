/* SPDX-License-Identifier: MIT */
/*
 * Units that describe themselves in several sub-leaves, frequencies that several leaves tell, and
 * interfaces of hypervisors: good dumps made wrong in one place, and what is found.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/lint_rig.h"

#define ENCLAVES "7.0.b|4 12.0.a=3 12.0.d=2f1f 12.1.a=b6 12.1.c=2e7 12.2.a=70200001 12.2.c=5d80001"

static void trace_and_enclaves(void **state)
{
    static const struct planted row[] = {
        {"kvm", "14.1.b=0", "NUM-PT-CYCLES 0x14.1 ebx[31:0]"},
        {"kvm", "14.1.a=02490000", "NUM-PT-RANGES 0x14.1 eax[2:0]"},
        {"kvm", "14.1.a=2", "NUM-PT-MTC 0x14.1 eax[31:16]"},
        {"intel", "14.0.b&fffffffd", "LEFT-PT-CYCLES 0x14.1 ebx[31:0]"},
        {"intel", "14.0.b&fffffff7", "LEFT-PT-MTC 0x14.1 eax[31:16]"},
        {"intel", "14.0.b&fffffffb", "LEFT-PT-RANGES 0x14.1 eax[2:0]"},
        {"intel", "14.0.c=2", "DEP-PT-TABLES 0x14.0 ecx[1]"},
        {"intel", ENCLAVES, ""},
        {"intel", ENCLAVES " 12.1.c=2ff", "SGX-XFRM-3 0x12.1 ecx[3]; SGX-XFRM-4 0x12.1 ecx[4]"},
        {"intel", ENCLAVES " 12.1.c=2e4", "NUM-SGX-XFRM 0x12.1 ecx[1:0]"},
        {"intel", ENCLAVES " 12.0.a=2", "DEP-SGX2-SGX1 0x12.0 eax[1]"},
        {"intel", ENCLAVES " 12.0.d=2f00", "NUM-SGX-SIZE 0x12.0 edx[7:0]"},
        {"intel", ENCLAVES " 12.0.d=1f", "NUM-SGX-SIZE-64 0x12.0 edx[15:8]"},
        {"intel", ENCLAVES " 12.2.a=70200002", "NUM-EPC-TYPE-2 0x12.2 eax[3:0]"},
        {"intel", ENCLAVES " 12.2.c=1", "NUM-EPC-SIZE-2 0x12.2 ecx[31:12]"},
        {"intel", ENCLAVES " 12.2.c=1 12.2.d=1", ""},
        {"intel", ENCLAVES " 12.3.a=2", "NUM-EPC-TYPE-3 0x12.3 eax[3:0]"},
        {"intel", ENCLAVES " 12.3.a=1", "NUM-EPC-SIZE-3 0x12.3 ecx[31:12]"},
        {"intel", ENCLAVES " 12.3.a=1 12.3.d=1 12.4.a=2", "NUM-EPC-TYPE-4 0x12.4 eax[3:0]"},
        {"intel", ENCLAVES " 12.3.a=1 12.3.d=1 12.4.a=1", "NUM-EPC-SIZE-4 0x12.4 ecx[31:12]"},
        {"intel", ENCLAVES " 12.3.a=1 12.3.d=1 12.4.a=1 12.4.d=1 12.5.a=2",
         "NUM-EPC-TYPE-5 0x12.5 eax[3:0]"},
        {"intel", ENCLAVES " 12.3.a=1 12.3.d=1 12.4.a=1 12.4.d=1 12.5.a=1",
         "NUM-EPC-SIZE-5 0x12.5 ecx[31:12]"},
        {"intel", ENCLAVES " 7.0.d&fcbfffff d.0.a=2e7 12.1.c=202e7",
         "SGX-XFRM-17 0x12.1 ecx[17]; lint:xsave-now 0xd.0 ebx[31:0]"},
        {"intel", ENCLAVES " 7.0.d&fcbfffff d.0.a=2e7 12.1.c=402e7",
         "SGX-XFRM-18 0x12.1 ecx[18]; lint:xsave-now 0xd.0 ebx[31:0]"},
        {"intel", ENCLAVES " 12.1.c=802e7", "SGX-XFRM-19 0x12.1 ecx[19]"},
    };

    (void)state;
    CHECK(row);
}

static void vectors_and_encryption(void **state)
{
    static const struct planted row[] = {
        {"intel", "7.1.d|80000 0.0.a=24 24.0.b=70001", ""},
        {"intel", "7.1.d|80000 0.0.a=24 24.0.b=30001", "NUM-AVX10-VECTORS 0x24.0 ebx[18:16]"},
        {"intel",
         "7.1.d|80000 0.0.a=24 24.0.b=70001 7.0.b&2dccffff 7.0.c&ffffa7bd 7.1.a&ffffffdf "
         "7.0.d&ff7ffeff d.0.a=60207",
         "XCR0-AVX10 0xd.0 eax[7:5]"},
        {"amd", "7.0.b|800", "amd+hygon:0x7.0.ebx[11] 0x7.0 ebx[11]"},
        {"amd", "7.0.b|10", "amd+hygon:0x7.0.ebx[4] 0x7.0 ebx[4]"},
        /* Parts of family 17h have STIBP alone, later ones do not. */
        {"kvm-amd", "1.0.a=870f10 80000001.0.a=870f10 80000008.0.b&ffffbfff 80000021.0.a&fffffeff",
         ""},
        {"kvm-amd", "80000008.0.b&ffffbfff 80000021.0.a&fffffeff",
         "DEP-ASTIBP-AIBRS 0x80000008.0 ebx[15]"},
        {"kvm-amd", "80000001.0.c&ff7fffff", "DEP-PERF2-CORE 0x80000022.0 eax[0]"},
        {"amd", "80000008.0.c=500f", "NUM-SHIFT-C8 0x80000008.0 ecx[15:12]"},
        {"amd", "b.1.a=5", "NUM-SHIFT-CB 0xb.1 eax[4:0]"},
        {"amd", "80000026.1.a=5", "NUM-SHIFT-C26 0x80000026.1 eax[4:0]"},
        {"amd", "8000001f.0.b=a5", "NUM-CBIT-SME-PLACE 0x8000001f.0 ebx[5:0]"},
        /* Firmware leaves encryption off: no numbers at all. */
        {"amd", "8000001f.0.a=3 8000001f.0.b=0 8000001f.0.d=1", ""},
        {"amd", "8000001f.0.a=3 8000001f.0.b=0 8000001f.0.c=5 8000001f.0.d=1",
         "NUM-SEV-BIT-COUNT 0x8000001f.0 ebx[5:0]"},
        {"kvm-amd", "8000001f.0.b=0", "NUM-SEV-BIT-GUEST 0x8000001f.0 ebx[5:0]"},
        {"amd", "8000001f.0.b=ff3", "NUM-PHYS-REDUCTION 0x8000001f.0 ebx[11:6]"},
        {"kvm-amd", "8000001f.0.a=2 8000001f.0.b=ff3 8000001f.0.c=1 8000001f.0.d=1",
         "NUM-PHYS-REDUCTION-SEV 0x8000001f.0 ebx[11:6]"},
    };

    (void)state;
    CHECK(row);
}

static void units_of_fixed_size(void **state)
{
    static const struct planted row[] = {
        {"intel", "1e.0.b=4008", "NUM-TMUL-K 0x1e.0 ebx[7:0]"},
        {"intel", "1e.0.b=2010", "NUM-TMUL-N 0x1e.0 ebx[23:8]"},
        {"intel", "f.1.d=0", "NUM-L3-EVENTS 0xf.1 edx[2:0]"},
        {"intel", "15.0.c=5dc0", "NUM-CRYSTAL 0x15.0 ecx[31:0]"},
        {"intel", "1.0.a=0", "NUM-FAMILY 0x1.0 eax[11:8]"},
        {"intel", "d.12.c=2", "XFD-TILE 0xd.18 ecx[2]"},
        {"intel", "d.12.c=4", "XALIGN-18 0xd.18 ecx[1]"},
        {"intel", "d.11.c=0", "XALIGN-17 0xd.17 ecx[1]"},
        {"intel", "d.1.c=1100", "XSS-CETU 0x7.0 ecx[7]"},
    };

    (void)state;
    CHECK(row);
}

static void frequencies(void **state)
{
    static const struct planted row[] = {
        {"kvm", "16.0.a=bb8", "note lint:base-frequency 0x16.0 eax[15:0]"},
        {"kvm", "16.0.a=2ee0 16.0.b=2ee0", "lint:base-frequency 0x16.0 eax[15:0]"},
        {"intel", "16.0.a=2ee0 16.0.b=2ee0", ""},
        {"kvm", "15.0.c=0 40000010.0.a=9c4000", "lint:tsc-frequency 0x40000010.0 eax[31:0]"},
        {"kvm", "16.0.a=0 16.0.b=0 15.0.c=0 40000010.0.a=4c4b40",
         "lint:tsc-frequency 0x40000010.0 eax[31:0]"},
        {"kvm", "16.0.a=0 16.0.b=0 15.0.c=0 40000010.0.a=2625a0", ""},
        {"kvm", "40000010.0.a=0 15.0.b=3f0", "lint:tsc-frequency 0x15.0 ebx[31:0]"},
        {"xen", "40000003.0.c=3b9aca00", "lint:hv-tsc-khz 0x40000003.0 ecx[31:0]"},
        {"xen", "40000003.0.c=400000", "lint:tsc-frequency 0x40000003.0 ecx[31:0]"},
        {"xen", "40000003.2.a=834", "lint:hv-tsc-khz 0x40000003.2 eax[31:0]"},
        {"xen", "40000003.2.a=834 40000003.2.b=1", "xen:hv+0x3.2.ebx[31:0] 0x40000003.2 ebx[31:0]"},
    };

    (void)state;
    CHECK(row);
}

static void interfaces(void **state)
{
    static const struct planted row[] = {
        {"kvm", "40000001.0.a&ffffffef",
         "lint:hv-kvm-needs 0x40000001.0 eax[10]; lint:hv-kvm-needs 0x40000001.0 eax[14]"},
        {"kvm", "40000000.0.b=564b4d56 40000000.0.c=4b4d564b",
         "lint:hv-unknown 0x40000000.0 ebx[31:0]"},
        {"hyperv", "40000000.0.b=666f736f 40000000.0.c=7263694d",
         "lint:hv-unknown 0x40000000.0 ebx[31:0]"},
        {"hyperv", "40000000.0.b=41414141", ""},
        {"hyperv", "40000101.0.a=01007efb", "lint:hv-signature 0x40000100.0 ebx[31:0]"},
        {"hyperv", "40000100.0.a=4 40000101.0.a=7", ""},
        {"hyperv", "40000004.0.a|4000", "lint:hv-hyperv-needs 0x40000004.0 eax[14]"},
        {"hyperv", "40000004.0.a|4000 40000000.0.a=4000000a 4000000a.0.a=101", ""},
        {"xen", "40000002.0.b=0", "lint:hv-xen-needs 0x40000002.0 ebx[31:0]"},
        {"xen", "40000004.0.a=54 40000004.0.b=1", "lint:hv-xen-needs 0x40000004.0 ebx[31:0]"},
        {"xen", "40000004.0.a=4c", "lint:hv-xen-needs 0x40000004.0 ecx[31:0]"},
    };

    (void)state;
    CHECK(row);
}

static void caches_and_levels(void **state)
{
    static const struct planted row[] = {
        {"kvm-amd-4", "@2 8000001e.0.b=103", "lint:core-id 0x8000001e.0 ebx[7:0]"},
        {"intel-4", "@1 15.0.b=50", ""},
        {"kvm-amd-4", "a.0.a=0 @1 a.0.a=1",
         "amd+hygon:0xa.eax[31:0] 0xa.0 eax[31:0]; lint:cpus-alike 0xa.0 eax[0]"},
        {"kvm", "2.0.d=2c", "lint:descriptor-size 0x2.0 edx[7:0]"},
        {"intel", "2.0.d=2c", ""},
        {"kvm", "2.0.b=7f", "lint:descriptor-size 0x2.0 ebx[7:0]"},
        {"kvm", "2.0.b=7d", ""},
        {"kvm", "2.0.d=dd00", "lint:descriptor-size 0x2.0 edx[15:8]"},
        {"kvm", "b.1.a=7", "lint:topology-package 0x1f.1 eax[4:0]"},
        {"kvm", "b.1.b=0", "lint:topology-empty 0xb.1 ebx[15:0]"},
        {"intel", "b.1.b=0", ""},
        {"kvm", "d.1.b=0", "lint:xsave-compact 0xd.1 ebx[31:0]"},
        {"kvm", "d.1.c=9900", "lint:xsave-missing 0xd.15 eax[31:0]"},
        {"intel-4", "1a.0.a=40000001 @2 1a.0.a=20000001", "lint:core-kinds 0x1a.0 eax[31:24]"},
    };

    (void)state;
    CHECK(row);
}

const struct CMUnitTest tests[] = {
    cmocka_unit_test(trace_and_enclaves),  cmocka_unit_test(vectors_and_encryption),
    cmocka_unit_test(units_of_fixed_size), cmocka_unit_test(frequencies),
    cmocka_unit_test(interfaces),          cmocka_unit_test(caches_and_levels),
};

TEST_MAIN(tests)
