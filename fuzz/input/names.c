/* SPDX-License-Identifier: MIT */
/* Words of the text form, in the order of the enumerations they stand for. */
#include "fuzz/input/names.h"

#include <stdio.h>
#include <string.h>

/* ORDER: enum tsp_arch */
const char *const name_arch[] = {"x86", "arm64", NULL};

/* ORDER: enum tsp_mode */
const char *const name_mode[] = {"real16", "vm86", "prot16", "prot32", "compat16", "compat32",
                                 "long64", "a64",  "a32",    "t32",    NULL};

/* ORDER: enum tsp_vendor, without OTHER: a host is one of these */
const char *const name_vendor[] = {"intel", "amd", "hygon", "centaur", NULL};

/* ORDER: enum tsp_patch */
const char *const name_patch[] = {"rewrite", "emulate", "inject", NULL};

/* ORDER: enum tsp_persona */
const char *const name_persona[] = {"none",   "kvm", "xen",     "hyperv", "vmware",
                                    "lguest", "vmi", "generic", NULL};

/* ORDER: enum input_policy */
const char *const name_policy[] = {"none", "intel", "amd", "hygon", "centaur", NULL};

/* ORDER: TSP_CFG_*, bit 0 first */
const char *const name_config[] = {
    "enforce-pv",     "irqchip",     "apic-on",     "host-tsc",    "exit-map-gpa",
    "hlt-noexit",     "cpuid-twice", "pvtime",      "sys-suspend", "exit-resume",
    "guest-faulting", "ask-again",   "ask-changed", "ask-list",    "ask-short",
    "ask-xen",        NULL};

/* ORDER: INPUT_CPU_*, bit 0 first */
const char *const name_cpu[] = {"wp",         "smep",     "smap",  "pke", "osxsave",
                                "umip",       "faulting", "super", "rom", "apic-off",
                                "second-off", "smm",      NULL};

/* ORDER: enum tsp_x86_reg */
const char *const name_x86_reg[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8",
                                    "r9",  "r10", "r11", "r12", "r13", "r14", "r15", NULL};

/* ORDER: enum tsp_protocol */
const char *const name_protocol[] = {
    "none",    "kvm@linux-6.1", "kvm-2021",  "lguest",    "virtualbox",
    "emulate", "inject",        "page-flip", "text-poke", NULL};

/* Of TSP_HOW_WIDTH, then of the bits from TSP_HOW_DOWN on. */
const char *const name_how[] = {"width-1", "width-2", "width-4", "width-8", "down",
                                "locked",  "cas",     "int",     "open",    NULL};
const uint8_t name_how_value[] = {
    0, 2, 3, 4, TSP_HOW_DOWN, TSP_HOW_LOCKED, TSP_HOW_CAS, TSP_HOW_INT, TSP_HOW_OPEN};

_Static_assert(sizeof(name_protocol) / sizeof(name_protocol[0]) == TSP_PROTOCOL_COUNT + 1,
               "protocols");
_Static_assert(sizeof(name_mode) / sizeof(name_mode[0]) == TSP_MODE_COUNT + 1, "modes");
_Static_assert(sizeof(name_vendor) / sizeof(name_vendor[0]) == TSP_VENDOR_OTHER + 1, "vendors");
_Static_assert(sizeof(name_patch) / sizeof(name_patch[0]) == TSP_PATCH_COUNT + 1, "patch");
_Static_assert(sizeof(name_persona) / sizeof(name_persona[0]) == TSP_PERSONA_COUNT + 1, "personas");
_Static_assert(sizeof(name_policy) / sizeof(name_policy[0]) == INPUT_POLICY_COUNT + 1, "policies");

int name_find(const char *const *list, const char *word, size_t len)
{
    for (int i = 0; list[i] != NULL; i++)
        if (strlen(list[i]) == len && memcmp(list[i], word, len) == 0)
            return i;
    return -1;
}

/* AArch32 registers by what they are called there, in the order of name_a32_at. */
static const char *const name_a32[] = {"r0",     "r1",     "r2",     "r3",     "r4",     "r5",
                                       "r6",     "r7",     "r8",     "r9",     "r10",    "r11",
                                       "r12",    "sp_usr", "lr_usr", "lr_svc", "sp_svc", "lr_abt",
                                       "sp_abt", "lr_und", "sp_und", NULL};
static const uint8_t name_a32_at[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10,
                                      11, 12, 13, 14, 18, 19, 20, 21, 22, 23};

int name_reg_find(unsigned arch, const char *word, size_t len)
{
    char buf[8];
    int found;

    if (arch == TSP_ARCH_X86)
        return name_find(name_x86_reg, word, len);
    found = name_find(name_a32, word, len);
    if (found >= 0)
        return name_a32_at[found];
    for (unsigned i = 0; i < INPUT_REGS_MAX; i++) {
        const char *name = name_reg(TSP_MODE_A64, i, buf);

        if (strlen(name) == len && memcmp(name, word, len) == 0)
            return (int)i;
    }
    return -1;
}

const char *name_reg(unsigned mode, unsigned i, char buf[8])
{
    if (!tsp_mode_is_arm(mode))
        return i < 16 ? name_x86_reg[i] : "?";
    for (unsigned k = 0; tsp_mode_is_aarch32(mode) && name_a32[k] != NULL; k++)
        if (name_a32_at[k] == i)
            return name_a32[k];
    if (i == 31)
        return "sp";
    snprintf(buf, 8, "x%u", i % 100);
    return buf;
}
