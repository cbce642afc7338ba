/* SPDX-License-Identifier: MIT */
/* Predicates of looks: what an event says against what get_vcpu and peek showed of the same step,
 * and what a step leaves alone. */
#include "spec/pred.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define RIGHTS (TSP_TEXT_PRESENT | TSP_TEXT_WRITE | TSP_TEXT_FETCH | TSP_TEXT_ROM)

static bool tell(struct say *say, const char *what, const char *when, const uint64_t value[2])
{
    char name[40];

    snprintf(name, sizeof(name), "%s %s the step", what, when);
    return say_value(say, name, value[0], value[1]);
}

static bool same_regs(const struct tsp_regs *want, const struct tsp_regs *got, const char *when,
                      struct say *say)
{
    unsigned n = tsp_mode_is_arm(want->mode) ? 32 : 16;
    char name[16];

    if (want->pc != got->pc)
        return tell(say, "pc", when, (const uint64_t[]){want->pc, got->pc});
    if (want->flags != got->flags)
        return tell(say, "flags", when, (const uint64_t[]){want->flags, got->flags});
    if (want->mode != got->mode || want->level != got->level)
        return tell(say, "mode and level", when,
                    (const uint64_t[]){want->mode << 8 | want->level, got->mode << 8 | got->level});
    for (unsigned i = 0; i < n; i++) {
        if (want->r[i] == got->r[i])
            continue;
        snprintf(name, sizeof(name), "register %u", i);
        return tell(say, name, when, (const uint64_t[]){want->r[i], got->r[i]});
    }
    return true;
}

/* Zeroes are what an event holds from a page on that it could not read, or behind the instruction
 * where it shows no more than that. */
static bool same_stored(const struct judge *j, struct say *say)
{
    static const uint8_t zeros[TSP_INSN_BYTES];
    const struct tsp_event *ev = j->ev;
    const struct tsp_look *k = j->look;
    unsigned n = k->text[1].n < k->text[0].n ? k->text[1].n : k->text[0].n;
    unsigned len = ev->len < n ? ev->len : n, same = 0;

    if (ev->kind == TSP_EV_STOP || memcmp(ev->stored, zeros, n) == 0)
        return true;
    while (same < n && ev->stored[same] == k->text[1].byte[same])
        same++;
    if (same >= len && memcmp(ev->stored + same, zeros, n - same) == 0)
        return true;
    say_bytes(say->expected, sizeof(say->expected), k->text[1].byte, n);
    say_bytes(say->got, sizeof(say->got), ev->stored, n);
    return false;
}

/* Bytes of the instruction that the event tells of and that could be read. */
static bool same_text(const struct judge *j, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_look *k = j->look;
    unsigned n = ev->len < TSP_INSN_BYTES ? ev->len : TSP_INSN_BYTES;

    /* Another vCPU may have written the text since it was fetched. */
    if (((ev->text[0] | ev->text[1]) & TSP_TEXT_OVERLAY) || !k->text[0].n || j->setup->nvcpu > 1)
        return true;
    n = n < k->text[0].n ? n : k->text[0].n;
    if (memcmp(ev->fetched, k->text[0].byte, n) != 0) {
        say_bytes(say->expected, sizeof(say->expected), k->text[0].byte, n);
        say_bytes(say->got, sizeof(say->got), ev->fetched, n);
        return false;
    }
    return same_stored(j, say);
}

/* A length is certain where the instruction is one of the table's without a ModRM byte. */
static bool same_len(const struct judge *j, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    bool exact = j->insn.insn && j->insn.insn != j->s->ud0 && j->insn.insn != j->s->ud1;

    if (!exact || j->insn.len > 15 || ev->len == j->insn.len)
        return true;
    return say_value(say, "length of the instruction", j->insn.len, ev->len);
}

