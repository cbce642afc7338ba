/* SPDX-License-Identifier: MIT */
/*
 * Discovery on AArch64 as a kernel does it: PSCI version, whether it knows SMCCC_VERSION, the SMCCC
 * version, the vendor's UID, its services, stolen time and the random number service; then power
 * off.
 */
#include "lib/guest.h"

struct result {
    uint64_t x0, x1, x2, x3;
};

static struct result hvc(uint64_t id, uint64_t a1, uint64_t a2, uint64_t a3)
{
    register uint64_t x0 __asm__("x0") = id;
    register uint64_t x1 __asm__("x1") = a1;
    register uint64_t x2 __asm__("x2") = a2;
    register uint64_t x3 __asm__("x3") = a3;

    __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    return (struct result){x0, x1, x2, x3};
}

#define PSCI_VERSION 0x84000000u
#define PSCI_FEATURES 0x8400000au
#define PSCI_SYSTEM_OFF 0x84000008u
#define SMCCC_VERSION 0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u
#define ARCH_WORKAROUND_1 0x80008000u
#define VENDOR_UID 0x8600ff01u
#define VENDOR_FEATURES 0x86000000u
#define PV_TIME_FEATURES 0xc5000020u
#define TRNG_VERSION 0x84000050u
#define TRNG_RND64 0xc4000053u

void guest_main(void)
{
    struct result r = hvc(PSCI_VERSION, 0, 0, 0);

    put_line("psci version", r.x0);
    if ((int32_t)hvc(PSCI_FEATURES, SMCCC_VERSION, 0, 0).x0 < 0) {
        put_text("no SMCCC 1.1\n");
    } else {
        put_line("smccc version", hvc(SMCCC_VERSION, 0, 0, 0).x0);
        put_line("workaround 1", hvc(SMCCC_ARCH_FEATURES, ARCH_WORKAROUND_1, 0, 0).x0);
        put_line("stolen time", hvc(SMCCC_ARCH_FEATURES, PV_TIME_FEATURES, 0, 0).x0);
    }
    r = hvc(VENDOR_UID, 0, 0, 0);
    put_line("uid word 0", r.x0);
    put_line("uid word 1", r.x1);
    put_line("uid word 2", r.x2);
    put_line("uid word 3", r.x3);
    if (r.x0 == 0xb66fb428 && r.x1 == 0xe911c52e && r.x2 == 0x564bcaa9 && r.x3 == 0x743a004d)
        put_text("hypervisor KVM\n");
    put_line("vendor features", hvc(VENDOR_FEATURES, 0, 0, 0).x0);
    put_line("trng version", hvc(TRNG_VERSION, 0, 0, 0).x0);
    r = hvc(TRNG_RND64, 64, 0, 0);
    put_line("trng status", r.x0);
    hvc(PSCI_SYSTEM_OFF, 0, 0, 0);
}
