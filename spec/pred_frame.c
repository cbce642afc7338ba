/* SPDX-License-Identifier: MIT */
/* Predicates of what an exception leaves behind for its handler: the frame on the stack, or ELR,
 * SPSR, ESR and FAR; and of state that MSRs show. They need a look at the machine. */
#include "spec/pred.h"

#include <stdio.h>
#include <string.h>

#include "trapspec/bits.h"

#define FLAG_IF 9u
#define FLAG_RF 16u
#define VECTOR_APIC 16u
#define EFER_LMA 10u
#define CR0_PE 0u

/* Vectors that push an error code outside real mode, and those that are faults (Intel SDM Vol. 3A
 * table 6-1; AMD APM Vol. 2 ch. 8). */
#define WITH_ERROR (1u << 8 | 0x1fu << 10 | 1u << 17 | 1u << 21 | 1u << 29 | 1u << 30)
#define FAULTS (1u << 0 | 7u << 5 | 0x1fu << 10 | 1u << 16 | 1u << 17 | 7u << 19)

static bool among(uint32_t set, uint32_t vector)
{
    return vector < 32 && (set >> vector & 1);
}

/* INT n, INT3, INTO and INT1: the next instruction is where it returns to, and there is no error
 * code (Intel SDM Vol. 2A INT n). */
static bool is_soft(const struct tsp_event *ev)
{
    unsigned n = ev->len < TSP_INSN_BYTES ? ev->len : TSP_INSN_BYTES;
    uint8_t last = n ? ev->fetched[n - 1] : 0;

    if (n >= 2 && ev->fetched[n - 2] == 0xcd && last == ev->code && ev->info[0] == 0)
        return true;
    return (last == 0xcc && ev->code == 3) || (last == 0xce && ev->code == 4) ||
           (last == 0xf1 && ev->code == 1);
}

/* An interrupt of the same vector that another vCPU or the guest itself sent. */
static bool is_interrupt(const struct judge *j)
{
    unsigned due = j->hv.due[j->ev->vcpu % TSP_MAX_VCPU];

    return due != 0 && due == j->ev->code;
}

/* A local APIC delivers vectors from 16 on, those of exceptions among them (Intel SDM Vol. 3A
 * 11.5.2), and whoever sent one need not be in the trace: such an event may be either. */
static bool may_be_interrupt(const struct judge *j)
{
    return j->ev->code >= VECTOR_APIC && bits_test(j->ev->before.flags, FLAG_IF);
}

/* What is expected of one frame. */
struct frame {
    const struct judge *j;
    uint64_t at[9];
    unsigned n, width;
    bool soft, interrupt;
};

static bool is_fault(const struct frame *f)
{
    return among(FAULTS, f->j->ev->code) && !f->soft && !f->interrupt;
}

static uint64_t cut(uint64_t v, unsigned bytes)
{
    return v & bits_mask(bytes * 8);
}

/* Debug exceptions and interrupts come before or after an instruction, HLT among them. */
static bool right_pc(const struct frame *f, uint64_t got, struct say *say)
{
    const struct tsp_event *ev = f->j->ev;
    uint64_t here = cut(ev->before.pc, f->width), past = cut(ev->before.pc + ev->len, f->width);
    bool fault = is_fault(f);

    if (got == here && !f->soft)
        return true;
    if (!fault && (got == past || (uint16_t)got == (uint16_t)past))
        return true;
    if (!fault && !f->soft && got == cut(ev->before.pc + 1, f->width))
        return true;
    return say_value(say, "return address on the stack", fault ? here : past, got);
}

/* REP goes on where it was interrupted, and its RF may be set between two elements; IRET loads it.
 */
static bool may_set_rf(const struct judge *j)
{
    const struct tsp_look_mem *text = &j->look->text[0];
    unsigned n = text->n < TSP_INSN_BYTES ? text->n : TSP_INSN_BYTES;

    for (unsigned i = 0; i < n; i++)
        if (text->byte[i] == 0xf2 || text->byte[i] == 0xf3 || text->byte[i] == 0xcf)
            return true;
    return n < TSP_INSN_BYTES;
}

/* RF is 1 in the image of a fault, 0 in that of INT n, INT3 and INTO, and elsewhere as it was,
 * which is 0 behind whatever completes (Intel SDM Vol. 3B 17.3.1.1). */
