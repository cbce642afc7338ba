/* SPDX-License-Identifier: MIT */
/* A policy with every class of leaf, and queries of it. */
#ifndef TSP_TESTS_SPEC_LEAVES_H
#define TSP_TESTS_SPEC_LEAVES_H

#include "tests/spec/fixture.h"

#include <stdlib.h>

#define L64 TSP_MODE_LONG64
#define PASS VERDICT_PASS
#define FAIL VERDICT_FAIL
#define IDX TSP_LEAF_INDEXED

enum { INTEL, AMD, HYGON, CENTAUR, OTHER };

static const char *const texts[] = {"GenuineIntel", "AuthenticAMD", "HygonGenuine", "CentaurHauls",
                                    "SomebodyElse"};

/* Highest basic leaf 0x16, a KVM block to 0x40000001, extended to 0x80000001, no Centaur class. */
static struct tsp_leaf policy[] = {
    {0x0, 0, 0, {0x16, 0, 0, 0}},
    {0x4, 0, IDX, {1, 2, 3, 4}},
    {0xb, 0, IDX, {1, 2, 0x100, 7}},
    {0xb, 1, IDX, {4, 8, 0x201, 7}},
    {0x16, 0, 0, {100, 200, 300, 0}},
    {0x30, 0, 0, {9, 9, 9, 9}}, /* above the end, but set */
    {0x40000000u, 0, 0, {0x40000001u, 0x4b4d564bu, 0x564b4d56u, 0x4d}},
    {0x40000001u, 0, 0, {0x80, 0, 0, 0}},
    {0x80000000u, 0, 0, {0x80000001u, 0, 0, 0}},
};

static inline void use_policy(unsigned vendor)
{
    setup_x86_default();
    policy[0].reg[1] = (uint32_t)le_load((const uint8_t *)texts[vendor], 4);
    policy[0].reg[3] = (uint32_t)le_load((const uint8_t *)texts[vendor] + 4, 4);
    policy[0].reg[2] = (uint32_t)le_load((const uint8_t *)texts[vendor] + 8, 4);
    setup.npolicy = 1;
    setup.policy[0] = (struct tsp_policy){policy, sizeof(policy) / sizeof(policy[0])};
    setup.vcpu[0].x86.apic_id = 7;
}

static inline struct tsp_event *query(uint32_t leaf, uint32_t sub, const uint32_t reg[4])
{
    struct tsp_event *ev = add_event(TSP_EV_CPUID, L64, "\x0f\xa2", 2);

    ev->before.r[TSP_RAX] = 0xdeadbeef00000000u | leaf;
    ev->before.r[TSP_RCX] = 0xdeadbeef00000000u | sub;
    ev->after.r[TSP_RAX] = reg[0];
    ev->after.r[TSP_RBX] = reg[1];
    ev->after.r[TSP_RCX] = reg[2];
    ev->after.r[TSP_RDX] = reg[3];
    return ev;
}

#endif