/* "Cannot tell" is no lie. */
static bool same_rights(const struct judge *j, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_look *k = j->look;
    uint8_t got = ev->text[0] & RIGHTS, want = k->rights[0] & RIGHTS;

    /* Frames that led to a triple fault may have been stored in page tables. */
    if (ev->kind == TSP_EV_STOP && ev->code == TSP_STOP_TRIPLE && (!k->watched || k->nchange > 0))
        return true;
    if (!(ev->text[0] & k->rights[0] & TSP_TEXT_KNOWN) || (ev->text[0] & TSP_TEXT_OVERLAY) ||
        got == want)
        return true;
    return say_value(say, "rights at the instruction", want, got);
}

/* A string instruction with REP or REPNE: it may be left, and gone on with, between any two of its
 * elements (Intel SDM Vol. 2B REP). */
static bool repeats(const struct tsp_event *ev)
{
    bool rep = false;

    for (unsigned i = 0; i < ev->len && i < TSP_INSN_BYTES; i++) {
        uint8_t b = ev->fetched[i];

        if ((b >= 0x6c && b <= 0x6f) || (b >= 0xa4 && b <= 0xa7) || (b >= 0xaa && b <= 0xaf))
            return rep;
        rep |= b == 0xf2 || b == 0xf3;
    }
    return false;
}

static bool same_before(const struct judge *j, struct say *say)
{
    static const uint8_t moves[] = {TSP_RAX, TSP_RCX, TSP_RSI, TSP_RDI};
    const struct tsp_event *ev = j->ev;
    struct tsp_regs want = j->look->before.regs;

    if (j->setup->arch == TSP_ARCH_X86 && repeats(ev)) {
        for (unsigned i = 0; i < sizeof(moves); i++)
            want.r[moves[i]] = ev->before.r[moves[i]];
        want.flags = ev->before.flags;
    }
    return same_regs(&want, &ev->before, "before", say);
}

/* as_seen: the event says what could be seen before and after it. */
bool pred_as_seen(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct tsp_look *k = j->look;
    uint64_t sys[TSP_SYS_COUNT];

    (void)p;
    if (!same_before(j, say))
        return false;
    if (!same_regs(&k->after.regs, &ev->after, "after", say))
        return false;
    if (ev->kind != TSP_EV_MMIO && k->text[0].n && ev->addr != k->text[0].lin)
        return say_value(say, "linear address", k->text[0].lin, ev->addr);
    /* Only page faults have an address; CR2 as it is does no harm. */
    if (ev->kind == TSP_EV_FAULT && j->setup->arch == TSP_ARCH_X86 && ev->code != 14 &&
        ev->info[1] != 0 && ev->info[1] != k->after.x86.cr2)
        return say_value(say, "address of the exception", 0, ev->info[1]);
    if (j->setup->arch == TSP_ARCH_X86) {
        tsp_x86_sys(&k->before.x86, sys);
        for (unsigned i = 0; i < TSP_SYS_COUNT; i++)
            if (sys[i] != ev->sys[i])
                return say_value(say, "control register", sys[i], ev->sys[i]);
    }
    return same_text(j, say) && same_len(j, say) && same_rights(j, say);
}

/* State of the machine that is no register of struct tsp_regs. */
struct part {
    const char *name;
    size_t at, n;
};
#define PART(name, member)                                                                         \
    {                                                                                              \
        name, offsetof(struct tsp_vcpu_state, member),                                             \
            sizeof(((struct tsp_vcpu_state *)0)->member)                                           \
    }
