/* SPDX-License-Identifier: MIT */
/*
 * The synthetic interrupt controller and timers of a virtual processor (TLFS, Virtual interrupt
 * controller; Timers). Timers are looked at when their registers are: an expiry is told no earlier
 * than it is due, which is all that the documents promise.
 */
#include "emu/hv/hyperv.h"

#include <string.h>

#include "emu/state/mmu.h"
#include "trapspec/bits.h"

enum synic_msr {
    MSR_CONTROL = 0x40000080,
    MSR_VERSION = 0x40000081,
    MSR_EVENTS = 0x40000082,
    MSR_MESSAGES = 0x40000083,
    MSR_EOM = 0x40000084,
    MSR_SINT = 0x40000090,
    MSR_TIMER = 0x400000b0
};

#define VERSION 1u
#define NSINT 16u
#define NTIMER 4u
#define PAGE_BITS 0xfffffffffffff001u /* frame and enable */

/* vcpu->hv_state[]: from HYPERV_VC_SYNIC on, in this order. */
enum slot {
    SLOT_CONTROL = HYPERV_VC_SYNIC,
    SLOT_EVENTS,
    SLOT_MESSAGES,
    SLOT_SINT,
    SLOT_TIMER = SLOT_SINT + NSINT, /* configuration and count of each */
    SLOT_DUE = SLOT_TIMER + 2 * NTIMER,
    SLOT_END = SLOT_DUE + NTIMER
};
_Static_assert(SLOT_END <= VCPU_HV_STATE, "vcpu->hv_state");

/* SINT: vector 7:0, masked 16, auto-EOI 17, polling 18. */
#define SINT_BITS 0x700ffu
#define SINT_MASKED 0x10000u
#define SINT_POLLED 0x40000u
#define VECTOR_LOW 0x10u

/* Timer: enabled 0, periodic 1, lazy 2, auto-enable 3, vector 11:4, direct 12, source 19:16. */
#define TIMER_ENABLED ((uint64_t)1)
#define TIMER_PERIODIC ((uint64_t)2)
#define TIMER_AUTO ((uint64_t)8)
#define TIMER_DIRECT ((uint64_t)0x1000)
#define TIMER_BITS ((uint64_t)0xf1fff)
#define FACILITY_DIRECT_TIMER 19

#define MESSAGE_BYTES 256u /* of a slot of the message page */
#define MESSAGE_TIMER 0x80000010u
#define MESSAGE_PENDING 1u

void hyperv_synic_reset(struct vcpu *vc)
{
    for (unsigned i = SLOT_CONTROL; i < SLOT_END; i++)
        vc->hv_state[i] = i >= SLOT_SINT && i < SLOT_TIMER ? SINT_MASKED : 0;
}

static uint64_t now(const struct vm *vm)
{
    return vm->tsc > vm->hv_state[HYPERV_COUNTED] ? vm->tsc : vm->hv_state[HYPERV_COUNTED];
}

/* A message that finds no page, or its slot taken, waits for its end or is lost. Here it is lost;
 * the slot's flag says that there was one. True: stored. */
static bool post(struct vm *vm, struct vcpu *vc, unsigned sint, const uint8_t *payload, unsigned n)
{
    uint64_t page = vc->hv_state[SLOT_MESSAGES];
    uint64_t at = (page & ~(uint64_t)0xfff) + (uint64_t)sint * MESSAGE_BYTES;
    uint8_t head[16] = {0};

    if (!bits_test(vc->hv_state[SLOT_CONTROL], 0) || !bits_test(page, 0) ||
        !mem_has(&vm->mem, at, MESSAGE_BYTES) ||
        (mem_page_flags(&vm->mem, at) & (MEM_ROM | MEM_OVERLAY)) != 0)
        return false;
    mem_get(&vm->mem, at, head, sizeof(head));
    if (le_load(head, 4) != 0) {
        head[5] |= MESSAGE_PENDING;
        vm_store_phys(vm, at, head, sizeof(head));
        return false;
    }
    le_store(head, MESSAGE_TIMER, 4);
    head[4] = (uint8_t)n;
    vm_store_phys(vm, at, head, sizeof(head));
    vm_store_phys(vm, at + sizeof(head), payload, n);
    return true;
}

static void interrupt(struct vm *vm, struct vcpu *vc, uint8_t vector)
{
    if (vector >= VECTOR_LOW)
        hv_interrupt_set(vm, (uint64_t)1 << vc->id, vector);
}

