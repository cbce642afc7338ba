/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V's synthetic interrupt controller and timers as a judge sees them: registers of a virtual
 * processor, and what their values follow from (TLFS, Virtual interrupt controller, SynIC MSRs;
 * Timers, Synthetic timer configuration and count registers).
 */
#include "spec/pred.h"

#include "trapspec/bits.h"

#define MSR_CONTROL 0x40000080u
#define MSR_EVENTS 0x40000082u
#define MSR_MESSAGES 0x40000083u
#define MSR_SINT 0x40000090u
#define MSR_TIMER 0x400000b0u

#define SINT_DEFINED 0x700ffu /* vector 7:0, masked 16, auto-EOI 17, polling 18 */
#define SINT_MASKED 0x10000u  /* as it is at first */
#define PAGE_DEFINED 0xfffffffffffff001u
#define TIMER_ENABLED ((uint64_t)1)
#define TIMER_AUTO ((uint64_t)8)
#define TIMER_DIRECT ((uint64_t)0x1000)
#define TIMER_SINT ((uint64_t)0xf0000)
#define TIMER_DEFINED ((uint64_t)0xf1ffe) /* but for the enable bit, which expiry clears */

enum { SYNIC_CONTROL = 0, SYNIC_EVENTS, SYNIC_MESSAGES, SYNIC_SINT, SYNIC_TIMER = SYNIC_SINT + 16 };
_Static_assert(SYNIC_TIMER + 8 == HV_SYNIC_COUNT, "registers of the interrupt controller");

static unsigned register_of(uint32_t msr)
{
    if (msr == MSR_CONTROL)
        return SYNIC_CONTROL;
    if (msr == MSR_EVENTS || msr == MSR_MESSAGES)
        return SYNIC_EVENTS + msr - MSR_EVENTS;
    if (msr >= MSR_SINT && msr < MSR_SINT + 16)
        return SYNIC_SINT + msr - MSR_SINT;
    if (msr >= MSR_TIMER && msr < MSR_TIMER + 8)
        return SYNIC_TIMER + msr - MSR_TIMER;
    return HV_SYNIC_COUNT;
}

/* Zero at first, and interrupt sources masked; but for what a set-up gives. */
void synic_setup(struct judge *j)
{
    const struct tsp_setup *s = j->setup;
    uint64_t all = j->opt->caps & TSP_CAP_STEPS ? ~(uint64_t)0 : 0;

    for (unsigned v = 0; v < s->nvcpu && v < TSP_MAX_VCPU; v++) {
        struct hv_synic *y = &j->hv.synic[v];

        for (unsigned i = 0; i < HV_SYNIC_COUNT; i++) {
            y->value[i] = i >= SYNIC_SINT && i < SYNIC_TIMER ? SINT_MASKED : 0;
            y->known[i] = all;
        }
        for (uint32_t i = 0; i < s->vcpu[v].x86.nmsr && i < TSP_MAX_MSR; i++)
            if (register_of(s->vcpu[v].x86.msr[i].index) < HV_SYNIC_COUNT)
                y->known[register_of(s->vcpu[v].x86.msr[i].index)] = 0;
    }
}

/* An enabled timer without an interrupt source is marked disabled; of another one only an expiry
 * that nobody sees knows. */
static void note_config(struct hv_synic *y, unsigned reg, uint64_t v)
{
    bool sure = !(v & TIMER_ENABLED) || (v & (TIMER_SINT | TIMER_DIRECT)) == 0;

    y->value[reg] = v & ~TIMER_ENABLED;
    y->known[reg] = TIMER_DEFINED | (sure ? TIMER_ENABLED : 0);
}

/* A count of zero stops the timer; another one starts it where that is configured. */
static void note_count(struct hv_synic *y, unsigned reg, uint64_t v)
{
    unsigned config = reg - 1;

    y->value[reg] = v;
    y->known[reg] = ~(uint64_t)0;
    if (v == 0) {
        y->value[config] &= ~TIMER_ENABLED;
        y->known[config] |= TIMER_ENABLED;
    } else if ((y->value[config] & TIMER_AUTO) || !(y->known[config] & TIMER_AUTO)) {
        y->known[config] &= ~TIMER_ENABLED;
    }
}

void synic_note(struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    unsigned reg = register_of(ev->code);
    struct hv_synic *y = &j->hv.synic[ev->vcpu % TSP_MAX_VCPU];

    if (reg == HV_SYNIC_COUNT || ev->info[1] != 1)
        return;
    if (reg >= SYNIC_TIMER && (reg - SYNIC_TIMER) % 2 == 0) {
        note_config(y, reg, ev->info[0]);
    } else if (reg >= SYNIC_TIMER) {
        note_count(y, reg, ev->info[0]);
    } else {
        y->value[reg] = ev->info[0];
        y->known[reg] = reg == SYNIC_CONTROL ? 1 : reg < SYNIC_SINT ? PAGE_DEFINED : SINT_DEFINED;
    }
}

bool pred_synic_held(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct hv_synic *y = &j->hv.synic[j->ev->vcpu % TSP_MAX_VCPU];
    unsigned reg = register_of(j->ev->code);
    uint64_t known, got = j->ev->info[0];

    (void)p;
    if (reg == HV_SYNIC_COUNT || !j->hv.mine)
        return true;
    known = y->known[reg];
    return ((got ^ y->value[reg]) & known) == 0 ||
           say_value(say, "MSR", y->value[reg] & known, got & known);
}