static const struct part x86_part[] = {
    PART("CR0", x86.cr0),
    PART("CR2", x86.cr2),
    PART("CR3", x86.cr3),
    PART("CR4", x86.cr4),
    PART("EFER", x86.efer),
    PART("XCR0", x86.xcr0),
    PART("IA32_XSS", x86.xss),
    PART("IA32_APIC_BASE", x86.apic_base),
    PART("IA32_TSC_AUX", x86.tsc_aux),
    PART("CPUID faulting", x86.cpuid_faulting),
    PART("MSR_PLATFORM_INFO", x86.platform_info),
    PART("APIC id", x86.apic_id),
    PART("GDTR base", x86.gdt.base),
    PART("GDTR limit", x86.gdt.limit),
    PART("IDTR base", x86.idt.base),
    PART("IDTR limit", x86.idt.limit),
};
static const struct part arm_part[] = {
    PART("SP_EL0", arm64.sp_el0),       PART("SP_EL1", arm64.sp_el1),
    PART("VBAR_EL1", arm64.vbar_el1),   PART("ESR_EL1", arm64.esr_el1),
    PART("ELR_EL1", arm64.elr_el1),     PART("SPSR_EL1", arm64.spsr_el1),
    PART("FAR_EL1", arm64.far_el1),     PART("SCTLR_EL1", arm64.sctlr_el1),
    PART("TPIDR_EL0", arm64.tpidr_el0), PART("TPIDR_EL1", arm64.tpidr_el1),
    PART("MPIDR_EL1", arm64.mpidr),     PART("MIDR_EL1", arm64.midr),
    PART("SPSR_abt", arm64.spsr_abt),   PART("SPSR_und", arm64.spsr_und),
    PART("IFSR", arm64.ifsr),
};
#define ARM_A32_AT 12u /* those of AArch32 alone */
#define CR2_AT offsetof(struct tsp_vcpu_state, x86.cr2)
#define CR3_AT offsetof(struct tsp_vcpu_state, x86.cr3)

static uint64_t part_of(const struct tsp_vcpu_state *v, const struct part *p)
{
    uint64_t wide = 0;
    uint32_t half = 0;

    if (p->n == sizeof(wide))
        memcpy(&wide, (const uint8_t *)v + p->at, sizeof(wide));
    else
        memcpy(&half, (const uint8_t *)v + p->at, sizeof(half));
    return wide | half;
}

static bool same_segment(const struct tsp_segment *a, const struct tsp_segment *b)
{
    return a->base == b->base && a->limit == b->limit && a->sel == b->sel && a->attr == b->attr;
}

/* Entering a handler loads CS, and SS where privilege changes; leaving virtual-8086 mode empties
 * the data segments (Intel SDM Vol. 3A 6.12.1, 20.3.1). */
static bool same_segments(const struct judge *j, struct say *say)
{
    const struct tsp_x86_state *a = &j->look->before.x86, *b = &j->look->after.x86;
    bool fault = j->ev->kind == TSP_EV_FAULT, vm86 = j->look->before.regs.mode == TSP_MODE_VM86;
    char name[40];

    for (unsigned i = 0; i < TSP_SEG_COUNT; i++) {
        if (fault && (i == TSP_CS || i == TSP_SS || (vm86 && i < TSP_LDTR)))
            continue;
        if (same_segment(&a->seg[i], &b->seg[i]))
            continue;
        snprintf(name, sizeof(name), "segment register %u, base", i);
        return say_value(say, name, a->seg[i].base, b->seg[i].base);
    }
    return true;
}

/* The first of that index; a list may name one twice. */
static const struct tsp_msr *first_msr(const struct tsp_x86_state *x, uint32_t index)
{
    for (unsigned i = 0; i < x->nmsr && i < TSP_MAX_MSR; i++)
        if (x->msr[i].index == index)
            return &x->msr[i];
    return NULL;
}

/* Counters of time: IA32_TIME_STAMP_COUNTER, IA32_MPERF and IA32_APERF (Intel SDM Vol. 4),
 * Hyper-V's run time and reference time (TLFS, Timers). */
static bool counts_time(uint32_t index)
{
    return index == 0x10 || index == 0xe7 || index == 0xe8 || index == 0x40000010u ||
           index == 0x40000020u;
}

static bool same_msrs(const struct judge *j, struct say *say)
{
    const struct tsp_x86_state *a = &j->look->before.x86;

    if (j->ev->kind == TSP_EV_MSR)
        return true;
    for (unsigned i = 0; i < a->nmsr && i < TSP_MAX_MSR; i++) {
        const struct tsp_msr *was = first_msr(a, a->msr[i].index);
        const struct tsp_msr *is = first_msr(&j->look->after.x86, a->msr[i].index);

        if (is && is->value != was->value && !counts_time(was->index))
            return say_value(say, "an MSR", was->value, is->value);
    }
    return true;
}

