/* SPDX-License-Identifier: MIT */
/* VMware's backdoor: how a request is told, and what its answers have to be (open-vm-tools
 * lib/include/backdoor_def.h; torvalds/linux arch/x86/include/asm/vmware.h). */
#include "spec/pred.h"

#include <string.h>

#include "trapspec/bits.h"

#define MAGIC 0x564d5868u
#define PORT 0x5658u
#define PORT_BULK 0x5659u
#define NO_COMMAND 0xffffffffu
#define TIMING_LEAF 0x10u

enum { BDOOR_NO = 0, BDOOR_PORT, BDOOR_PORT_BULK, BDOOR_CALL, BDOOR_CALL_BULK };

static uint32_t low(const struct tsp_regs *r, unsigned reg)
{
    return (uint32_t)r->r[reg];
}

/* The opcode byte behind the prefixes, 0 when it is not there. */
static uint8_t opcode_of(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    unsigned at = 0;

    while (at < TSP_INSN_BYTES && ev->fetched[at] != 0 &&
           memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", ev->fetched[at], 11) != NULL)
        at++;
    if (ev->before.mode == TSP_MODE_LONG64 && at < TSP_INSN_BYTES &&
        (ev->fetched[at] & 0xf0) == 0x40)
        at++;
    return at < TSP_INSN_BYTES ? ev->fetched[at] : 0;
}

/* 66 makes 16 bits of 32 and the other way round; 16-bit code reads 16 bits without it. */
static bool reads_dword(const struct judge *j)
{
    bool narrow = false;
    uint32_t mode = j->ev->before.mode;

    for (unsigned i = 0; i < j->ev->len && i < TSP_INSN_BYTES; i++)
        narrow |= j->ev->fetched[i] == 0x66;
    if (mode == TSP_MODE_REAL16 || mode == TSP_MODE_VM86 || mode == TSP_MODE_PROT16 ||
        mode == TSP_MODE_COMPAT16)
        return narrow;
    return !narrow;
}

unsigned vmw_backdoor(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_regs *r = &ev->before;
    uint16_t port = (uint16_t)r->r[TSP_RDX];

    if (j->setup->arch != TSP_ARCH_X86 || !(j->personas & 1u << TSP_PERSONA_VMWARE) ||
        low(r, TSP_RAX) != MAGIC)
        return BDOOR_NO;
    if (fact_is(j, FACT_CALL, CALL_NATIVE))
        return low(r, TSP_RDX) & 1 ? BDOOR_CALL_BULK : BDOOR_CALL;
    switch (opcode_of(j)) {
    case 0xed: /* IN eAX, DX */
        return port == PORT && reads_dword(j) ? BDOOR_PORT : BDOOR_NO;
    case 0x6c: /* INSB */
    case 0x6e: /* OUTSB */
        return port == PORT_BULK ? BDOOR_PORT_BULK : BDOOR_NO;
    default:
        return BDOOR_NO;
    }
}

/* EAX to EDX, ESI and EDI are results; what the port gave is in EAX. */
bool pred_vmw_regs(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;

    (void)p;
    if (ev->kind == TSP_EV_PIO && (uint32_t)ev->info[0] != low(&ev->after, TSP_RAX))
        return say_value(say, "EAX", (uint32_t)ev->info[0], low(&ev->after, TSP_RAX));
    return regs_kept_but(j,
                         1u << TSP_RAX | 1u << TSP_RBX | 1u << TSP_RCX | 1u << TSP_RDX |
                             1u << TSP_RSI | 1u << TSP_RDI,
                         say);
}

bool pred_vmw_version(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_regs *r = &j->ev->after;

    (void)p;
    if (low(r, TSP_RBX) != MAGIC)
        return say_value(say, "EBX", MAGIC, low(r, TSP_RBX));
    return low(r, TSP_RAX) != NO_COMMAND || say_text(say, "a version", "-1");
}

bool pred_vmw_eax(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint32_t got = low(&j->ev->after, TSP_RAX);

    return got == (uint32_t)p->arg[0] || say_value(say, "EAX", (uint32_t)p->arg[0], got);
}

/* TSC and bus frequency in kHz by the timing leaf; 0 where it does not say. */
static bool timing(const struct judge *j, uint32_t khz[2])
{
    uint32_t base = judge_block(j, TSP_PERSONA_VMWARE);
    const struct tsp_leaf *l = base ? spec_policy_first(&j->policy, base) : NULL;

    if (l == NULL || l->reg[0] < base + TIMING_LEAF)
        return false;
    l = spec_policy_first(&j->policy, base + TIMING_LEAF);
    if (l == NULL)
        return false;
    khz[0] = l->reg[0];
    khz[1] = l->reg[1];
    return true;
}

bool pred_vmw_hz(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_regs *r = &j->ev->after;
    uint64_t tsc = (uint64_t)low(r, TSP_RBX) << 32 | low(r, TSP_RAX);
    uint32_t khz[2];

    (void)p;
    if (low(r, TSP_RBX) == NO_COMMAND || !timing(j, khz))
        return true;
    if (khz[0] != 0 && tsc / 1000 != khz[0])
        return say_value(say, "TSC, kHz", khz[0], tsc / 1000);
    /* Hz of the bus are 32 bits. */
    return khz[1] == 0 || khz[1] > UINT32_MAX / 1000 || low(r, TSP_RCX) / 1000 == khz[1] ||
           say_value(say, "bus, kHz", khz[1], low(r, TSP_RCX) / 1000);
}

/* The last digits may have been rounded. */
bool pred_vmw_mhz(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint32_t got = low(&j->ev->after, TSP_RAX), khz[2];

    (void)p;
    if (got == NO_COMMAND || !timing(j, khz) || khz[0] == 0)
        return true;
    return got == khz[0] / 1000 || got == (khz[0] + 999) / 1000 ||
           say_value(say, "MHz", khz[0] / 1000, got);
}

bool pred_vmw_vcpu(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint32_t got = low(&j->ev->after, TSP_RAX);

    (void)p;
    return !bits_test(got, 31) || got == NO_COMMAND ||
           say_value(say, "EAX", got & ~(1u << 31), got);
}