static bool wrong_rf(const struct frame *f, uint64_t got)
{
    const struct tsp_event *ev = f->j->ev;

    if (f->width == 2)
        return false;
    if (is_fault(f))
        return !bits_test(got, FLAG_RF);
    /* of INT1, which is a trap, the document leaves open what became of it */
    return bits_test(got, FLAG_RF) && !may_set_rf(f->j) &&
           ((f->soft && ev->code != 1) || !bits_test(ev->before.flags, FLAG_RF));
}

static bool right_flags(const struct frame *f, uint64_t got, struct say *say)
{
    const struct tsp_event *ev = f->j->ev;
    uint64_t want = cut(ev->before.flags, f->width);

    if (wrong_rf(f, got))
        return say_value(say, "flags on the stack", got ^ 1u << FLAG_RF, got);
    if (((want ^ got) & ~(uint64_t)(1u << FLAG_RF)) == 0)
        return true;
    return say_value(say, "flags on the stack", want, got);
}

static bool right_selector(const char *name, uint64_t want, uint64_t got, struct say *say)
{
    return (uint16_t)want == (uint16_t)got || say_value(say, name, (uint16_t)want, (uint16_t)got);
}

/* Intel SDM Vol. 3A figures 6-4, 6-9 and 20-4: error code, EIP, CS, EFLAGS; ESP and SS where the
 * stack is another one, in 64-bit mode always; ES, DS, FS and GS of virtual-8086 code. */
static bool right_frame(struct frame *f, struct say *say)
{
    const struct tsp_look *k = f->j->look;
    const struct tsp_event *ev = f->j->ev;
    bool real = !bits_test(k->before.x86.cr0, CR0_PE), vm86 = ev->before.mode == TSP_MODE_VM86;
    bool error = !real && !f->soft && !f->interrupt && among(WITH_ERROR, ev->code);
    bool outer = f->width == 8 || vm86 || ev->after.level < ev->before.level;
    static const uint8_t data[4] = {TSP_ES, TSP_DS, TSP_FS, TSP_GS};
    const uint64_t *at = f->at;

    if (error && cut(*at++, f->width) != cut(ev->info[0], f->width))
        return say_value(say, "error code on the stack", ev->info[0], f->at[0]);
    if (!right_pc(f, at[0], say) ||
        !right_selector("CS on the stack", k->before.x86.seg[TSP_CS].sel, at[1], say) ||
        !right_flags(f, at[2], say))
        return false;
    if (!outer || real)
        return true;
    if (cut(at[3], f->width) != cut(ev->before.r[TSP_RSP], f->width))
        return say_value(say, "stack pointer on the stack", ev->before.r[TSP_RSP], at[3]);
    if (!right_selector("SS on the stack", k->before.x86.seg[TSP_SS].sel, at[4], say))
        return false;
    for (unsigned i = 0; vm86 && f->width == 4 && at + 5 + i < f->at + 9 && i < 4; i++)
        if (!right_selector("data segment on the stack", k->before.x86.seg[data[i]].sel, at[5 + i],
                            say))
            return false;
    return true;
}

/* A 16-bit stack goes on at its other end (Intel SDM Vol. 1 6.2.3). */
static unsigned stack_room(const struct tsp_vcpu_state *v, unsigned n)
{
    unsigned left = 0x10000u - (uint16_t)v->regs.r[TSP_RSP];
    bool small = v->regs.mode != TSP_MODE_LONG64 && !(v->x86.seg[TSP_SS].attr & 1u << 14);

    return small && left < n ? left : n;
}

static bool frame_of(const struct judge *j, unsigned width, struct say *say)
{
    const struct tsp_look_mem *m = &j->look->stack;
    struct frame f = {.j = j, .width = width, .soft = is_soft(j->ev), .interrupt = is_interrupt(j)};
    unsigned room = stack_room(&j->look->after, m->n);
    struct say other;

    for (f.n = 0; f.n < 9 && (f.n + 1) * width <= room; f.n++)
        f.at[f.n] = le_load(m->byte + (size_t)f.n * width, width);
    if (f.n < 6 || right_frame(&f, say))
        return true;
    f.interrupt = may_be_interrupt(j);
    return f.interrupt && right_frame(&f, &other);
}

/* framed: the handler's stack holds the state that was interrupted. In protected mode the gate says
 * how wide; either width is tried. */
