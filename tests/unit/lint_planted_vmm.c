/* SPDX-License-Identifier: MIT */
/*
 * What monitors get wrong when they make a guest's CPUID out of a host's: caches of one machine
 * with the topology of another, state without the feature it belongs to, interfaces with half of
 * what they need, vCPUs made after different plans. Silicon with the same bits is left alone where
 * it is known to have them.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/lint_rig.h"

static void caches_and_topology_of_two_machines(void **state)
{
    static const struct planted row[] = {
        {"kvm", "4.1.c=0", "lint:cache-sets 0x4.1 ecx[31:0]"},
        {"kvm", "4.1.c=0 4.1.a|200", ""},
        {"kvm-amd", "8000001d.0.c=0",
         "lint:cache-sets 0x8000001d.0 ecx[31:0]; lint:cache-leaves 0x80000005.0 ecx[31:24]"},
        {"kvm", "4.2.a=7c004123",
         "lint:cache-unified 0x4.2 eax[7:0]; lint:cache-unified 0x4.2 eax[7:0]"},
        {"kvm", "4.0.a=fc004121 4.1.a=fc004122 4.2.a=fc004143 4.3.a=fc0fc163",
         "lint:cache-cores 0x4.0 eax[31:26]"},
        {"intel", "4.0.a=fc004121 4.1.a=fc004122 4.2.a=fc004143 4.3.a=fc0fc163", ""},
        {"kvm", "4.3.a=7c1fc163", "lint:cache-package 0x4.3 eax[25:14]"},
        {"kvm-amd", "8000001d.3.a=3ffc163", "lint:cache-package 0x8000001d.3 eax[25:14]"},
        {"kvm", "4.0.a=7c00c121 4.1.a=7c00c122",
         "NUM-CACHE-PAIR-0 0x4.0 eax[25:14]; NUM-CACHE-PAIR-1 0x4.1 eax[25:14]; lint:cache-share "
         "0x4.2 eax[25:14]"},
        {"kvm", "b.0.a=0 b.0.b=1 1f.0.a=0 1f.0.b=1",
         "NUM-CACHE-ALONE-0 0x4.0 eax[25:14]; NUM-CACHE-ALONE-1 0x4.1 eax[25:14]"},
        {"kvm-amd", "8000001d.0.a|8000 8000001d.1.a|8000",
         "NUM-CACHE-CORE-0 0x8000001d.0 eax[25:14]; NUM-CACHE-CORE-1 0x8000001d.1 eax[25:14]; "
         "lint:cache-share 0x8000001d.2 eax[25:14]"},
        {"intel", "b.0.a=0 b.0.b=1 1f.0.a=0 1f.0.b=1", ""},
        {"kvm", "b.1.b=10", "lint:topology-package 0x1f.1 ebx[15:0]"},
        {"intel", "b.1.b=10", ""},
        /* An empty leaf 0x1F sends software to leaf 0xB. */
        {"kvm", "1f.0.a=0 1f.0.b=0 1f.0.c=0 1f.1.a=0 1f.1.b=0 1f.1.c=0 b.1.b=10", ""},
    };

    (void)state;
    CHECK(row);
}

static void state_and_leaves_without_features(void **state)
{
    static const struct planted row[] = {
        {"kvm", "7.0.c&ffffff7f 7.0.d&ffefffff",
         "XSS-FEATURE-11 0xd.1 ecx[11]; XSS-FEATURE-12 0xd.1 ecx[12]"},
        {"intel", "7.0.c&ffffff7f 7.0.d&ffefffff", ""},
        {"kvm", "7.0.c&ffffff7f", "XSS-FEATURE-12 0xd.1 ecx[12]"},
        {"kvm", "7.0.b&fdffffff 14.0.a=0 14.0.b=0 14.0.c=0 14.1.a=0 14.1.b=0",
         "XSS-FEATURE-8 0xd.1 ecx[8]"},
        {"kvm", "d.1.c|2000 d.d.a=8 d.d.c=1", "XSS-FEATURE-13 0xd.1 ecx[13]"},
        {"kvm", "d.1.c|4000 d.e.a=30 d.e.c=1 7.0.d&ffffffdf", "XSS-FEATURE-14 0xd.1 ecx[14]"},
        {"kvm", "d.1.c|10000 d.10.a=8 d.10.c=1", "XSS-FEATURE-16 0xd.1 ecx[16]"},
        {"kvm", "d.1.c|400 d.a.a=8 d.a.c=1 7.0.c&dfffffff", "XSS-FEATURE-10 0xd.1 ecx[10]"},
        {"kvm", "7.0.b|4 12.0.a=0", "DEP-SGX-LEAF 0x7.0 ebx[2]"},
        {"kvm", "5.0.a=0 5.0.b=0", "NUM-MONITOR-LINE 0x5.0 ebx[15:0]"},
        {"intel", "5.0.a=0 5.0.b=0", ""},
        {"kvm-amd", "80000001.0.d&fffff7ff", "DEP-LM-SYSCALL 0x80000001.0 edx[29]"},
        {"kvm-amd", "80000008.0.a=343030", "NUM-PHYS-GUEST 0x80000008.0 eax[23:16]"},
        {"kvm-amd", "80000008.0.a=303030", ""},
    };

    (void)state;
    CHECK(row);
}

static void interfaces_with_half_of_what_they_need(void **state)
{
    static const struct planted row[] = {
        {"hyperv", "40000003.0.a&fffffffb 40000003.0.d&fff7ffff",
         "lint:hv-hyperv-needs 0x40000003.0 eax[3]"},
        {"hyperv", "40000003.0.a&fffffffb", ""},
        {"hyperv", "40000003.0.a&ffffffbf", "lint:hv-hyperv-needs 0x40000003.0 eax[2]"},
        {"hyperv", "40000003.0.a&fffffffd", "lint:hv-hyperv-needs 0x40000003.0 eax[9]"},
        {"hyperv", "40000003.0.a&fffffff7", "lint:hv-hyperv-needs 0x40000003.0 edx[19]"},
        {"hyperv", "40000003.0.a&ffffffdf", "lint:hv-hyperv-needs 0x40000004.0 eax[2]"},
        {"kvm", "40000000.0.a=50000000", "lint:hv-reach 0x40000000.0 eax[31:0]"},
        {"kvm", "40000000.0.a=400000ff", ""},
        {"xen", "40000002.0.a=7", "xen:hv+0x2.eax[31:0] 0x40000002.0 eax[31:0]"},
    };

    (void)state;
    CHECK(row);
}

static void vcpus_of_different_plans(void **state)
{
    static const struct planted row[] = {
        {"kvm-amd-4", "@1 80000003.0.a=41414141", "lint:cpus-alike 0x80000003.0 eax[30:3]"},
        {"intel-4", "@1 1.0.a=806e8", "lint:cpus-alike 0x1.0 eax[4]"},
        /* Steppings may be mixed, and one of two Pentiums says that it is the second. */
        {"intel-4", "@1 1.0.a=806f6", ""},
    };

    (void)state;
    CHECK(row);
}

const struct CMUnitTest tests[] = {
    cmocka_unit_test(caches_and_topology_of_two_machines),
    cmocka_unit_test(state_and_leaves_without_features),
    cmocka_unit_test(interfaces_with_half_of_what_they_need),
    cmocka_unit_test(vcpus_of_different_plans),
};

TEST_MAIN(tests)
