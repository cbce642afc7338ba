/* SPDX-License-Identifier: MIT */
/* States of targets that keep none: the way there. */
#include "fuzz/run/stepper.h"

#include "fuzz/input/input.h"
#include "trapspec/bits.h"

#include <string.h>

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static uint64_t mix_bytes(uint64_t h, const uint8_t *p, size_t n)
{
    for (; n >= 8; p += 8, n -= 8)
        h = mix(h, le_load(p, 8));
    return n > 0 ? mix(h, le_load(p, (unsigned)n)) : h;
}

bool stepper_open(struct stepper *s, struct target *t, const struct tsp_setup *setup)
{
    memset(s, 0, sizeof(*s));
    s->t = t;
    s->setup = setup;
    s->kept = states_open(t);
    return s->kept || ((t->caps & TSP_CAP_STEPS) != 0 && (t->caps & TSP_CAP_DETERMINISTIC) != 0 &&
                       (t->caps & TSP_CAP_SMP) != 0);
}

size_t stepper_save(const struct stepper *s, void *buf, size_t max)
{
    if (s->kept)
        return states_save(s->t, buf, max);
    if (max < sizeof(s->now))
        return 0;
    memcpy(buf, &s->now, sizeof(s->now));
    return sizeof(s->now);
}

static uint64_t hash_event(const struct tsp_event *ev)
{
    uint64_t h = mix(ev->kind, ev->code);

    h = mix(mix(h, ev->info[0]), ev->info[1]);
    h = mix_bytes(mix(h, ev->len), ev->fetched, sizeof(ev->fetched));
    h = mix(mix(h, ev->after.pc), ev->after.flags);
    for (unsigned i = 0; i < 16; i++)
        h = mix(h, ev->after.r[i]);
    return h;
}

/* The hypervisor is done with this vCPU; who waited for that starts anew. */
static void let_go(struct stepper_path *p, unsigned vcpu)
{
    for (unsigned i = 0; i < TSP_MAX_VCPU; i++)
        if (p->waits >> i & 1)
            p->seen[i] = p->done[i];
    p->waits = 0;
    p->traps = (uint8_t)(p->traps & ~(1u << vcpu));
    p->seen[vcpu] = p->done[vcpu];
}

static void take_fetch(struct stepper_path *p, unsigned vcpu, const struct tsp_event *ev)
{
    uint64_t h = hash_event(ev);

    switch (ev->code) {
    case TSP_MICRO_RESUME:
        let_go(p, vcpu);
        return;
    case TSP_MICRO_WAIT: /* however often */
        p->waits = (uint8_t)(p->waits | 1u << vcpu);
        p->seen[vcpu] = mix(p->done[vcpu], TSP_MICRO_WAIT + (p->traps >> vcpu & 1u) * 64u);
        return;
    case TSP_MICRO_TRAP:
        p->traps = (uint8_t)(p->traps | 1u << vcpu);
        p->seen[vcpu] = mix(p->done[vcpu], h);
        return;
    case TSP_MICRO_REFETCH:
        p->seen[vcpu] = p->traps >> vcpu & 1 ? mix(p->seen[vcpu], h) : p->done[vcpu];
        return;
    case TSP_MICRO_SYNC:
        if (ev->info[0] < TSP_MAX_VCPU && ev->info[0] != vcpu)
            p->seen[ev->info[0]] = mix(p->seen[ev->info[0]], TSP_MICRO_SYNC);
        break;
    case TSP_MICRO_MIGRATE:
    case TSP_MICRO_INTERRUPT:
    case TSP_MICRO_OPEN:
        p->world = mix(p->world, h);
        break;
    default:
        break;
    }
    p->seen[vcpu] = mix(p->seen[vcpu], h);
}

static void take(struct stepper *s, unsigned vcpu, uint32_t step, const struct tsp_event *ev)
{
    struct stepper_path *p = &s->now;

    if (p->n < STEPPER_DEPTH)
        p->move[p->n] = input_sched_byte(vcpu, step);
    p->n++;
    memcpy(p->site, ev->stored, sizeof(p->site));
    if (ev->kind == TSP_EV_FETCH) {
        take_fetch(p, vcpu, ev);
    } else if (ev->kind == TSP_EV_PATCH || ev->kind == TSP_EV_RETIRE) {
        p->seen[vcpu] = mix(p->seen[vcpu], hash_event(ev));
        if (ev->kind == TSP_EV_RETIRE && ev->code == 0)
            p->world = mix(mix(p->world, vcpu), hash_event(ev));
    } else {
        p->done[vcpu] = mix(p->done[vcpu], hash_event(ev));
        if (ev->kind == TSP_EV_HYPERCALL && (p->traps >> vcpu & 1))
            p->seen[vcpu] = mix(p->seen[vcpu], hash_event(ev));
        else
            let_go(p, vcpu);
    }
}

bool stepper_run(struct stepper *s, unsigned vcpu, uint32_t step, struct tsp_event *ev)
{
    enum tsp_status st = s->t->ops->run(s->t->self, vcpu, step, ev);

    if (st != TSP_OK) {
        s->failed = true;
        return false;
    }
    if (ev->kind == TSP_EV_NONE)
        return false;
    if (!s->kept)
        take(s, vcpu, step, ev);
    return true;
}

void stepper_load(struct stepper *s, const void *buf)
{
    struct stepper_path to;
    struct tsp_event ev;

    if (s->kept) {
        states_load(s->t, buf);
        return;
    }
    memcpy(&to, buf, sizeof(to));
    if (s->now.n == to.n && memcmp(s->now.move, to.move, to.n) == 0)
        return;
    memset(&s->now, 0, sizeof(s->now));
    if (s->t->ops->reset(s->t->self, s->setup, &ev) != TSP_OK)
        s->failed = true;
    for (uint32_t i = 0; i < to.n && i < STEPPER_DEPTH && !s->failed; i++)
        if (!stepper_run(s, input_sched_vcpu(to.move[i]), input_sched_step(to.move[i]), &ev))
            s->failed = true;
    s->failed = s->failed || memcmp(s->now.seen, to.seen, sizeof(to.seen)) != 0;
}

uint64_t stepper_digest(const struct stepper *s)
{
    uint64_t h;

    if (s->kept)
        return states_digest(s->t);
    h = mix_bytes(mix(s->now.world, (uint64_t)s->now.waits << 8 | s->now.traps), s->now.site,
                  sizeof(s->now.site));
    for (unsigned i = 0; i < s->setup->nvcpu; i++)
        h = mix(h, s->now.seen[i]);
    return h;
}