bool pred_framed(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look *k = j->look;
    struct say other;

    (void)p;
    if (!judge_stepwise(j) || !k->stack.n)
        return true;
    if (bits_test(k->before.x86.efer, EFER_LMA))
        return frame_of(j, 8, say);
    if (!bits_test(k->before.x86.cr0, CR0_PE))
        return frame_of(j, 2, say);
    return frame_of(j, 2, &other) || frame_of(j, 4, say);
}

/* SS where the stack is the same one, or where it is an inner one: nothing but its level in 64-bit
 * mode (Intel SDM Vol. 3A 6.14.2). A stack of its own at the same level may do either. */
static bool right_ss(const struct judge *j, struct say *say)
{
    const struct tsp_segment *was = &j->look->before.x86.seg[TSP_SS];
    const struct tsp_segment *now = &j->look->after.x86.seg[TSP_SS];
    bool inner = j->ev->before.mode == TSP_MODE_VM86 || j->ev->after.level < j->ev->before.level;

    if (bits_test(j->look->before.x86.efer, EFER_LMA) && now->sel < 4)
        return now->sel == j->ev->after.level ||
               say_value(say, "SS of an inner stack", j->ev->after.level, now->sel);
    if (inner)
        return (now->sel & 3u) == j->ev->after.level ||
               say_value(say, "level of the handler's SS", j->ev->after.level, now->sel & 3u);
    return (was->sel == now->sel && was->base == now->base) ||
           say_value(say, "SS of the same stack", was->sel, now->sel);
}

/* CS as the gate of the set-up has it (Intel SDM Vol. 3A 6.11, 6.14.1; 20.1.4). Of 64-bit code the
 * base counts as 0, whether or not the descriptor's, which the guest may have written, is kept. */
static bool right_cs(const struct judge *j, struct say *say)
{
    const struct tsp_x86_state *x = &j->look->before.x86;
    const struct tsp_segment *cs = &j->look->after.x86.seg[TSP_CS];
    bool real = !bits_test(x->cr0, CR0_PE), wide = bits_test(x->efer, EFER_LMA);
    unsigned size = real ? 4 : wide ? 16 : 8;
    uint64_t base = real ? (uint64_t)cs->sel << 4 : 0;
    uint8_t b[16];
    uint16_t sel;

    if (!real && (cs->sel & 3u) != j->ev->after.level)
        return say_value(say, "level of the handler's CS", j->ev->after.level, cs->sel & 3u);
    if ((real || (wide && judge_at_start(j))) && cs->base != base)
        return say_value(say, "base of the handler's CS", base, cs->base);
    if (!judge_at_start(j) ||
        !table_read(j->setup, x->idt.base + (uint64_t)j->ev->code * size, b, size))
        return true;
    sel = (uint16_t)le_load(b + 2, 2);
    if (!real && (b[5] & 0x1f) == 5) /* a task gate */
        return true;
    if ((sel ^ cs->sel) & (real ? 0xffffu : 0xfffcu))
        return say_value(say, "the handler's CS", sel, cs->sel);
    if (real || wide || !table_read(j->setup, x->gdt.base + (sel & 0xfff8u), b, 8))
        return true;
    base = le_load(b + 2, 2) | (uint64_t)b[4] << 16 | (uint64_t)b[7] << 24;
    return cs->base == base || say_value(say, "base of the handler's CS", base, cs->base);
}

/* handler_segments: CS and SS are the handler's. */
bool pred_handler_segments(const struct judge *j, const struct pred_use *p, struct say *say)
{
    (void)p;
    return !judge_stepwise(j) ||
           (right_cs(j, say) && (!bits_test(j->look->before.x86.cr0, CR0_PE) || right_ss(j, say)));
}

/* fetch_fault: where the first byte cannot be fetched the page fault is that of the fetch: its
 * address in CR2, and an error code that tells of a present page, user code and, with NX or SMEP,
 * of a fetch (Intel SDM Vol. 3A 4.7). */
bool pred_fetch_fault(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_look *k = j->look;
    const struct tsp_x86_state *x = &k->before.x86;
    const uint8_t can = TSP_TEXT_PRESENT | TSP_TEXT_FETCH;
    bool tells = bits_test(x->cr4, 20) || (bits_test(x->efer, 11) && bits_test(x->cr4, 5));
    bool user = k->before.regs.level == 3;
    uint64_t error =
        (k->rights[0] & TSP_TEXT_PRESENT ? 1u : 0) | (user ? 4u : 0) | (tells ? 16u : 0);

    (void)p;
    if (!judge_stepwise(j) || !bits_test(x->cr0, 31) || (k->rights[0] & can) == can)
        return true;
    if (j->ev->info[1] != k->text[0].lin)
        return say_value(say, "address of the fetch in CR2", k->text[0].lin, j->ev->info[1]);
    /* beyond what the look could read anything may stand, reserved bits too */
    return !(k->rights[0] & TSP_TEXT_KNOWN) || j->ev->info[0] == error ||
           say_value(say, "error code of the fetch", error, j->ev->info[0]);
}

