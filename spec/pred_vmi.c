/* SPDX-License-Identifier: MIT */
/*
 * VMI's calls: which one an instruction in the ROM belongs to, and what some of them have to answer
 * (Paravirtualization API, Appendix A; torvalds/linux v2.6.36 arch/x86/include/asm/vmi.h).
 */
#include "spec/pred.h"

#include <string.h>

#include "trapspec/bits.h"

#define SLOT_INIT 0x80u
#define SLOT_RELOC 0x88u
#define RELOC_CALL 1u
#define FLAG_IF ((uint64_t)0x200)
#define FLAG_RF ((uint64_t)0x10000)
#define ARITHMETIC ((uint64_t)0x8d5) /* CF PF AF ZF SF OF */

enum { AT_INIT = 0x100, AT_RELOC = 0x101, AT_OTHER = 0x1ff };
enum call { CALL_CPUID = 1, CALL_ON = 30, CALL_OFF, CALL_MASK, CALL_SET }; /* number + 1 */

static uint32_t low(const struct tsp_regs *r, unsigned reg)
{
    return (uint32_t)r->r[reg];
}

static bool is_guest(const struct judge *j)
{
    return j->setup->arch == TSP_ARCH_X86 && (j->personas & 1u << TSP_PERSONA_VMI);
}

void vmi_setup(struct judge *j)
{
    if (is_guest(j))
        memset(&j->vmi, 0, sizeof(j->vmi));
}

unsigned vmi_call(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;

    if (!is_guest(j) || ev->before.mode != TSP_MODE_PROT32 ||
        !(ev->text[0] & ev->text[1] & TSP_TEXT_OVERLAY))
        return 0;
    for (unsigned i = 0; i < VMI_CALLS; i++)
        if (j->vmi.at[i] && j->vmi.at[i] == (uint32_t)ev->before.pc)
            return i + 1;
    if ((ev->addr & 0xfff) == SLOT_INIT)
        return AT_INIT;
    return (ev->addr & 0xfff) == SLOT_RELOC ? AT_RELOC : AT_OTHER;
}

void vmi_note(struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    uint32_t nr = low(&ev->before, TSP_RAX);

    if (!is_guest(j) || ev->kind != TSP_EV_HYPERCALL || nr >= VMI_CALLS || vmi_call(j) != AT_RELOC)
        return;
    if ((low(&ev->after, TSP_RDX) & 0xff) == RELOC_CALL)
        j->vmi.at[nr] = low(&ev->after, TSP_RAX);
}

/* vmi_regs: nothing changed but what this call may change. */
bool pred_vmi_regs(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const uint32_t standard = 1u << TSP_RAX | 1u << TSP_RCX | 1u << TSP_RDX;
    const struct tsp_regs *a = &j->ev->before, *b = &j->ev->after;
    unsigned call = vmi_call(j);
    uint32_t may = standard;
    uint64_t flags = ARITHMETIC | FLAG_RF;

    (void)p;
    if (call == CALL_CPUID)
        may |= 1u << TSP_RBX;
    else if (call >= CALL_ON && call <= CALL_SET)
        may = call == CALL_MASK ? 1u << TSP_RAX : 0;
    if ((call >= CALL_ON && call <= CALL_SET) || call == AT_OTHER)
        flags |= FLAG_IF;
    for (unsigned i = 0; i < 16; i++)
        if (a->r[i] != b->r[i] && !(may >> i & 1))
            return say_value(say, "a register that calls keep", a->r[i], b->r[i]);
    return !((a->flags ^ b->flags) & ~flags) || say_value(say, "flags", a->flags, b->flags);
}

bool pred_vmi_eax(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint32_t got = low(&j->ev->after, TSP_RAX);

    return got == p->arg[0] || (p->narg > 1 && got == p->arg[1]) ||
           say_value(say, "EAX", p->arg[0], got);
}

/* vmi_reloc(MOST|NOT): type 0 to MOST, and not this one; nothing in the reserved bytes. */
bool pred_vmi_reloc(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint32_t got = low(&j->ev->after, TSP_RDX), type = got & 0xff;

    if (got >> 8)
        return say_value(say, "reserved bytes", 0, got >> 8);
    return (type <= p->arg[0] && (p->narg < 2 || type != p->arg[1])) ||
           say_value(say, "type of relocation at most", p->arg[0], type);
}

/* vmi_cpuid: leaves that follow no vCPU and that nothing is masked in. */
bool pred_vmi_cpuid(const struct judge *j, const struct pred_use *p, struct say *say)
{
    static const uint8_t reg[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    uint32_t leaf = low(&j->ev->before, TSP_RAX);
    const struct tsp_leaf *l = spec_policy_first(&j->policy, leaf);

    (void)p;
    if (!l || (leaf != 0 && (leaf < 0x80000002u || leaf > 0x80000004u)))
        return true;
    for (unsigned i = 0; i < 4; i++)
        if (low(&j->ev->after, reg[i]) != l->reg[i])
            return say_value(say, "CPUID", l->reg[i], low(&j->ev->after, reg[i]));
    return true;
}

bool pred_vmi_mask(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t want = j->ev->before.flags & FLAG_IF;

    (void)p;
    return low(&j->ev->after, TSP_RAX) == want ||
           say_value(say, "mask", want, low(&j->ev->after, TSP_RAX));
}

bool pred_vmi_if(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t got = j->ev->after.flags & FLAG_IF ? 1 : 0;

    return got == p->arg[0] || say_value(say, "RFLAGS.IF", p->arg[0], got);
}

bool pred_vmi_cr(const struct judge *j, const struct pred_use *p, struct say *say)
{
    static const uint8_t sys[3] = {TSP_SYS_CR0, TSP_SYS_CR3, TSP_SYS_CR4};
    uint32_t want = (uint32_t)j->ev->sys[sys[p->arg[0] % 3]], got = low(&j->ev->after, TSP_RAX);

    return got == want || say_value(say, "control register", want, got);
}
