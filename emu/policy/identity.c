/* SPDX-License-Identifier: MIT */
#include "emu/policy/identity.h"

#include <string.h>

#define EAX 0
#define EBX 1
#define ECX 2

#define HV_FIRST 0x40000000u
#define HV_END 0x40010000u
#define HV_STEP 0x100u
#define HV_TIMING 0x10u /* kHz of TSC and of the local APIC's bus */

static void copy(const struct cpu_policy *p, uint32_t leaf, uint32_t reg[4])
{
    for (unsigned i = 0; i < 4; i++)
        reg[i] = cpu_policy_reg(p, leaf, 0, i);
}

/* The timing leaf is VMware's and the generic interface's, also served by KVM's user space: within
 * the maximum of the block. */
static void read_block(const struct cpu_policy *p, uint32_t base, struct identity_block *b)
{
    uint32_t reg[4];

    copy(p, base, reg);
    *b = (struct identity_block){.base = base, .max = reg[EAX]};
    memcpy(b->signature, reg + 1, sizeof(b->signature));
    if (b->max < base + HV_TIMING)
        return;
    b->tsc_khz = cpu_policy_reg(p, base + HV_TIMING, 0, EAX);
    b->bus_khz = cpu_policy_reg(p, base + HV_TIMING, 0, EBX);
}

void identity_of(const struct cpu_policy *p, struct identity *out)
{
    memset(out, 0, sizeof(*out));
    out->basic = cpu_policy_reg(p, 0, 0, EAX);
    out->ext = cpu_policy_reg(p, 0x80000000, 0, EAX);
    out->sub7 = cpu_policy_reg(p, 7, 0, EAX);
    copy(p, 0x15, out->crystal);
    copy(p, 0x16, out->frequency);
    for (uint32_t base = HV_FIRST; base < HV_END && out->nblock < IDENTITY_BLOCKS; base += HV_STEP)
        if (cpu_policy_find(p, base, 0) != NULL)
            read_block(p, base, &out->block[out->nblock++]);
}

uint32_t identity_tsc_khz(const struct identity *id)
{
    for (unsigned i = 0; i < id->nblock; i++)
        if (id->block[i].tsc_khz != 0)
            return id->block[i].tsc_khz;
    if (id->crystal[EAX] == 0 || id->crystal[EBX] == 0)
        return 0;
    return (uint32_t)((uint64_t)id->crystal[ECX] * id->crystal[EBX] / id->crystal[EAX] / 1000);
}

static const char *block_changed(const struct identity_block *was, const struct identity_block *is,
                                 uint32_t *leaf)
{
    *leaf = was->base;
    if (memcmp(was->signature, is->signature, sizeof(was->signature)) != 0)
        return "another hypervisor's signature";
    if (is->max < was->max)
        return "the hypervisor's highest leaf shrank";
    *leaf = was->base + HV_TIMING;
    if (was->tsc_khz != 0 && was->tsc_khz != is->tsc_khz)
        return "another TSC frequency";
    if (was->bus_khz != 0 && was->bus_khz != is->bus_khz)
        return "another bus frequency";
    return NULL;
}

static const struct identity_block *find_block(const struct identity *id, uint32_t base)
{
    for (unsigned i = 0; i < id->nblock; i++)
        if (id->block[i].base == base)
            return &id->block[i];
    return NULL;
}

static const char *frequencies_changed(const struct identity *was, const struct identity *is,
                                       uint32_t *leaf)
{
    static const uint32_t none[4];

    *leaf = 0x15;
    if (memcmp(was->crystal, none, sizeof(none)) != 0 &&
        memcmp(was->crystal, is->crystal, sizeof(none)) != 0)
        return "another TSC or crystal frequency";
    *leaf = 0x16;
    if (memcmp(was->frequency, none, sizeof(none)) != 0 &&
        memcmp(was->frequency, is->frequency, sizeof(none)) != 0)
        return "another processor frequency";
    return NULL;
}

const char *identity_changed(const struct identity *before, const struct identity *after,
                             uint32_t *leaf)
{
    const char *what;

    *leaf = 0;
    if (after->basic < before->basic)
        return "the highest basic leaf shrank";
    *leaf = 7;
    if (after->sub7 < before->sub7)
        return "the highest sub-leaf of leaf 7 shrank";
    *leaf = 0x80000000u;
    if (after->ext < before->ext)
        return "the highest extended leaf shrank";
    for (unsigned i = 0; i < before->nblock; i++) {
        const struct identity_block *b = find_block(after, before->block[i].base);

        *leaf = before->block[i].base;
        if (b == NULL)
            return "the hypervisor's leaves are gone";
        what = block_changed(&before->block[i], b, leaf);
        if (what != NULL)
            return what;
    }
    return frequencies_changed(before, after, leaf);
}