/* An instruction that completes ends the shadow of STI and MOV SS (Intel SDM Vol. 2B STI). */
static bool shadow_ends(const struct judge *j, struct say *say)
{
    const uint32_t bits = TSP_SHADOW_STI | TSP_SHADOW_MOVSS;
    uint32_t was = j->look->before.x86.shadow & bits, now = j->look->after.x86.shadow & bits;
    bool done = j->ev->kind == TSP_EV_CPUID || j->ev->kind == TSP_EV_HYPERCALL ||
                j->ev->kind == TSP_EV_FAULT;

    return now == 0 || (!done && now == was) || say_value(say, "interrupt shadow", 0, now);
}

/* Calls of Hyper-V alone have results in XMM registers (TLFS, XMM fast hypercall output). */
static bool same_xmm(const struct judge *j, struct say *say)
{
    const struct tsp_x86_state *a = &j->look->before.x86, *b = &j->look->after.x86;

    if (j->ev->kind == TSP_EV_HYPERCALL && fact_is(j, FACT_HYPERV, 1))
        return true;
    for (unsigned i = 0; i < 2 * TSP_XMM_COUNT; i++)
        if (a->xmm[i / 2][i % 2] != b->xmm[i / 2][i % 2])
            return say_value(say, "half of an XMM register", a->xmm[i / 2][i % 2],
                             b->xmm[i / 2][i % 2]);
    return true;
}

static bool x86_kept(const struct judge *j, struct say *say)
{
    const struct tsp_look *k = j->look;
    bool pf = j->ev->kind == TSP_EV_FAULT && j->ev->code == 14;

    for (size_t i = 0; i < sizeof(x86_part) / sizeof(x86_part[0]); i++) {
        uint64_t want = part_of(&k->before, &x86_part[i]), got = part_of(&k->after, &x86_part[i]);

        if (x86_part[i].at == CR2_AT && pf)
            want = j->ev->info[1];
        if (x86_part[i].at == CR3_AT && lguest_new_table(j, j->ev))
            want = got;
        if (want != got)
            return say_value(say, x86_part[i].name, want, got);
    }
    return same_segments(j, say) && same_msrs(j, say) && shadow_ends(j, say) && same_xmm(j, say);
}

/* What an exception fills in is judged as such. Of SP_EL0 and SP_EL1 the one in use is r[31]. */
static bool arm_kept(const struct judge *j, struct say *say)
{
    const struct tsp_look *k = j->look;
    bool fault = j->ev->kind == TSP_EV_FAULT;

    for (size_t i = 0; i < sizeof(arm_part) / sizeof(arm_part[0]); i++) {
        uint64_t want = part_of(&k->before, &arm_part[i]), got = part_of(&k->after, &arm_part[i]);

        if (fault && ((i >= 3 && i <= 6) || i >= ARM_A32_AT))
            continue;
        if (want != got)
            return say_value(say, arm_part[i].name, want, got);
    }
    return true;
}

/* state_kept: what is no general register is as before, but for what this kind of event changes. */
bool pred_state_kept(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    return j->setup->arch == TSP_ARCH_X86 ? x86_kept(j, say) : arm_kept(j, say);
}

/* Hypervisors keep clocks and counters in pages that the guest gave them, and update them when they
 * like. */
static bool gave_pages(const struct judge *j)
{
    for (size_t i = 0; i < j->index; i++)
        if (j->trace->ev[i].kind == TSP_EV_MSR)
            return true;
    return j->ev->kind == TSP_EV_MSR || j->look->before.x86.nmsr != 0;
}

/* Accessed and dirty bits of page tables, the accessed bit of a descriptor that is loaded and the
 * busy bit of a task (Intel SDM Vol. 3A 4.8, 3.4.5.1, 7.2.2). */
static bool is_mark(const struct judge *j, const struct tsp_look_change *c)
{
    uint8_t bits = 0;

    if (bits_test(j->look->before.x86.cr0, 31))
        bits |= 0x60;
    if (j->ev->kind == TSP_EV_FAULT)
        bits |= 1;
    for (unsigned i = 0; i < c->len && i < TSP_LOOK_RUN; i++)
        if ((c->was[i] ^ c->now[i]) & (uint8_t)~bits)
            return false;
    /* neighbouring entries are one run, and of a long one only the beginning is kept */
    return true;
}

