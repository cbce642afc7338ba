/* SPDX-License-Identifier: MIT */
#include "fuzz/run/derive.h"

#include <string.h>

#define VARIANTS 2u

uint64_t derive_hash(const uint8_t *data, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++)
        h = (h ^ data[i]) * 0x100000001b3u;
    return h;
}

uint64_t derive_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

enum derive derive_of(const char *name)
{
    if (strstr(name, "fz_cpuid") != NULL)
        return DERIVE_CPUID;
    if (strstr(name, "fz_race") != NULL)
        return DERIVE_RACE + TSP_PROTOCOL_TEXT_POKE;
    return strstr(name, "fz_hypercall") != NULL ? DERIVE_HYPERCALL : DERIVE_NONE;
}

struct derived {
    bool (*each)(void *ctx, const struct scenario *s);
    void *ctx;
    struct scenario s, variant;
};

static void calls(struct derived *d, uint64_t rng)
{
    derive_ensure_call(&d->s, derive_random(&rng));
    if (!d->each(d->ctx, &d->s))
        return;
    if (d->s.arch == TSP_ARCH_X86) {
        d->variant = d->s;
        d->variant.host = d->s.host == TSP_VENDOR_INTEL ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
        if (!d->each(d->ctx, &d->variant))
            return;
    }
    for (unsigned i = 0; i < VARIANTS; i++) {
        d->variant = d->s;
        derive_vary_call(&d->variant, derive_random(&rng));
        if (!d->each(d->ctx, &d->variant))
            return;
    }
}

bool derive_each(enum derive how, const uint8_t *data, size_t size, const struct tsp_policy *policy,
                 bool (*each)(void *ctx, const struct scenario *s), void *ctx)
{
    static struct derived d; /* too large for a stack; nothing is kept between two calls */
    uint64_t rng;

    d.each = each;
    d.ctx = ctx;
    if (input_is_text(data, size)) {
        if (input_text_parse((const char *)data, size, &d.s, NULL) != TSP_OK)
            return false;
    } else {
        input_parse(data, size, &d.s);
    }
    if (how >= DERIVE_RACE) {
        if (derive_race(&d.s, (uint8_t)(how - DERIVE_RACE), derive_hash(data, size)))
            each(ctx, &d.s);
        return true;
    }
    if (how != DERIVE_NONE)
        input_whole_steps(&d.s);
    if (how == DERIVE_HYPERCALL) {
        calls(&d, derive_hash(data, size));
        return true;
    }
    /* The input as it is: prefixes, page ends and whatever else the engine found. */
    if (!each(ctx, &d.s) || how != DERIVE_CPUID || d.s.arch != TSP_ARCH_X86)
        return true;
    rng = derive_hash(data, size);
    d.variant = d.s;
    derive_queries(&d.s, policy, rng);
    if (!each(ctx, &d.s))
        return true;
    /* The same guest on a machine of another vendor, under another hypervisor. */
    derive_machine(&d.variant, derive_random(&rng));
    derive_queries(&d.variant, policy, derive_random(&rng));
    each(ctx, &d.variant);
    return true;
}