/* Aborts, PC alignment and watchpoints fill in FAR_EL1 (Arm DDI0487 FAR_EL1). */
static bool fills_far(uint64_t esr)
{
    unsigned class = (unsigned)bits_get(esr, 31, 26);

    return class == 0x20 || class == 0x21 || class == 0x22 || class == 0x24 || class == 0x25 ||
           class == 0x34 || class == 0x35;
}

/* returns_to: ELR_EL1 is the preferred return address, behind an SVC the next instruction; SPSR_EL1
 * the PSTATE that was interrupted; ESR_EL1 and FAR_EL1 as told (Arm DDI0487 D1.3.1, D1.3.2). */
bool pred_returns_to(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_arm64_state *a = &j->look->after.arm64;
    const struct tsp_event *ev = j->ev;
    bool svc = bits_get(ev->info[0], 31, 26) == 0x15 && (ev->code & 0x180) == 0;
    uint64_t pc = ev->before.pc + (svc ? 4u : 0), pstate = 0xf00003dfu;

    (void)p;
    if (tsp_mode_is_aarch32(ev->before.mode))
        return a32_returns_to(j, say);
    if (a->elr_el1 != pc)
        return say_value(say, "ELR_EL1", pc, a->elr_el1);
    if ((a->spsr_el1 ^ ev->before.flags) & pstate)
        return say_value(say, "SPSR_EL1", ev->before.flags, a->spsr_el1);
    if ((ev->code & 0x180) != 0) /* interrupts have no syndrome */
        return true;
    if (a->esr_el1 != ev->info[0])
        return say_value(say, "ESR_EL1", ev->info[0], a->esr_el1);
    return !fills_far(ev->info[0]) || a->far_el1 == ev->info[1] ||
           say_value(say, "FAR_EL1", ev->info[1], a->far_el1);
}

/* What an MSR holds, by the vCPU's state (Intel SDM Vol. 4; AMD APM Vol. 2 appendix A). mask: bits
 * that software's write decides; never: bits that no processor has. */
struct msr_place {
    uint32_t index;
    uint64_t value, mask, never;
};

/* False: it is none of those. */
static bool msr_of(const struct tsp_vcpu_state *v, uint32_t index, struct msr_place *out)
{
    const uint64_t high = ~(uint64_t)UINT32_MAX;
    const struct tsp_x86_state *x = &v->x86;
    const struct msr_place known[] = {
        {0x1b, x->apic_base, 0, ~bits_mask(52) | 0xff},
        {0xce, x->platform_info, 0, 0},
        {0x140, x->cpuid_faulting, 1, high},
        {0xda0, x->xss, UINT64_MAX, 1ull << 63},
        {0xc0000080, x->efer, 0x801, high | 0x2fe}, /* NXE and SCE */
        {0xc0000100, x->seg[TSP_FS].base, UINT64_MAX, 0},
        {0xc0000101, x->seg[TSP_GS].base, UINT64_MAX, 0},
        {0xc0000103, x->tsc_aux, UINT32_MAX, high},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].index != index)
            continue;
        *out = known[i];
        return true;
    }
    return false;
}

/* 57 bits of a linear address count where there are five levels of tables. */
static bool is_address(uint64_t v)
{
    return bits_sext(v, 57) == v;
}

/* What is written is kept, but for bits that the register has not, and addresses are canonical
 * (Intel SDM Vol. 2B WRMSR; AMD APM Vol. 3 WRMSR). */
static bool msr_written(const struct msr_place *m, uint64_t written, struct say *say)
{
    if ((written ^ m->value) & m->mask)
        return say_value(say, "value written, as it is kept", written, m->value);
    if (m->value & m->never)
        return say_value(say, "value kept, bits that do not exist", 0, m->value & m->never);
    return (m->index != 0xc0000100u && m->index != 0xc0000101u) || is_address(m->value) ||
           say_value(say, "address that is kept", bits_sext(m->value, 57), m->value);
}