/* timer u32, reserved u32, expiration time u64, delivery time u64 */
static void expire(struct vm *vm, struct vcpu *vc, unsigned timer)
{
    uint64_t config = vc->hv_state[SLOT_TIMER + 2 * timer];
    unsigned sint = (unsigned)bits_get(config, 19, 16);
    uint64_t source = vc->hv_state[SLOT_SINT + sint];
    uint8_t payload[24] = {0};

    if (config & TIMER_DIRECT) {
        interrupt(vm, vc, (uint8_t)bits_get(config, 11, 4));
        return;
    }
    le_store(payload, timer, 4);
    le_store(payload + 8, vc->hv_state[SLOT_DUE + timer], 8);
    le_store(payload + 16, now(vm), 8);
    if (post(vm, vc, sint, payload, sizeof(payload)) && !(source & (SINT_MASKED | SINT_POLLED)))
        interrupt(vm, vc, (uint8_t)source);
}

static void tick(struct vm *vm, struct vcpu *vc)
{
    for (unsigned i = 0; i < NTIMER; i++) {
        uint64_t *config = &vc->hv_state[SLOT_TIMER + 2 * i], *due = &vc->hv_state[SLOT_DUE + i];
        uint64_t count = config[1];

        if (!(*config & TIMER_ENABLED) || *due > now(vm))
            continue;
        expire(vm, vc, i);
        if (*config & TIMER_PERIODIC)
            *due = now(vm) + count;
        else
            *config &= ~TIMER_ENABLED;
    }
}

/* A one-shot timer's count is a time, a periodic one's a distance. */
static void arm(struct vm *vm, struct vcpu *vc, unsigned timer)
{
    const uint64_t *config = &vc->hv_state[SLOT_TIMER + 2 * timer];

    vc->hv_state[SLOT_DUE + timer] = *config & TIMER_PERIODIC ? now(vm) + config[1] : config[1];
}

/* Enabled without a source, or without a count that could run out, it is marked disabled. */
static bool write_config(struct vm *vm, struct vcpu *vc, unsigned timer, uint64_t v)
{
    uint64_t *config = &vc->hv_state[SLOT_TIMER + 2 * timer];

    if ((v & TIMER_DIRECT) != 0 && !hyperv_has(vm, FACILITY_DIRECT_TIMER))
        return false;
    v &= TIMER_BITS;
    if ((v & TIMER_DIRECT) == 0 && bits_get(v, 19, 16) == 0)
        v &= ~TIMER_ENABLED;
    *config = config[1] == 0 ? v & ~TIMER_ENABLED : v;
    arm(vm, vc, timer);
    return true;
}

static void write_count(struct vm *vm, struct vcpu *vc, unsigned timer, uint64_t v)
{
    uint64_t *config = &vc->hv_state[SLOT_TIMER + 2 * timer];

    config[1] = v;
    if (v == 0)
        *config &= ~TIMER_ENABLED;
    else if ((*config & TIMER_AUTO) && (*config & (TIMER_DIRECT | 0xf0000)) != 0)
        *config |= TIMER_ENABLED;
    arm(vm, vc, timer);
}

static bool is_timer(uint32_t msr)
{
    return msr >= MSR_TIMER && msr < MSR_TIMER + 2 * NTIMER;
}

static bool is_synic(uint32_t msr)
{
    return (msr >= MSR_CONTROL && msr <= MSR_EOM) || (msr >= MSR_SINT && msr < MSR_SINT + NSINT);
}

static bool granted(const struct vm *vm, uint32_t msr)
{
    return hyperv_may(vm, is_timer(msr) ? RIGHT_TIMERS : RIGHT_SYNIC);
}

bool hyperv_synic_read(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value, bool *ok)
{
    if (!is_timer(msr) && !is_synic(msr))
        return false;
    *ok = granted(vm, msr);
    tick(vm, vc);
    if (is_timer(msr))
        *value = vc->hv_state[SLOT_TIMER + (msr - MSR_TIMER)];
    else if (msr >= MSR_SINT)
        *value = vc->hv_state[SLOT_SINT + (msr - MSR_SINT)];
    else if (msr == MSR_CONTROL)
        *value = vc->hv_state[SLOT_CONTROL];
    else if (msr == MSR_EVENTS || msr == MSR_MESSAGES)
        *value = vc->hv_state[SLOT_EVENTS + (msr - MSR_EVENTS)];
    else
        *value = msr == MSR_VERSION ? VERSION : 0;
    return true;
}

