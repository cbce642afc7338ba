/* SPDX-License-Identifier: MIT */
/* Predicates of x86 hypercall results. */
#include "spec/pred.h"

#include "trapspec/bits.h"

#define MSR_APIC_BASE 0x1bu

/* The whole of RAX: outside 64-bit mode the result is 32 bits, zero-extended (Linux
 * arch/x86/kvm/x86.c). */
static uint64_t as_result(const struct judge *j, uint64_t v)
{
    return j->ev->before.mode == TSP_MODE_LONG64 ? v : (uint32_t)v;
}

bool pred_ret(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t got = j->ev->after.r[TSP_RAX];

    for (unsigned i = 0; i < p->narg; i++)
        if (got == as_result(j, p->arg[i]))
            return true;
    return say_value(say, "result", as_result(j, p->arg[0]), got);
}

/* What user space answered to the call that was handed to it. */
bool pred_ret_exit(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t want = as_result(j, j->setup->exit_ret), got = j->ev->after.r[TSP_RAX];

    (void)p;
    return got == want || say_value(say, "result of user space", want, got);
}

/* A call that user space is asked to do completes when it has answered, or has completed already:
 * nothing in between. */
bool pred_exit_pc(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;

    return ev->after.pc == ev->before.pc || pred_advance(j, p, say);
}

static bool bit_of(uint64_t map, uint32_t lowest, uint32_t id, unsigned width)
{
    return id >= lowest && id - lowest < width && bits_test(map, id - lowest);
}

/* vCPUs that the two halves of the bitmap name: a0 from id a2 on, a1 from where a0 ends. A local
 * APIC that is off, which is known of the caller's, takes nothing (Intel SDM Vol. 3A 10.4.3). */
static unsigned named_vcpus(const struct judge *j)
{
    unsigned width = j->ev->before.mode == TSP_MODE_LONG64 ? 64 : 32, n = 0;
    uint64_t low = fact_value(j, COND_A0), high = fact_value(j, COND_A1);
    uint32_t from = (uint32_t)fact_value(j, COND_A2);

    for (unsigned v = 0; v < j->setup->nvcpu && v < TSP_MAX_VCPU; v++) {
        uint32_t id = j->setup->vcpu[v].x86.apic_id;

        if (v == j->ev->vcpu && judge_steps(j) && !bits_test(j->ev->sys[TSP_SYS_APIC_BASE], 11))
            continue;
        n += bit_of(low, from, id, width);
        n += bit_of(high, from + width, id, width);
    }
    return n;
}

/* The local APICs of all vCPUs are enabled: of others than the caller that is known while nobody
 * writes the register, and every write is told. */
static bool all_on(const struct judge *j)
{
    bool on = bits_test(j->ev->sys[TSP_SYS_APIC_BASE], 11);

    if (j->setup->nvcpu == 1)
        return on;
    for (unsigned v = 0; v < j->setup->nvcpu && v < TSP_MAX_VCPU; v++)
        on &= bits_test(j->setup->vcpu[v].x86.apic_base, 11);
    for (size_t i = 0; on && i < j->index; i++)
        on = j->trace->ev[i].kind != TSP_EV_MSR || j->trace->ev[i].code != MSR_APIC_BASE;
    return on && (j->opt->caps & TSP_CAP_STEPS) != 0;
}

/* Send-IPI returns how many vCPUs took the interrupt: never more than were named. For an
 * edge-triggered fixed interrupt it is all of them while local APICs are on. */
bool pred_ret_targets(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t icr = fact_value(j, COND_A3), got = j->ev->after.r[TSP_RAX];
    unsigned most = named_vcpus(j);
    bool sure = fact_is(j, FACT_APIC, 1) && all_on(j) && (icr & 0x8700) == 0;

    (void)p;
    if (got <= most && (!sure || got == most))
        return true;
    return say_value(say, sure ? "vCPUs reached" : "vCPUs reached, at most", most, got);
}

/* hv_status(V|...): the status is the result's low 16 bits, in RAX or EDX:EAX (TLFS, Hypercall
 * Interface, outputs). */
bool pred_hv_status(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t got = j->ev->after.r[TSP_RAX] & 0xffff;

    for (unsigned i = 0; i < p->narg; i++)
        if (got == p->arg[i])
            return true;
    return say_value(say, "status", p->arg[0], got);
}

/* Of the registers only the result changes, and the control word, whose rep start a call that is to
 * be continued moves on (TLFS, Hypercall Interface, volatile registers). */
bool pred_hv_regs(const struct judge *j, const struct pred_use *p, struct say *say)
{
    bool wide = j->ev->before.mode == TSP_MODE_LONG64;

    (void)p;
    return regs_kept_but(j, 1u << TSP_RAX | 1u << (wide ? TSP_RCX : TSP_RDX), say);
}

/* Bits 31:16 and 63:44 of the result are reserved; reps completed, 43:32, are a rep call's alone
 * (TLFS, Hypercall outputs). Outside 64-bit code the halves stand in EDX and EAX. */
bool pred_hv_result(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_regs *r = &j->ev->after;
    uint64_t got = r->r[TSP_RAX], want;

    (void)p;
    if (r->mode != TSP_MODE_LONG64) {
        if (r->r[TSP_RAX] >> 32 != 0 || r->r[TSP_RDX] >> 32 != 0)
            return say_text(say, "a result of 32 bits in each register", "more");
        got |= r->r[TSP_RDX] << 32;
    }
    want = got & (bits_get(hv_input(j, 0), 43, 32) != 0 ? 0xfff0000ffff : 0xffff);
    return got == want || say_value(say, "result", want, got);
}