/* msr_seen: RDMSR reads, and WRMSR leaves, what the vCPU's state shows. */
bool pred_msr_seen(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_regs *before = &j->ev->before, *after = &j->ev->after;
    uint32_t index = (uint32_t)before->r[TSP_RCX];
    struct msr_place m;
    uint64_t got;

    (void)p;
    if (!(j->ev->info[1] & 1)) {
        got = (uint32_t)after->r[TSP_RAX] | after->r[TSP_RDX] << 32;
        return !msr_of(&j->look->before, index, &m) || got == m.value ||
               say_value(say, "value read", m.value, got);
    }
    got = (uint32_t)before->r[TSP_RAX] | before->r[TSP_RDX] << 32;
    return !msr_of(&j->look->after, index, &m) || msr_written(&m, got, say);
}

/* The gate of an exception that was to be delivered, as it was set up. */
static bool bad_gate(const struct judge *j, uint64_t error, bool *bad)
{
    const struct tsp_x86_state *x = &j->look->before.x86;
    unsigned size = bits_test(x->efer, EFER_LMA) ? 16 : 8;
    uint64_t at = (error >> 3 & 0x1fff) * size;
    uint8_t b[16];

    *bad = at + size - 1 > x->idt.limit;
    if (*bad)
        return true;
    if (!table_read(j->setup, x->idt.base + at, b, size))
        return false;
    *bad = !(b[5] & 0x80) ||
           ((b[5] & 0x1e) != 0x0e && ((b[5] & 0x1e) != 6 || size == 16) && (b[5] & 0x1f) != 5);
    return true;
}

/* The frame would overwrite what the set-up put there: tables that its delivery needs, it may be.
 */
static bool stack_holds_data(const struct judge *j)
{
    const struct tsp_vcpu_state *v = &j->look->before;
    uint64_t sp = v->regs.r[TSP_RSP], lin;
    bool rom = false;

    if (!bits_test(v->x86.efer, EFER_LMA))
        sp = v->x86.seg[TSP_SS].base + (v->x86.seg[TSP_SS].attr & 1u << 14 ? sp : (uint16_t)sp);
    for (lin = sp - TSP_LOOK_BYTES; lin != sp; lin++)
        if (judge_first_byte(j->setup, lin, &rom) != 0)
            return true;
    return false;
}

/* truly_fatal: the set-up's first instruction ends in a triple fault only where #UD, #DF, #GP or
 * #PF cannot be delivered (Intel SDM Vol. 3A 6.15, #DF). */
bool pred_truly_fatal(const struct judge *j, const struct pred_use *p, struct say *say)
{
    static const uint8_t vector[] = {6, 8, 13, 14};
    const struct tsp_x86_state *x = &j->look->before.x86;
    uint8_t d[8], g[8];
    bool bad;

    (void)p;
    if (!judge_at_start(j) || !bits_test(x->cr0, CR0_PE) || bits_test(x->cr4, 21) ||
        !look_has_stack(j) || stack_holds_data(j))
        return true;
    for (unsigned i = 0; i < sizeof(vector); i++) {
        unsigned size = bits_test(x->efer, EFER_LMA) ? 16 : 8;

        if (!bad_gate(j, (uint64_t)vector[i] * 8, &bad) || bad ||
            !table_read(j->setup, x->idt.base + (uint64_t)vector[i] * size, g, sizeof(g)) ||
            !table_read(j->setup, x->gdt.base + (le_load(g + 2, 2) & 0xfff8u), d, sizeof(d)) ||
            (d[5] & 0x98) != 0x98)
            return true;
    }
    return say_text(say, "an exception, which the set-up's tables deliver", "a triple fault");
}

/* delivery_failed: an error code that names a gate of the IDT names one that cannot be used (Intel
 * SDM Vol. 3A 6.13); those that name a selector are left open. */
bool pred_delivery_failed(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t error = j->ev->info[0];
    bool bad;

    (void)p;
    if (!judge_at_start(j) || j->ev->code == 8 || j->ev->code == 12 || (error & 0xfff8) == 0)
        return true;
    if (!(error & 2)) {
        /* The instruction itself loads no selector: it is the handler's. */
        return (error & 1) != 0 || say_text(say, "the error code of a failed delivery has EXT set",
                                            "an error code of a selector");
    }
    if (!bad_gate(j, error, &bad) || bad)
        return true;
    return say_value(say, "error code of an unusable gate", 0, error);
}
