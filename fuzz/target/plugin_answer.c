/* SPDX-License-Identifier: MIT */
/* What no target may answer, whatever its guest did; and the parts of a CPUID event that follow
 * from the set-up alone. */
#include "fuzz/target/plugin.h"

#include "trapspec/bits.h"

#include <string.h>

#define CR4_LA57 12u /* Intel SDM Vol. 3A 2.5: linear addresses of 57 bits */
#define INSN_MOST 15u
#define CPUID_PLAIN 2u /* bytes of CPUID without prefixes, which are a decoder's business */

bool plugin_asks_cpuid(const struct tsp_setup *setup)
{
    const struct tsp_vcpu_state *v = &setup->vcpu[0];
    uint8_t bytes[TSP_INSN_BYTES], text;
    uint64_t gpa, lin = initial_linear(setup, v->regs.pc);
    struct scan scan;

    if (setup->arch != TSP_ARCH_X86 || setup->nvcpu != 1 || v->run_state != TSP_RUN_READY)
        return false;
    /* Faulting and what follows from the limit of CS are a processor's business, not CPUID's. */
    if (v->x86.cpuid_faulting != 0 && v->regs.level > 0)
        return false;
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        if (!initial_translate(setup, lin + i, &gpa, &text) || !(text & TSP_TEXT_FETCH))
            return false;
        bytes[i] = initial_byte(setup, gpa, NULL);
    }
    if (v->regs.mode > TSP_MODE_LONG64)
        return false;
    scan = scan_first((enum tsp_mode)v->regs.mode, bytes, sizeof(bytes));
    return scan.class == SCAN_CPUID && scan.len == CPUID_PLAIN;
}

/* The set-up says where the instruction is and what it begins with; the answer is in after.r[]. */
void plugin_complete_cpuid(const struct tsp_setup *setup, struct tsp_event *ev)
{
    static const unsigned result[] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};
    const struct tsp_vcpu_state *v = &setup->vcpu[0];
    struct tsp_event full;
    uint64_t gpa;

    memset(&full, 0, sizeof(full));
    full.kind = TSP_EV_CPUID;
    full.addr = initial_linear(setup, v->regs.pc);
    for (unsigned i = 0; i < TSP_INSN_BYTES; i++)
        if (initial_translate(setup, full.addr + i, &gpa, &full.text[1]))
            full.fetched[i] = initial_byte(setup, gpa, NULL);
    full.len = (uint8_t)scan_first((enum tsp_mode)v->regs.mode, full.fetched, TSP_INSN_BYTES).len;
    memcpy(full.stored, full.fetched, sizeof(full.stored));
    initial_translate(setup, full.addr, &gpa, &full.text[0]);
    initial_translate(setup, full.addr + full.len - 1, &gpa, &full.text[1]);
    tsp_x86_sys(&v->x86, full.sys);
    full.before = full.after = v->regs;
    full.after.pc += full.len;
    for (unsigned i = 0; i < 4; i++)
        full.after.r[result[i]] = (uint32_t)ev->after.r[result[i]];
    full.vcpu = ev->vcpu;
    *ev = full;
}

static struct plugin_wrong wrong(uint32_t what, uint64_t more)
{
    return (struct plugin_wrong){what, more};
}

static bool regs_ok(const struct tsp_setup *s, const struct tsp_regs *r)
{
    if (s->arch == TSP_ARCH_ARM64)
        return tsp_mode_is_arm(r->mode) && r->level <= 1 &&
               tsp_mode_is_aarch32(r->mode) == tsp_mode_is_aarch32(s->vcpu[0].regs.mode);
    return r->mode <= TSP_MODE_LONG64 && r->level <= 3;
}

/* The last instruction below the canonical hole may be followed by a pc in it: the fetch faults. */
static bool pc_ok(const struct tsp_setup *s, const struct tsp_event *ev)
{
    uint64_t pc = ev->after.pc;
    bool wide = bits_test(ev->sys[TSP_SYS_CR4] | s->vcpu[0].x86.cr4, CR4_LA57);

    if (s->arch != TSP_ARCH_X86)
        return true;
    if (ev->after.mode != TSP_MODE_LONG64)
        return pc <= UINT32_MAX;
    return bits_sext(pc, wide ? 57 : 48) == pc || pc - ev->before.pc <= INSN_MOST;
}

static struct plugin_wrong judge_code(const struct tsp_setup *s, uint32_t budget,
                                      const struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_STOP && (ev->code > TSP_STOP_DONE || ev->code == TSP_STOP_ERROR))
        return wrong(TSP_WRONG_CODE, ev->code);
    if (ev->kind == TSP_EV_STOP && ev->code == TSP_STOP_BUDGET && ev->info[0] > budget)
        return wrong(TSP_WRONG_BUDGET, ev->info[0]);
    if (ev->kind == TSP_EV_FAULT && ev->code > (s->arch == TSP_ARCH_X86 ? 0xffu : 0x780u))
        return wrong(TSP_WRONG_CODE, ev->code);
    return wrong(TSP_WRONG_UNKNOWN, 0);
}

struct plugin_wrong plugin_judge_event(const struct tsp_setup *s, unsigned vcpu, uint32_t budget,
                                       const struct tsp_event *ev)
{
    struct plugin_wrong w;

    /* One of several vCPUs may be asked for a micro-step that it cannot take now. */
    if (ev->kind == TSP_EV_NONE && s->nvcpu > 1)
        return wrong(TSP_WRONG_UNKNOWN, 0);
    if (ev->kind > TSP_EV_STOP || ev->kind == TSP_EV_NONE || ev->kind == TSP_EV_POLICY)
        return wrong(TSP_WRONG_KIND, ev->kind);
    if (ev->vcpu != vcpu)
        return wrong(TSP_WRONG_VCPU, ev->vcpu);
    if (ev->len > TSP_INSN_BYTES)
        return wrong(TSP_WRONG_LENGTH, ev->len);
    w = judge_code(s, budget, ev);
    if (w.what != TSP_WRONG_UNKNOWN || ev->kind == TSP_EV_STOP)
        return w;
    if (!regs_ok(s, &ev->before))
        return wrong(TSP_WRONG_MODE, (uint64_t)ev->before.mode << 8 | (uint8_t)ev->before.level);
    if (!regs_ok(s, &ev->after))
        return wrong(TSP_WRONG_MODE, (uint64_t)ev->after.mode << 8 | (uint8_t)ev->after.level);
    if (!pc_ok(s, ev))
        return wrong(TSP_WRONG_PC, ev->after.pc);
    return w;
}

struct plugin_wrong plugin_judge_state(const struct tsp_setup *s, const struct tsp_vcpu_state *v)
{
    bool ok = v->run_state <= TSP_RUN_STOPPED && v->x86.nmsr <= TSP_MAX_MSR && regs_ok(s, &v->regs);

    return wrong(ok ? TSP_WRONG_UNKNOWN : TSP_WRONG_STATE, 0);
}
