/* SPDX-License-Identifier: MIT */
/*
 * A machine saved through what every target may offer (get_vcpu, peek, get_hv) and restored into a
 * fresh one, on the same or another processor: what a live migration does, in one place and without
 * time passing (Linux Documentation/virt/kvm/api.rst; the state is what the KVM_GET_* calls give).
 */
#include "fuzz/run/run.h"

#include <string.h>

#define PAGE 4096u

static struct {
    struct tsp_vcpu_state vcpu[TSP_MAX_VCPU];
    struct tsp_hv_state hv[TSP_MAX_VCPU];
    uint8_t ram[TSP_MAX_RAM], fresh[TSP_MAX_RAM];
    bool empty[TSP_MAX_RAM / PAGE], fresh_empty[TSP_MAX_RAM / PAGE]; /* pages not read: zeroes */
} saved;

static bool same_regs(const struct tsp_regs *a, const struct tsp_regs *b)
{
    return memcmp(a->r, b->r, sizeof(a->r)) == 0 && a->pc == b->pc && a->flags == b->flags &&
           a->mode == b->mode && a->level == b->level;
}

static bool can(const struct tsp_target_ops *o)
{
    return o->peek && o->poke && o->get_vcpu && o->set_vcpu && o->get_hv && o->set_hv;
}

/* All of RAM at once, or page by page where the target knows of some that they are empty. */
static bool read_ram(struct target *t, const struct tsp_setup *s, uint8_t *ram, bool *empty)
{
    const struct tsp_target_ops *o = t->ops;
    bool some = false;

    for (uint64_t at = 0; at < s->ram_size; at += PAGE) {
        empty[at / PAGE] = target_is_empty(t, s->ram_base + at, PAGE);
        some = some || empty[at / PAGE];
    }
    if (!some)
        return o->peek(t->self, s->ram_base, ram, s->ram_size) == TSP_OK;
    for (uint64_t at = 0; at < s->ram_size; at += PAGE)
        if (!empty[at / PAGE] && o->peek(t->self, s->ram_base + at, ram + at, PAGE) != TSP_OK)
            return false;
    return true;
}

static const uint8_t *page_of(const uint8_t *ram, const bool *empty, uint64_t at)
{
    static const uint8_t zeroes[PAGE];

    return empty[at / PAGE] ? zeroes : ram + at;
}

static enum tsp_status save(struct target *t, const struct tsp_setup *s)
{
    const struct tsp_target_ops *o = t->ops;

    if (!can(o) || s->ram_size > sizeof(saved.ram))
        return TSP_ENOTSUP;
    for (unsigned i = 0; i < s->nvcpu; i++)
        if (o->get_hv(t->self, i, &saved.hv[i]) != TSP_OK || saved.hv[i].busy ||
            o->get_vcpu(t->self, i, &saved.vcpu[i]) != TSP_OK)
            return TSP_ENOTSUP;
    return read_ram(t, s, saved.ram, saved.empty) ? TSP_OK : TSP_ENOTSUP;
}

/* Pages that are as the set-up made them stay: most do, and read-only ones always. */
static bool restore_memory(struct target *t, const struct tsp_setup *s)
{
    if (!read_ram(t, s, saved.fresh, saved.fresh_empty))
        return false;
    for (uint64_t at = 0; at < s->ram_size; at += PAGE) {
        const uint8_t *was = page_of(saved.ram, saved.empty, at);
        const uint8_t *now = page_of(saved.fresh, saved.fresh_empty, at);

        if (was != now && memcmp(was, now, PAGE) != 0 &&
            t->ops->poke(t->self, s->ram_base + at, was, PAGE) != TSP_OK)
            return false;
    }
    return true;
}

#define SAME(member) (memcmp(&a->member, &b->member, sizeof(a->member)) == 0)

static bool same_segment(const struct tsp_segment *a, const struct tsp_segment *b)
{
    return SAME(base) && SAME(limit) && SAME(sel) && SAME(attr);
}

/* What was set is what is got: all but clocks, and MSRs that a processor may not have. */
static bool same_x86(const struct tsp_x86_state *a, const struct tsp_x86_state *b)
{
    for (unsigned i = 0; i < TSP_SEG_COUNT; i++)
        if (!same_segment(&a->seg[i], &b->seg[i]))
            return false;
    return SAME(gdt.base) && SAME(gdt.limit) && SAME(idt.base) && SAME(idt.limit) && SAME(cr0) &&
           SAME(cr2) && SAME(cr3) && SAME(cr4) && SAME(efer) && SAME(xcr0) && SAME(xss) &&
           SAME(apic_base) && SAME(tsc_aux) && SAME(cpuid_faulting) && SAME(apic_id) &&
           ((a->shadow ^ b->shadow) & (TSP_SHADOW_STI | TSP_SHADOW_MOVSS)) == 0;
}

