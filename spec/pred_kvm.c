/* SPDX-License-Identifier: MIT */
/* Predicates of KVM's paravirtual registers: what they read, and what is written where they point
 * (torvalds/linux Documentation/virt/kvm/x86/msr.rst). */
#include "spec/pred.h"

#include <string.h>

#include "trapspec/bits.h"

#define PAGE 0x1000u
#define ENABLE 1u
#define NSEC_PER_SEC 1000000000u

/* A register reads what was last written to it. */
bool pred_msr_kept(const struct judge *j, const struct pred_use *p, struct say *say)
{
    unsigned reg = kvm_register_of(j->ev->code);
    uint64_t want;

    (void)p;
    if (reg == KVM_REG_COUNT || !kvm_register_value(j, reg, &want))
        return true;
    return j->ev->info[0] == want || say_value(say, "MSR", want, j->ev->info[0]);
}

/* CPUID finds faulting as the register was last written. */
bool pred_faulting_kept(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t want, got = j->ev->sys[TSP_SYS_FAULTING] & 1;

    (void)p;
    if (!kvm_register_value(j, KVM_REG_FAULTING, &want) || (want & 1) == got)
        return true;
    return say_value(say, "CPUID faulting", want & 1, got);
}

/*
 * A block of memory that a register points to, as far as the 16 bytes from the instruction on show
 * it. Only where linear addresses are physical ones.
 */
struct block {
    const struct tsp_event *ev;
    uint64_t at;
};

/* Byte `off` of the block; -1 where it is not seen. */
static int block_byte(const struct block *b, unsigned off)
{
    uint64_t i = b->at + off - b->ev->addr;

    return i < TSP_INSN_BYTES ? b->ev->stored[i] : -1;
}

/* n bytes, at most 4; false when not all of them are seen. */
static bool block_word(const struct block *b, unsigned off, unsigned n, uint32_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < n; i++) {
        int v = block_byte(b, off + i);

        if (v < 0)
            return false;
        *out |= (uint32_t)v << 8 * i;
    }
    return true;
}

/* The block lies in RAM that can be written, all of it. */
static bool in_ram(const struct judge *j, uint64_t at, unsigned n)
{
    const struct tsp_setup *s = j->setup;
    bool rom = false;

    if (at < s->ram_base || !range_ok(at - s->ram_base, n, s->ram_size))
        return false;
    judge_first_byte(s, at, &rom);
    judge_first_byte(s, at + n - 1, &rom);
    return !rom;
}

/* Something in the n bytes of the block is not as it was set up. */
static bool changed(const struct judge *j, const struct block *b, unsigned n)
{
    bool rom = false;

    for (unsigned i = 0; i < n; i++) {
        int v = block_byte(b, i);

        if (v >= 0 && v != judge_first_byte(j->setup, b->at + i, &rom))
            return true;
    }
    return false;
}

static bool even_version(const struct block *b, unsigned off, struct say *say)
{
    uint32_t v;

    return !block_word(b, off, 4, &v) || (v & 1) == 0 ||
           say_value(say, "version of the block, even", v + 1, v);
}

/* Zero, or as the guest had it, who was to clear it. */
static bool zeroes(const struct judge *j, const struct block *b, unsigned off, unsigned end,
                   struct say *say)
{
    bool rom = false;

    for (; off < end; off++) {
        int v = block_byte(b, off);

        if (v > 0 && v != judge_first_byte(j->setup, b->at + off, &rom))
            return say_value(say, "reserved byte of the block", 0, (uint64_t)v);
    }
    return true;
}

/* version, seconds, nanoseconds: written while the instruction executes. */
static bool wall_clock(const struct judge *j, struct block *b, uint64_t value, struct say *say)
{
    uint32_t v;

    b->at = value;
    if (value == 0 || value % 4 != 0 || !in_ram(j, value, 12))
        return true;
    if (block_word(b, 8, 4, &v) && v >= NSEC_PER_SEC)
        return say_value(say, "nanoseconds, below", NSEC_PER_SEC, v);
    return even_version(b, 0, say);
}

/* version, pad, TSC, time, multiplier, shift, flags, two of padding: when the hypervisor sees fit.
 */
static bool system_time(const struct judge *j, struct block *b, uint64_t value, struct say *say)
{
    int flags;

    b->at = value & ~(uint64_t)ENABLE;
    if (b->at % 4 != 0 || !in_ram(j, b->at, 32) || !judge_at_start(j) || !changed(j, b, 32))
        return true;
    if (!(value & ENABLE))
        return say_text(say, "nothing is written", "the time block was");
    flags = block_byte(b, 29);
    if (flags > 3)
        return say_value(say, "flags of the time block, at most", 3, (uint64_t)flags);
    return even_version(b, 0, say) && zeroes(j, b, 4, 8, say) && zeroes(j, b, 30, 32, say);
}

/* stolen time, version, flags, preempted, padding: a vCPU that runs is not preempted. */
static bool steal_time(const struct judge *j, struct block *b, uint64_t value, struct say *say)
{
    b->at = value & ~(uint64_t)0x3f;
    if (!in_ram(j, b->at, 64) || !judge_at_start(j) || !changed(j, b, 64))
        return true;
    if (!(value & ENABLE))
        return say_text(say, "nothing is written", "the record of stolen time was");
    if (block_byte(b, 16) > 0)
        return say_value(say, "preempted", 0, (uint64_t)block_byte(b, 16));
    return even_version(b, 8, say) && zeroes(j, b, 12, 16, say) && zeroes(j, b, 17, 64, say);
}

bool pred_kvm_block(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    struct block b = {.ev = ev};

    (void)p;
    if (bits_test(ev->sys[TSP_SYS_CR0], 31) || j->setup->nvcpu > 1)
        return true;
    switch (kvm_register_of(ev->code)) {
    case KVM_REG_WALL:
        return wall_clock(j, &b, ev->info[0], say);
    case KVM_REG_TIME:
        return system_time(j, &b, ev->info[0], say);
    case KVM_REG_STEAL:
        return steal_time(j, &b, ev->info[0], say);
    default:
        return true;
    }
}
