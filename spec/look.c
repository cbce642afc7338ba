/* SPDX-License-Identifier: MIT */
/* Looks at the machine, beside its events: which one belongs to an event, and steps that left none.
 */
#include "spec/pred.h"

#include <string.h>

/* Looks come in the order of the steps; those in front of an event are quiet. */
const struct tsp_look *look_next(const struct judge *j, size_t *at, size_t event)
{
    const struct tsp_looks *l = j->trace->looks;

    if (!l || *at >= l->n || *at >= TSP_MAX_LOOK || l->look[*at].event > event)
        return NULL;
    return &l->look[(*at)++];
}

/* Few events are looked at: "no" is what the set-up's facts say. */
void look_fact(struct judge *j)
{
    const struct fact_place *p = &fact_groups[FACT_LOOKED];

    j->bits[p->word] &= ~(3ull << p->first);
    j->bits[p->word] |= 2ull << p->first;
}

/* A step without an event, as if it had one. */
void look_event(const struct tsp_look *k, const struct tsp_setup *setup, struct tsp_event *out)
{
    memset(out, 0, sizeof(*out));
    out->kind = TSP_EV_RETIRE;
    out->vcpu = k->vcpu;
    out->before = k->before.regs;
    out->after = k->after.regs;
    out->addr = k->text[0].lin;
    out->len = (uint8_t)(k->text[0].n < TSP_INSN_BYTES ? k->text[0].n : TSP_INSN_BYTES);
    memcpy(out->fetched, k->text[0].byte, out->len);
    memcpy(out->stored, k->text[1].byte,
           k->text[1].n < TSP_INSN_BYTES ? k->text[1].n : TSP_INSN_BYTES);
    if (setup->arch == TSP_ARCH_X86)
        tsp_x86_sys(&k->before.x86, out->sys);
}

/* A quiet step that is INIT, sent by a vCPU to another one or to itself (Intel SDM Vol. 3A 10.1.1,
 * processor state following INIT). */
bool look_took_init(const struct judge *j)
{
    const struct tsp_vcpu_state *v = &j->look->after;
    uint64_t sum = 0;

    if (j->setup->arch != TSP_ARCH_X86)
        return false;
    for (unsigned i = 0; i < 16; i++)
        sum |= i == TSP_RDX ? 0 : v->regs.r[i];
    return sum == 0 && v->regs.pc == 0xfff0 && v->regs.flags == 2 &&
           v->regs.mode == TSP_MODE_REAL16 && v->x86.seg[TSP_CS].base == 0xffff0000u &&
           kvm_init_sent(j);
}
