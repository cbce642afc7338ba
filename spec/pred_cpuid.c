/* SPDX-License-Identifier: MIT */
/* Predicates of CPUID answers as a whole: where the data comes from. */
#include "spec/pred.h"

#include <stdio.h>

static const char *const reg_names[] = {"eax", "ebx", "ecx", "edx"};
static const uint32_t nothing[4];

/* The answer equals want, but for bits that follow the vCPU's state and have rules of their own. */
static bool answer_is(const struct judge *j, const uint32_t want[4], struct say *say)
{
    uint32_t got[4];

    cpuid_answer(j, got);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t mask = ~j->run[i];

        if ((got[i] ^ want[i]) & mask) {
            snprintf(say->expected, sizeof(say->expected), "%s=0x%x", reg_names[i], want[i] & mask);
            snprintf(say->got, sizeof(say->got), "%s=0x%x (leaf 0x%x, sub-leaf 0x%x)", reg_names[i],
                     got[i] & mask, (uint32_t)j->ev->before.r[TSP_RAX],
                     (uint32_t)j->ev->before.r[TSP_RCX]);
            return false;
        }
    }
    return true;
}

static bool answer_is_zero(const struct judge *j, struct say *say)
{
    uint32_t got[4];

    cpuid_answer(j, got);
    if (!(got[0] | got[1] | got[2] | got[3]))
        return true;
    snprintf(say->expected, sizeof(say->expected), "eax=ebx=ecx=edx=0");
    snprintf(say->got, sizeof(say->got), "0x%x 0x%x 0x%x 0x%x (leaf 0x%x, sub-leaf 0x%x)", got[0],
             got[1], got[2], got[3], (uint32_t)j->ev->before.r[TSP_RAX],
             (uint32_t)j->ev->before.r[TSP_RCX]);
    return false;
}

bool pred_cpuid_zero(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    return answer_is_zero(j, say);
}

bool pred_cpuid_policy(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    return answer_is(j, j->entry ? j->entry->reg : nothing, say);
}

/* Past the last level: nothing but the level number from the input and the vCPU's x2APIC id, which
 * is also what the leaf's other sub-leaves hold. */
bool pred_cpuid_echo(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_leaf *first = spec_policy_find(&j->policy, j->served_leaf, 1);
    unsigned vcpu = j->ev->vcpu < TSP_MAX_VCPU ? j->ev->vcpu : 0;
    uint32_t want[4] = {0, 0, (uint32_t)j->ev->before.r[TSP_RCX] & 0xff,
                        j->setup->vcpu[vcpu].x86.apic_id};

    (void)p;
    if (first && (uint32_t)j->ev->after.r[TSP_RDX] == first->reg[3])
        want[3] = first->reg[3];
    return answer_is(j, want, say);
}

bool pred_cpuid_redirect(const struct judge *j, const struct pred_use *p, struct say *say)
{
    if (j->served)
        return answer_is(j, j->served->reg, say);
    if (fact_is(j, FACT_SUB1, 1))
        return pred_cpuid_echo(j, p, say);
    return answer_is_zero(j, say);
}

/* Each result is 32 bits wide and zero-extended, in every mode. */
bool pred_upper_zero(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const uint64_t *r = j->ev->after.r;
    uint64_t upper = (r[TSP_RAX] | r[TSP_RBX] | r[TSP_RCX] | r[TSP_RDX]) >> 32;

    (void)p;
    return upper == 0 || say_value(say, "bits 63:32 of a result", 0, upper);
}