static bool write_page(const struct vm *vm, uint64_t *slot, uint64_t value)
{
    if (bits_test(value, 0) && (value & ~(uint64_t)0xfff) >> vm->maxphyaddr != 0)
        return false;
    *slot = value & PAGE_BITS;
    return true;
}

static bool write_sint(uint64_t *slot, uint64_t value)
{
    if (!(value & SINT_MASKED) && (value & 0xff) < VECTOR_LOW)
        return false;
    *slot = value & SINT_BITS;
    return true;
}

static bool write_synic(const struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value)
{
    if (msr >= MSR_SINT)
        return write_sint(&vc->hv_state[SLOT_SINT + (msr - MSR_SINT)], value);
    if (msr == MSR_EVENTS || msr == MSR_MESSAGES)
        return write_page(vm, &vc->hv_state[SLOT_EVENTS + (msr - MSR_EVENTS)], value);
    if (msr == MSR_CONTROL)
        vc->hv_state[SLOT_CONTROL] = value & 1;
    return msr != MSR_VERSION;
}

bool hyperv_synic_write(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value, bool *ok)
{
    if (!is_timer(msr) && !is_synic(msr))
        return false;
    *ok = granted(vm, msr);
    if (!*ok)
        return true;
    if (!is_timer(msr))
        *ok = write_synic(vm, vc, msr, value);
    else if ((msr & 1) == 0)
        *ok = write_config(vm, vc, (msr - MSR_TIMER) / 2, value);
    else
        write_count(vm, vc, (msr - MSR_TIMER) / 2, value);
    tick(vm, vc);
    return true;
}

/* What a set-up gives, or a migration brings. */
bool hyperv_synic_set(struct vcpu *vc, uint32_t msr, uint64_t value)
{
    unsigned timer = (msr - MSR_TIMER) / 2;

    if (is_timer(msr)) {
        vc->hv_state[SLOT_TIMER + (msr - MSR_TIMER)] = value;
        vc->hv_state[SLOT_DUE + timer] = vc->hv_state[SLOT_TIMER + 2 * timer + 1];
    } else if (msr >= MSR_SINT && is_synic(msr)) {
        vc->hv_state[SLOT_SINT + (msr - MSR_SINT)] = value & SINT_BITS;
    } else if (msr == MSR_EVENTS || msr == MSR_MESSAGES) {
        vc->hv_state[SLOT_EVENTS + (msr - MSR_EVENTS)] = value & PAGE_BITS;
    } else if (msr == MSR_CONTROL) {
        vc->hv_state[SLOT_CONTROL] = value & 1;
    }
    return is_timer(msr) || is_synic(msr);
}

/* Timers whose expiry the machine that it comes from did not tell expire by their counts. */
void hyperv_synic_load(struct vcpu *vc, const struct tsp_hv_state *in)
{
    hyperv_synic_reset(vc);
    for (uint32_t i = 0; i < in->nmsr && i < TSP_MAX_HV_MSR; i++)
        hyperv_synic_set(vc, in->msr[i].index, in->msr[i].value);
    for (unsigned i = 0; i < NTIMER; i++)
        if (in->keep[HV_KEEP_DUE + i] != 0)
            vc->hv_state[SLOT_DUE + i] = in->keep[HV_KEEP_DUE + i];
}

/* Registers that are not as after a reset. */
void hyperv_synic_save(const struct vcpu *vc, struct tsp_hv_state *out)
{
    static const uint32_t first[] = {MSR_CONTROL, MSR_EVENTS, MSR_SINT, MSR_TIMER};
    static const uint8_t slot[] = {SLOT_CONTROL, SLOT_EVENTS, SLOT_SINT, SLOT_TIMER};
    static const uint8_t count[] = {1, 2, NSINT, 2 * NTIMER};

    for (unsigned k = 0; k < sizeof(slot); k++)
        for (unsigned i = 0; i < count[k] && out->nmsr < TSP_MAX_HV_MSR; i++)
            if (vc->hv_state[slot[k] + i] != (k == 2 ? SINT_MASKED : 0))
                out->msr[out->nmsr++] = (struct tsp_msr){first[k] + i, vc->hv_state[slot[k] + i]};
    memcpy(&out->keep[HV_KEEP_DUE], &vc->hv_state[SLOT_DUE], NTIMER * sizeof(uint64_t));
}