static bool same_arm64(const struct tsp_arm64_state *a, const struct tsp_arm64_state *b)
{
    return SAME(sp_el0) && SAME(sp_el1) && SAME(vbar_el1) && SAME(esr_el1) && SAME(elr_el1) &&
           SAME(spsr_el1) && SAME(far_el1) && SAME(sctlr_el1) && SAME(tpidr_el0) &&
           SAME(tpidr_el1) && SAME(mpidr) && SAME(midr) && SAME(spsr_abt) && SAME(spsr_und) &&
           SAME(ifsr);
}

/* Values that no scenario begins with: what is set shows, whether a guest ever reads it or not. */
static void unlikely(const struct tsp_setup *s, const struct tsp_vcpu_state *was,
                     struct tsp_vcpu_state *out)
{
    uint64_t mark = was->regs.mode == TSP_MODE_A64 || was->regs.mode == TSP_MODE_LONG64
                        ? 0x1234567800000000ull
                        : 0;

    *out = *was;
    for (unsigned i = 0; i < (s->arch == TSP_ARCH_ARM64 ? 31u : 16u); i++)
        out->regs.r[i] ^= mark | 0x5a5a0000u;
    out->x86.cr2 ^= 0x5a5a0000u;
    out->x86.seg[TSP_FS].base ^= 0x5a5a0000u;
    out->x86.seg[TSP_GS].base ^= 0x3c3c0000u;
    out->x86.tsc_aux ^= 0x5a5a0000u;
    out->arm64.tpidr_el0 ^= mark | 1u;
    out->arm64.tpidr_el1 ^= mark | 2u;
    out->arm64.elr_el1 ^= mark | 4u;
    out->arm64.far_el1 ^= mark | 8u;
    out->arm64.esr_el1 ^= 1u;
    out->arm64.spsr_abt ^= 1u << 28;
    out->arm64.spsr_und ^= 1u << 29;
    out->arm64.ifsr ^= 1u;
}

static bool restored(struct target *t, const struct tsp_setup *s)
{
    static struct tsp_vcpu_state now;

    for (unsigned i = 0; i < s->nvcpu; i++) {
        const struct tsp_vcpu_state *was = &saved.vcpu[i];

        if (t->ops->get_vcpu(t->self, i, &now) != TSP_OK || !same_regs(&was->regs, &now.regs))
            return false;
        if (s->arch == TSP_ARCH_X86 ? !same_x86(&was->x86, &now.x86)
                                    : !same_arm64(&was->arm64, &now.arm64))
            return false;
    }
    return true;
}

/* set_vcpu takes all of it. */
static bool keeps_all(struct target *t, const struct tsp_setup *s)
{
    static struct tsp_vcpu_state odd, now;
    bool x86 = s->arch == TSP_ARCH_X86;

    for (unsigned i = 0; i < s->nvcpu; i++) {
        unlikely(s, &saved.vcpu[i], &odd);
        if (t->ops->set_vcpu(t->self, i, &odd) != TSP_OK ||
            t->ops->get_vcpu(t->self, i, &now) != TSP_OK || !same_regs(&odd.regs, &now.regs) ||
            !(x86 ? same_x86(&odd.x86, &now.x86) : same_arm64(&odd.arm64, &now.arm64)))
            return false;
    }
    return true;
}

/* Registers first: what is pending or relative to the machine's time comes on top. */
static bool restore(struct target *t, const struct tsp_setup *s)
{
    /* A real processor may have its own mind about some of it. */
    bool emulated = (t->caps & TSP_CAP_STEPS) != 0;

    if (!restore_memory(t, s) || (emulated && !keeps_all(t, s)))
        return false;
    for (unsigned i = 0; i < s->nvcpu; i++)
        if (t->ops->set_vcpu(t->self, i, &saved.vcpu[i]) != TSP_OK)
            return false;
    /* Twice: loading what is loaded already changes nothing. */
    for (unsigned i = 0; i < 2u * s->nvcpu; i++)
        if (t->ops->set_hv(t->self, i % s->nvcpu, &saved.hv[i % s->nvcpu]) != TSP_OK)
            return false;
    return !emulated || restored(t, s);
}

enum tsp_status migrate_machine(struct target *t, const struct tsp_setup *from,
                                struct tsp_setup *to, unsigned host)
{
    struct tsp_event first;