#define FRAME_MOST 64u

/* A frame that began at the bottom of a 16-bit stack goes on at its top (Intel SDM Vol. 1 6.2.5).
 */
static bool wrapped_frame(const struct judge *j, const struct tsp_look_change *c)
{
    uint16_t was = (uint16_t)j->look->before.regs.r[TSP_RSP];
    uint16_t now = (uint16_t)j->look->after.regs.r[TSP_RSP];
    uint64_t bottom = j->look->after.x86.seg[TSP_SS].base;

    return j->ev->kind == TSP_EV_FAULT && was < FRAME_MOST && now > was &&
           ((c->gpa - bottom) & 0xfff) + c->len <= was;
}

/* What this event may write, guest-physical. */
static bool may_write(const struct judge *j, const struct tsp_look_change *c)
{
    const struct tsp_look *k = j->look;
    uint64_t first = 0, n = 0, room;

    switch (j->ev->kind) {
    case TSP_EV_FAULT: /* the frame */
        first = k->stack.gpa;
        n = k->stack.n;
        break;
    case TSP_EV_HYPERCALL: /* the record of stolen time, which may go on at any time */
        first = j->setup->pvtime_ipa;
        n = 64;
        if (j->setup->arch == TSP_ARCH_X86)
            first = lguest_data(j, &n);
        break;
    case TSP_EV_PATCH:
        first = k->text[0].gpa;
        n = j->insn.len;
        break;
    default:
        break;
    }
    if (is_mark(j, c) || wrapped_frame(j, c) ||
        (c->gpa >= first && range_ok(c->gpa - first, c->len, n)))
        return true;
    /* It may go on in another page, anywhere. */
    room = 0x1000 - (first & 0xfff);
    return n > room && (c->gpa & 0xfff) + c->len <= n - room;
}

/* memory_kept: nothing is written but a frame, or the bytes of a rewrite. */
bool pred_memory_kept(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look *k = j->look;

    (void)p;
    if (!k->watched || gave_pages(j))
        return true;
    /* INS stores what it reads. */
    for (unsigned i = 0; j->ev->kind == TSP_EV_PIO && i < j->ev->len && i < TSP_INSN_BYTES; i++)
        if ((j->ev->fetched[i] & 0xfe) == 0x6c)
            return true;
    for (unsigned i = 0; i < k->nchange && i < TSP_LOOK_CHANGES; i++)
        if (!may_write(j, &k->change[i]))
            return say_value(say, "memory that may change, first byte", 0, k->change[i].gpa);
    return true;
}

/* The structure of CLOCK_PAIRING: s64 seconds, s64 nanoseconds, u64 TSC, u32 flags, zeroes up to 64
 * bytes (Linux Documentation/virt/kvm/x86/hypercalls.rst 5; uapi/asm/kvm_para.h). */
bool pred_clock_told(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look_mem *now = &j->look->arg[1], *was = &j->look->arg[0];

    (void)p;
    if (now->n < 64)
        return true;
    if (le_load(now->byte + 8, 8) >= 1000000000u)
        return say_value(say, "nanoseconds, at most", 999999999u, le_load(now->byte + 8, 8));
    for (unsigned i = 24; i < 64; i++)
        if (now->byte[i])
            return say_value(say, "flags and padding behind the clock", 0, now->byte[i]);
    if (le_load(now->byte, 8) == 0)
        return say_text(say, "seconds since 1970", "none");
    if (was->n < TSP_LOOK_BYTES || memcmp(now->byte + 64, was->byte + 64, now->n - 64) == 0)
        return true;
    return say_text(say, "64 bytes written", "more");
}

/* The record of stolen time: u32 revision 0, u32 attributes 0, u64 nanoseconds, which begin at 0
 * (Arm DEN0057 3.2.1; Linux Documentation/virt/kvm/arm/pvtime.rst). */
