/* SPDX-License-Identifier: MIT */
/*
 * lguest's calls: what stands at an event, and what the guest has told its host so far
 * (torvalds/linux v4.13 drivers/lguest/hypercalls.c, arch/x86/include/asm/lguest_hcall.h).
 */
#include "spec/pred.h"

#include <string.h>

#include "trapspec/bits.h"

#define GUEST_LEVEL 1u
#define TRAP_ENTRY 0x1fu

enum way { WAY_NONE = 0, WAY_KERNEL, WAY_USER, WAY_VMCALL, WAY_OTHER };
#define TOLD_INIT 0x10u
#define TOLD_TIMER 0x20u
#define TOLD_RING 0x40u /* may hold calls, which come before any other */
#define DATA_BAD 0x80u

#define CALL_INIT 1u
#define CALL_NEW_PGTABLE 4u
#define CALL_TIMER 9u

/* struct lguest_data: the ring begins with the states of 64 calls, before which lie 20 or 24 bytes
 * by release; an entry has 16 or 20. No release has less than DATA_LEAST in all. */
#define STATES_FROM 20u
#define STATES_TO 88u
#define DATA_LEAST 1024u
#define DATA_MOST 1408u
#define STATE_FREE 0xffu

static bool is_guest(const struct judge *j)
{
    return j->setup->arch == TSP_ARCH_X86 && (j->personas & 1u << TSP_PERSONA_LGUEST);
}

static unsigned way_of(const struct tsp_event *ev)
{
    const uint8_t *p = ev->fetched;
    unsigned at = 0, n = ev->len < TSP_INSN_BYTES ? ev->len : TSP_INSN_BYTES;

    /* One that goes on past the highest address cannot be fetched whole. */
    if (ev->before.mode != TSP_MODE_PROT32 || ev->before.pc + n > (uint64_t)UINT32_MAX + 1)
        return WAY_NONE;
    while (at < n && p[at] && memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", p[at], 11))
        at++;
    if (n - at >= 2 && p[at] == 0xcd && p[at + 1] == TRAP_ENTRY && ev->before.level != 0)
        return ev->before.level == GUEST_LEVEL ? WAY_KERNEL : WAY_USER;
    if (n - at < 3 || p[at] != 0x0f || p[at + 1] != 0x01 ||
        (p[at + 2] != 0xc1 && p[at + 2] != 0xd9))
        return WAY_NONE;
    return at == 0 && p[2] == 0xc1 && ev->before.level == GUEST_LEVEL ? WAY_VMCALL : WAY_OTHER;
}

static uint32_t number(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[TSP_RAX];
}

static uint32_t argument(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[TSP_RBX];
}

unsigned lguest_call(const struct judge *j)
{
    unsigned way;

    if (!is_guest(j))
        return 0;
    way = way_of(j->ev);
    if (way == WAY_KERNEL && number(j->ev) == CALL_INIT &&
        !judge_in_ram(j->setup, argument(j->ev), DATA_LEAST))
        way |= DATA_BAD;
    return way | j->lguest.bits;
}

bool lguest_by_int(const struct judge *j, const struct tsp_event *ev)
{
    return is_guest(j) && way_of(ev) == WAY_KERNEL;
}

/* As far as the set-up's memory says: every state is that of a free place, or begins as a call of
 * number 0, which does nothing. What lies in the entries is not looked at where they are zero. */
static bool ring_is_quiet(const struct judge *j, uint64_t at)
{
    bool rom, zero = true, free = true;

    for (uint64_t i = STATES_FROM; i < DATA_MOST; i++) {
        uint8_t v = judge_first_byte(j->setup, at + i, &rom);

        zero &= v == 0;
        free &= i >= STATES_TO || v == STATE_FREE;
    }
    return zero || free;
}

void lguest_note(struct judge *j)
{
    const struct tsp_event *ev = j->ev;

    if (!is_guest(j) || ev->kind != TSP_EV_HYPERCALL || way_of(ev) != WAY_KERNEL)
        return;
    if (number(ev) == CALL_INIT) {
        j->lguest.data = argument(ev);
        j->lguest.bits |= TOLD_INIT | (ring_is_quiet(j, argument(ev)) ? 0 : TOLD_RING);
    }
    if (number(ev) == CALL_TIMER && argument(ev) != 0)
        j->lguest.bits |= TOLD_TIMER;
}

uint64_t lguest_data(const struct judge *j, uint64_t *n)
{
    bool init = lguest_by_int(j, j->ev) && number(j->ev) == CALL_INIT;

    *n = is_guest(j) && (init || (j->lguest.bits & TOLD_INIT)) ? DATA_MOST : 0;
    return init ? argument(j->ev) : j->lguest.data;
}

/* lg_table: the vCPU's page tables are the ones that the call names. */
bool pred_lg_table(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t got = j->look->after.x86.cr3;

    (void)p;
    return got == argument(j->ev) || say_value(say, "page tables", argument(j->ev), got);
}

bool lguest_new_table(const struct judge *j, const struct tsp_event *ev)
{
    return ev->kind == TSP_EV_HYPERCALL && lguest_by_int(j, ev) && number(ev) == CALL_NEW_PGTABLE;
}