    if (save(t, from) != TSP_OK)
        return TSP_ENOTSUP;
    *to = *from;
    to->host = (uint8_t)host;
    memcpy(to->vcpu, saved.vcpu, sizeof(to->vcpu[0]) * from->nvcpu);
    if (t->ops->reset(t->self, to, &first) == TSP_OK && first.kind == TSP_EV_POLICY &&
        restore(t, to))
        return TSP_OK;
    /* A host that cannot have this machine: it goes on where it was. */
    to->host = from->host;
    if (t->ops->reset(t->self, to, &first) != TSP_OK || !restore(t, to))
        return TSP_EIO;
    return TSP_OK;
}

enum tsp_status migrate_event(struct target *t, const struct tsp_setup *from, struct tsp_setup *to,
                              const struct input_move *m, struct tsp_event *out)
{
    enum tsp_status st = migrate_machine(t, from, to, m->host);

    if (st == TSP_ENOTSUP)
        return st;
    memset(out, 0, sizeof(*out));
    out->kind = st == TSP_OK ? TSP_EV_FETCH : TSP_EV_STOP;
    out->code = st == TSP_OK ? TSP_MICRO_MIGRATE : TSP_STOP_ERROR;
    out->info[0] = st == TSP_OK ? to->host : TSP_WRONG_STATE;
    out->before = out->after = to->vcpu[0].regs;
    return st;
}

static bool is_move(const struct tsp_event *e)
{
    return e->kind == TSP_EV_FETCH && e->code == TSP_MICRO_MIGRATE;
}

static bool same_event(const struct tsp_event *a, const struct tsp_event *b, bool text)
{
    return a->kind == b->kind && a->vcpu == b->vcpu && a->code == b->code && a->addr == b->addr &&
           memcmp(a->info, b->info, sizeof(a->info)) == 0 &&
           memcmp(a->sys, b->sys, sizeof(a->sys)) == 0 && same_regs(&a->before, &b->before) &&
           same_regs(&a->after, &b->after) &&
           (!text || (a->len == b->len && memcmp(a->fetched, b->fetched, TSP_INSN_BYTES) == 0 &&
                      memcmp(a->stored, b->stored, TSP_INSN_BYTES) == 0));
}

/* Where both runs are being compared. */
struct both {
    const struct tsp_trace *stayed, *moved;
    size_t s, m;
    bool elsewhere; /* the one that moved is on a host of another vendor */
};

/* On another vendor's host the rewrite of a hypercall instruction is one run's affair alone, and
 * what text holds differs from then on; the call itself must not. */
static void skip_own(struct both *b)
{
    for (; b->m < b->moved->n; b->m++)
        if (!is_move(&b->moved->ev[b->m]) &&
            !(b->elsewhere && b->moved->ev[b->m].kind == TSP_EV_PATCH))
            break;
    for (; b->elsewhere && b->s < b->stayed->n; b->s++)
        if (b->stayed->ev[b->s].kind != TSP_EV_PATCH)
            break;
}

/* The revision of its microcode is the processor's, not the machine's (Intel SDM Vol. 4
 * IA32_BIOS_SIGN_ID). */
#define MSR_UCODE_REV 0x8bu

/* Exceptions and what ends a run may depend on the processor: such a difference is the end of what
 * can be compared. */
static bool blamed(const struct both *b)
{
    const struct tsp_event *s = &b->stayed->ev[b->s], *m = &b->moved->ev[b->m];

    if (!b->elsewhere)
        return true;
    if (s->kind == TSP_EV_MSR && s->code == MSR_UCODE_REV)
        return false;
    return s->kind == m->kind && s->addr == m->addr && same_regs(&s->before, &m->before) &&
           (s->kind == TSP_EV_CPUID || s->kind == TSP_EV_HYPERCALL || s->kind == TSP_EV_MSR);
}

void migrate_compare(const struct tsp_setup *setup, const struct tsp_trace *stayed,
                     struct tsp_trace *moved)
{
    struct both b = {stayed, moved, 0, 0, false};
    size_t differs = 0; /* 1 + index */
    bool end = false;

    for (size_t i = 0; i < moved->n; i++)
        b.elsewhere =
            b.elsewhere || (is_move(&moved->ev[i]) && moved->ev[i].info[0] != setup->host);
    while (!end) {
        skip_own(&b);
        if (b.s == stayed->n || b.m == moved->n)
            break;
        end = !same_event(&stayed->ev[b.s], &moved->ev[b.m], !b.elsewhere);
        if (end && blamed(&b))
            differs = b.m + 1;
        b.s++;
        b.m++;
    }
    /* One that stops early; a full trace has room for less of the run that moved. */
    if (!end && !b.elsewhere && !stayed->truncated && !moved->truncated &&
        (b.s < stayed->n) != (b.m < moved->n))
        differs = b.m < moved->n ? b.m + 1 : moved->n;
    for (size_t i = 0; i < moved->n; i++)
        if (is_move(&moved->ev[i]))
            moved->ev[i].info[1] = differs > i ? differs + 1 : 1;
}