bool pred_record_told(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look_mem *m = &j->look->arg[1];

    (void)p;
    if (m->n < 16)
        return true;
    if (le_load(m->byte, 4))
        return say_value(say, "revision of the record", 0, le_load(m->byte, 4));
    if (le_load(m->byte + 4, 4))
        return say_value(say, "attributes of the record", 0, le_load(m->byte + 4, 4));
    return !bits_test(le_load(m->byte + 8, 8), 63) ||
           say_value(say, "stolen nanoseconds", 0, le_load(m->byte + 8, 8));
}

static bool moved_past(const struct judge *j)
{
    const struct tsp_look *k = j->look;

    return k->after.regs.pc != k->before.regs.pc ||
           memcmp(k->after.regs.r, k->before.regs.r, sizeof(k->after.regs.r)) != 0;
}

/* told: a step that says nothing happened did nothing at an instruction that is an event. */
bool pred_told(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    if (!moved_past(j) || look_took_init(j) || !a32_condition(j->ev))
        return true;
    return say_text(say, "an event at an instruction that a hypervisor sees",
                    "it was executed and nothing told");
}

/* A frame of FRAME_MOST bytes at lin touches this page. */
static bool on_page(uint64_t lin, uint64_t page)
{
    return lin >> 12 == page || (lin + FRAME_MOST - 1) >> 12 == page;
}

/* A stack in the instruction's own page has that page's rights: can frames be stored there? Of the
 * guest's other pages of code they cannot be told. */
static bool stack_is_closed(const struct judge *j, uint64_t lin)
{
    const uint8_t want = TSP_TEXT_PRESENT | TSP_TEXT_WRITE;
    const struct tsp_vcpu_state *v = &j->setup->vcpu[j->ev->vcpu % TSP_MAX_VCPU];
    uint64_t first = (v->x86.seg[TSP_CS].base + v->regs.pc) >> 12;
    bool code[2] = {on_page(lin, first), on_page(lin, first + 1)};

    for (unsigned i = 0; i < 2; i++) {
        uint64_t page = (j->ev->addr + (i ? 15 : 0)) >> 12; /* as rights[] is read */
        uint8_t have = j->look->rights[i];

        if (!(have & TSP_TEXT_KNOWN) || !on_page(lin, page))
            continue;
        if ((have & want) != want)
            return true;
        if (page - first < 2)
            code[page - first] = false;
    }
    return code[0] || code[1];
}

/* Whether the frame of an exception would go to RAM: where it would not, a hypervisor may end the
 * run instead of delivering it (Linux arch/x86/kvm/x86.c, KVM_INTERNAL_ERROR_DELIVERY_EV). Stacks
 * of other privilege levels are the set-up's. */
bool look_has_stack(const struct judge *j)
{
    const struct tsp_vcpu_state *v = &j->look->before;
    const struct tsp_segment *ss = &v->x86.seg[TSP_SS];
    uint64_t sp = v->regs.r[TSP_RSP], lin = sp - FRAME_MOST;

    /* In IA-32e mode all 64 bits count, compatibility mode included (Intel SDM Vol. 3A 6.14.2). */
    if (!(v->x86.efer & 1u << 10)) {
        sp = ss->attr & 1u << 14 ? (uint32_t)sp : (uint16_t)sp;
        lin = (uint32_t)(ss->base + sp - FRAME_MOST);
    }
    return sp >= FRAME_MOST && lin >= j->setup->ram_base &&
           range_ok(lin - j->setup->ram_base, FRAME_MOST, j->setup->ram_size) &&
           !stack_is_closed(j, lin) && !table_is_rom(j->setup, lin) &&
           !table_is_rom(j->setup, lin + FRAME_MOST - 1);
}

/* answered: who takes a set-up answers its trap instructions. */
bool pred_answered(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    if (!judge_stepwise(j) || (j->setup->arch == TSP_ARCH_X86 && !look_has_stack(j)))
        return true;
    return say_text(say, "an answer, or a set-up that is refused",
                    "\"not supported\" at the instruction itself");
}
