/* SPDX-License-Identifier: MIT */
/* Predicates of MSR accesses, and of what a rep call says it did. */
#include "spec/pred.h"

#include "trapspec/bits.h"

#define MSR_LOCKED 2u /* of the hypercall page's register */

/* RDMSR changes EAX and EDX, zero-extended, and nothing else; WRMSR no register at all (Intel SDM
 * Vol. 2B). */
bool pred_msr_regs(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t high = ev->info[0] >> 32, low = (uint32_t)ev->info[0];

    (void)p;
    if (ev->info[1] != 0)
        return regs_kept_but(j, 0, say);
    if (ev->after.r[TSP_RAX] != low)
        return say_value(say, "RAX", low, ev->after.r[TSP_RAX]);
    if (ev->after.r[TSP_RDX] != high)
        return say_value(say, "RDX", high, ev->after.r[TSP_RDX]);
    return regs_kept_but(j, 1u << TSP_RAX | 1u << TSP_RDX, say);
}

/* msr_held(MASK): these bits are what was last written, as far as that is known. */
bool pred_msr_held(const struct judge *j, const struct pred_use *p, struct say *say)
{
    unsigned reg = hv_register_of(j->ev->code);
    uint64_t known, want, got = j->ev->info[0];

    if (reg == HV_REG_COUNT)
        return true;
    known = j->hv.known[reg] & p->arg[0];
    want = j->hv.value[reg] & known;
    return (got & known) == want || say_value(say, "MSR", want, got & known);
}

/* The page's register is, or may be, locked. */
bool pred_msr_locked(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t known = j->hv.known[HV_REG_PAGE], value = j->hv.value[HV_REG_PAGE];

    (void)p;
    if (!(known & MSR_LOCKED) || (value & MSR_LOCKED))
        return true;
    return j->ev->kind == TSP_EV_FAULT
               ? say_text(say, "the page is moved", "general protection")
               : say_text(say, "general protection: the page is out of range", "the write went on");
}

/* msr_in(LO|HI) */
bool pred_msr_in(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t got = j->ev->info[0];

    if (got >= p->arg[0] && got <= p->arg[1])
        return true;
    return say_value(say, got < p->arg[0] ? "MSR, at least" : "MSR, at most",
                     p->arg[got < p->arg[0] ? 0 : 1], got);
}

/* What the set-up gave this MSR is found by the guest, until it writes there. */
bool pred_msr_given(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_x86_state *x = &j->setup->vcpu[ev->vcpu % TSP_MAX_VCPU].x86;
    uint64_t want = 0;
    bool given = false;

    (void)p;
    for (uint32_t i = 0; i < x->nmsr && i < TSP_MAX_MSR; i++) {
        if (x->msr[i].index == ev->code) {
            want = x->msr[i].value;
            given = true;
        }
    }
    for (size_t i = 0; i < j->index; i++) {
        const struct tsp_event *was = &j->trace->ev[i];

        given &= was->kind != TSP_EV_MSR || was->vcpu != ev->vcpu || was->code != ev->code ||
                 was->info[1] == 0;
    }
    return !given || (j->opt->caps & TSP_CAP_STEPS) == 0 || ev->info[0] == want ||
           say_value(say, "MSR", want, ev->info[0]);
}

/* Virtual processors count from 0. */
bool pred_msr_vp(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    return j->ev->info[0] == j->ev->vcpu ||
           say_value(say, "virtual processor", j->ev->vcpu, j->ev->info[0]);
}

/* The reference counter rises between any two reads (TLFS, Reference counter). */
bool pred_msr_rises(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    return !j->hv.counted || j->ev->info[0] > j->hv.count ||
           say_value(say, "counter, more than", j->hv.count, j->ev->info[0]);
}

/* Result 43:32: all of the rep count on success, counted from the first element; never more (TLFS,
 * Hypercall outputs). */
bool pred_hv_reps(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_regs *r = &j->ev->after;
    uint64_t result = r->r[TSP_RAX], count = bits_get(hv_input(j, 0), 43, 32), got;

    (void)p;
    if (r->mode != TSP_MODE_LONG64)
        result = r->r[TSP_RDX] << 32 | (uint32_t)r->r[TSP_RAX];
    got = bits_get(result, 43, 32);
    if ((result & 0xffff) == 0 ? got == count : got <= count)
        return true;
    return say_value(say, "reps completed", count, got);
}
