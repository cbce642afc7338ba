/* SPDX-License-Identifier: MIT */
/* Looking at a machine while it runs. */
#include "fuzz/target/look.h"

#include "fuzz/target/builtin.h"

#include <string.h>

#include "trapspec/bits.h"

/* Intel SDM Vol. 3A ch. 4, AMD APM Vol. 2 ch. 5: bits of CR0, CR4, EFER and page-table entries. */
#define CR0_PG 31u
#define CR0_WP 16u
#define CR4_PSE 4u
#define CR4_PAE 5u
#define CR4_LA57 12u
#define CR4_SMEP 20u
#define CR4_SMAP 21u
#define EFER_LMA 10u
#define EFER_NXE 11u
#define FLAG_AC 18u
#define PTE_P 1ull
#define PTE_W 2ull
#define PTE_U 4ull
#define PTE_PS 0x80ull
#define PTE_NX (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull
#define SEG_BIG (1u << 14)

static bool peek(const struct looker *l, uint64_t gpa, void *buf, size_t n)
{
    return l->t->ops->peek(l->t->self, gpa, buf, n) == TSP_OK;
}

static bool large(const struct tsp_x86_state *x, unsigned levels, unsigned level, uint64_t pte)
{
    if (!(pte & PTE_PS) || level == 0 || level > 2)
        return false;
    return levels == 2 ? bits_test(x->cr4, CR4_PSE) : level == 1 || levels == 4;
}

#define CANNOT_TELL (~0ull)

/* An entry with a bit that is reserved, or may be: which address bits are depends on MAXPHYADDR,
 * and RAM needs few (Intel SDM Vol. 3A 4.3, 4.4.2, 4.5). What it grants is nothing, but how that is
 * told is open. */
static bool may_be_reserved(const struct tsp_x86_state *x, unsigned levels, unsigned level,
                            uint64_t pte)
{
    unsigned shift = 12 + level * (levels == 2 ? 10 : 9);
    uint64_t bad = PTE_ADDR & ~bits_mask(36);

    if (levels == 2)
        return large(x, levels, level, pte) && bits_get(pte, 21, 13) != 0;
    if (!bits_test(x->efer, EFER_NXE))
        bad |= PTE_NX;
    if (levels == 3)
        bad |= bits_mask(63) & ~bits_mask(52);
    if (levels == 3 && level == 2)
        bad |= PTE_NX | 0x1e6;
    if (level == 3)
        bad |= PTE_PS;
    if (large(x, levels, level, pte))
        bad |= bits_mask(shift) & ~bits_mask(13); /* bit 12 is PAT */
    return (pte & bad) != 0;
}

/* Rights are gathered on the way down: W and U must be set everywhere, NX anywhere is enough. Of a
 * table outside RAM, or beyond an entry that may break the rules, they cannot be told. */
static bool walk(const struct looker *l, const struct tsp_x86_state *x, uint64_t lin, uint64_t *gpa,
                 uint64_t *rights)
{
    bool wide = bits_test(x->efer, EFER_LMA), pae = wide || bits_test(x->cr4, CR4_PAE);
    unsigned levels = wide ? 4 : pae ? 3 : 2, bits = pae ? 9 : 10, size = pae ? 8 : 4;
    uint64_t table = x->cr3 & (wide ? PTE_ADDR : pae ? 0xffffffe0u : 0xfffff000u), pte;
    uint8_t b[8];

    *rights = CANNOT_TELL;
    if (wide && bits_test(x->cr4, CR4_LA57))
        return false;
    *rights = PTE_W | PTE_U;
    for (unsigned level = levels; level-- > 0;) {
        unsigned shift = 12 + level * bits;
        uint64_t mask = bits_mask(levels == 3 && level == 2 ? 2 : bits);

        if (!peek(l, table + (lin >> shift & mask) * size, b, size)) {
            *rights = CANNOT_TELL;
            return false;
        }
        pte = le_load(b, size);
        if (!(pte & PTE_P))
            return false;
        if (may_be_reserved(x, levels, level, pte)) {
            *rights = CANNOT_TELL;
            return false;
        }
        /* The four PAE directory pointers carry no rights. */
        if (levels != 3 || level != 2)
            *rights = (*rights & pte & (PTE_W | PTE_U)) | ((*rights | pte) & PTE_NX);
        table = pte & PTE_ADDR;
        if (large(x, levels, level, pte)) {
            *gpa = (table & ~bits_mask(shift)) | (lin & bits_mask(shift));
            return true;
        }
    }
    *gpa = table | (lin & 0xfff);
    return true;
}

static uint8_t rights_of(const struct tsp_vcpu_state *v, uint64_t pte)
{
    const struct tsp_x86_state *x = &v->x86;
    bool user = v->regs.level == 3, upage = (pte & PTE_U) != 0;
    bool write = (pte & PTE_W) || (!user && !bits_test(x->cr0, CR0_WP));
    bool fetch = !((pte & PTE_NX) && bits_test(x->efer, EFER_NXE));

    if (user && !upage)
        write = fetch = false;
    if (!user && upage && bits_test(x->cr4, CR4_SMAP) && !bits_test(v->regs.flags, FLAG_AC))
        write = false;
    if (!user && upage && bits_test(x->cr4, CR4_SMEP))
        fetch = false;
    return (uint8_t)(TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | (write ? TSP_TEXT_WRITE : 0) |
                     (fetch ? TSP_TEXT_FETCH : 0));
}

static bool is_rom(const struct tsp_setup *s, uint64_t gpa)
{
    for (unsigned i = 0; i < s->npage && i < TSP_MAX_PAGE; i++) {
        const struct tsp_page *p = &s->page[i];

        if ((p->flags & TSP_PAGE_ROM) && gpa >= (p->gpa & ~0xfffull) &&
            gpa < ((p->gpa + p->len + 0xfff) & ~0xfffull))
            return true;
    }
    return false;
}

/* Where a linear address of this state lies; false: not mapped, or it cannot be told. */
static bool place(const struct looker *l, const struct tsp_vcpu_state *v, uint64_t lin,
                  uint64_t *gpa, uint8_t *rights)
{
    uint64_t pte = PTE_W | PTE_U;

    *gpa = lin;
    *rights = TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_WRITE | TSP_TEXT_FETCH;
    if (l->setup->arch == TSP_ARCH_ARM64)
        return !bits_test(v->arm64.sctlr_el1, 0); /* SCTLR_EL1.M */
    if (bits_test(v->x86.cr0, CR0_PG)) {
        *rights = 0;
        if (!walk(l, &v->x86, lin, gpa, &pte)) {
            *rights = (uint8_t)(pte == CANNOT_TELL ? 0 : TSP_TEXT_KNOWN);
            return false;
        }
        *rights = rights_of(v, pte);
    }
    if (is_rom(l->setup, *gpa))
        *rights |= TSP_TEXT_ROM;
    return true;
}

static uint64_t linear(const struct looker *l, const struct tsp_vcpu_state *v, unsigned seg,
                       uint64_t off)
{
    if (l->setup->arch == TSP_ARCH_ARM64 || v->regs.mode == TSP_MODE_LONG64)
        return off;
    return (uint32_t)(v->x86.seg[seg].base + off);
}

/* Reads as much as there is, page by page. */
static void read_lin(const struct looker *l, const struct tsp_vcpu_state *v, uint64_t lin,
                     unsigned n, struct tsp_look_mem *out)
{
    uint8_t rights;
    uint64_t gpa;

    out->lin = lin;
    out->gpa = 0;
    out->n = 0;
    while (out->n < n) {
        uint64_t at = lin + out->n;
        unsigned part = LOOK_PAGE - (unsigned)(at % LOOK_PAGE);

        part = part < n - out->n ? part : n - out->n;
        if (!place(l, v, at, &gpa, &rights) || !peek(l, gpa, out->byte + out->n, part))
            break;
        if (out->n == 0)
            out->gpa = gpa;
        out->n += part;
    }
}

static void look_text(const struct looker *l, struct tsp_look *k)
{
    uint64_t lin = linear(l, &k->before, TSP_CS, k->before.regs.pc), gpa;

    read_lin(l, &k->before, lin, TSP_INSN_BYTES, &k->text[0]);
    place(l, &k->before, lin, &gpa, &k->rights[0]);
    place(l, &k->before, lin + TSP_INSN_BYTES - 1, &gpa, &k->rights[1]);
}

static void look_stack(const struct looker *l, struct tsp_look *k)
{
    const struct tsp_vcpu_state *v = &k->after;
    uint64_t sp = v->regs.r[TSP_RSP];

    if (v->regs.mode != TSP_MODE_LONG64 && !(v->x86.seg[TSP_SS].attr & SEG_BIG))
        sp = (uint16_t)sp;
    read_lin(l, v, linear(l, v, TSP_SS, sp), TSP_LOOK_BYTES, &k->stack);
}

/* Where a call of Xen's for HVM guests has its buffer: the second argument is its linear address,
 * of vcpu_op the third, of multicall the first (Xen public/arch-x86/xen-x86_64.h, xen.h). */
#define XEN_MULTICALL 13u
#define XEN_VCPU_OP 24u

/* The first interface that is there has the calls; those without calls do not count. */
static bool is_xen(const struct looker *l)
{
    const uint8_t *p = l->setup->persona;
    bool first = p[0] == TSP_PERSONA_KVM || p[0] == TSP_PERSONA_HYPERV || p[0] == TSP_PERSONA_XEN;

    return l->setup->arch == TSP_ARCH_X86 && p[first ? 0 : 1] == TSP_PERSONA_XEN;
}

static uint64_t xen_buffer(const struct tsp_regs *r)
{
    static const uint8_t wide[3] = {TSP_RDI, TSP_RSI, TSP_RDX};
    static const uint8_t narrow[3] = {TSP_RBX, TSP_RCX, TSP_RDX};
    unsigned n = (uint32_t)r->r[TSP_RAX] == XEN_VCPU_OP     ? 2
                 : (uint32_t)r->r[TSP_RAX] == XEN_MULTICALL ? 0
                                                            : 1;

    return r->mode == TSP_MODE_LONG64 ? r->r[wide[n]] : (uint32_t)r->r[narrow[n]];
}

/* KVM's calls that store something are given a guest-physical address in RBX (Linux
 * Documentation/virt/kvm/x86/hypercalls.rst); on AArch64 the set-up says where stolen time goes. */
static void look_arg(const struct looker *l, const struct tsp_vcpu_state *v, struct tsp_look_mem *m)
{
    const struct tsp_regs *r = &v->regs;
    uint64_t gpa = r->mode == TSP_MODE_LONG64 ? r->r[TSP_RBX] : (uint32_t)r->r[TSP_RBX];

    if (is_xen(l)) {
        read_lin(l, v, xen_buffer(r), TSP_LOOK_BYTES, m);
        return;
    }
    if (l->setup->arch == TSP_ARCH_ARM64)
        gpa = l->setup->pvtime_ipa;
    m->lin = m->gpa = gpa;
    m->n = peek(l, gpa, m->byte, TSP_LOOK_BYTES) ? TSP_LOOK_BYTES : 0;
}

static void watch(struct looker *l, uint64_t gpa)
{
    uint64_t page = gpa & ~(uint64_t)(LOOK_PAGE - 1);

    for (unsigned i = 0; i < l->npage; i++)
        if (l->page[i] == page)
            return;
    if (l->npage == LOOK_PAGES)
        return;
    l->empty[l->npage] = target_is_empty(l->t, page, LOOK_PAGE);
    if (!peek(l, page, l->was[l->npage], LOOK_PAGE))
        return;
    l->page[l->npage++] = page;
}

/* Any page of RAM, another one for another set-up: whatever is changed there over and over again is
 * seen by some scenario. */
static uint64_t some_page(const struct tsp_setup *s)
{
    const struct tsp_regs *r = &s->vcpu[0].regs;
    uint64_t h = r->pc ^ (uint64_t)s->host << 8 ^ (uint64_t)s->patch << 16 ^ s->config;

    for (unsigned i = 0; i < 16; i++)
        h = (h ^ r->r[i]) * 0x9e3779b97f4a7c15ull;
    h ^= h >> 29;
    return s->ram_base + h % (s->ram_size / LOOK_PAGE + 1) * LOOK_PAGE;
}

/* Both ends of the largest buffer, and the frame that a WRMSR would name. */
static void watch_xen(struct looker *l, const struct tsp_vcpu_state *v)
{
    const uint64_t most = 1023, lin = xen_buffer(&v->regs);
    uint8_t rights;
    uint64_t gpa;

    if (place(l, v, lin, &gpa, &rights))
        watch(l, gpa);
    if (place(l, v, lin + most, &gpa, &rights))
        watch(l, gpa);
    watch(l, v->regs.r[TSP_RDX] << 32 | (uint32_t)v->regs.r[TSP_RAX]);
}

void look_open(struct looker *l, struct target *t, const struct tsp_setup *setup)
{
    const uint32_t need = TSP_CAP_STEPS | TSP_CAP_PEEK | TSP_CAP_EXEC;
    struct tsp_vcpu_state v;
    uint8_t rights;
    uint64_t gpa;

    l->t = t;
    l->setup = setup;
    l->npage = 0;
    l->looks.n = 0;
    l->away = false;
    l->on = t->looked && (t->caps & need) == need && t->ops->peek != NULL &&
            t->ops->get_vcpu != NULL && setup->protocol == TSP_PROTOCOL_NONE;
    l->away = l->on && plugin_looks(t);
    if (!l->on || l->away)
        return;
    l->on = t->ops->get_vcpu(t->self, 0, &v) == TSP_OK;
    if (!l->on)
        return;
    if (place(l, &v, linear(l, &v, TSP_CS, v.regs.pc), &gpa, &rights))
        watch(l, gpa);
    if (setup->arch == TSP_ARCH_X86) {
        if (place(l, &v, linear(l, &v, TSP_SS, v.regs.r[TSP_RSP] - 1), &gpa, &rights))
            watch(l, gpa);
        if (is_xen(l))
            watch_xen(l, &v);
        else
            watch(l, v.regs.r[TSP_RBX]);
    } else if (setup->config & TSP_CFG_PVTIME) {
        watch(l, setup->pvtime_ipa);
    }
    watch(l, some_page(setup));
}

uint32_t look_before(struct looker *l, unsigned vcpu, uint32_t budget)
{
    struct tsp_look *k = &l->looks.look[l->looks.n];

    if (!l->on)
        return budget;
    if (l->away) {
        plugin_look_next(l->t);
        return 1;
    }
    k->vcpu = (uint16_t)vcpu;
    if (l->t->ops->get_vcpu(l->t->self, vcpu, &k->before) != TSP_OK) {
        l->on = false;
        return budget;
    }
    look_text(l, k);
    look_arg(l, &k->before, &k->arg[0]);
    k->runnable[0] = l->t->ops->runnable(l->t->self);
    return 1;
}

static void add_change(struct tsp_look *k, uint64_t gpa, const uint8_t *was, const uint8_t *now,
                       unsigned len)
{
    if (k->nchange < TSP_LOOK_CHANGES) {
        struct tsp_look_change *c = &k->change[k->nchange];
        unsigned n = len < TSP_LOOK_RUN ? len : TSP_LOOK_RUN;

        c->gpa = gpa;
        c->len = len;
        memcpy(c->was, was, n);
        memcpy(c->now, now, n);
    }
    k->nchange++;
}

/* Runs of bytes that differ; a few equal ones in between belong to one. */
static void compare(struct looker *l, struct tsp_look *k, unsigned i)
{
    const uint8_t *was = l->was[i], *now = l->now[i];
    unsigned first = LOOK_PAGE, last = 0;

    if (memcmp(was, now, LOOK_PAGE) == 0)
        return;
    for (unsigned at = 0; at < LOOK_PAGE; at++) {
        /* Eight at once, which most are */
        if (at % 8 == 0 && memcmp(was + at, now + at, 8) == 0)
            at += 7;
        if (was[at] == now[at])
            continue;
        if (first < LOOK_PAGE && at - last > 8) {
            add_change(k, l->page[i] + first, was + first, now + first, last - first + 1);
            first = at;
        }
        first = first < LOOK_PAGE ? first : at;
        last = at;
    }
    add_change(k, l->page[i] + first, was + first, now + first, last - first + 1);
    memcpy(l->was[i], now, LOOK_PAGE);
}

static void look_changes(struct looker *l, struct tsp_look *k)
{
    k->nchange = 0;
    k->watched = l->npage > 0;
    for (unsigned i = 0; i < l->npage; i++) {
        l->empty[i] = l->empty[i] && target_is_empty(l->t, l->page[i], LOOK_PAGE);
        if (l->empty[i])
            continue;
        if (!peek(l, l->page[i], l->now[i], LOOK_PAGE)) {
            k->watched = false;
            return;
        }
        compare(l, k, i);
    }
}

/* Those that end a run without an instruction, or between two of them, are none of the guest's. */
static bool is_step(const struct tsp_event *ev)
{
    return ev->kind != TSP_EV_STOP || (ev->code != TSP_STOP_ERROR && ev->code != TSP_STOP_DONE);
}

/* After the step, in the process that made it. */
static bool see(struct looker *l, struct tsp_look *k, const struct tsp_event *ev)
{
    if (!is_step(ev) || l->t->ops->get_vcpu(l->t->self, k->vcpu, &k->after) != TSP_OK)
        return false;
    read_lin(l, &k->before, k->text[0].lin, TSP_INSN_BYTES, &k->text[1]);
    k->stack.n = k->arg[1].n = 0;
    if (ev->kind == TSP_EV_FAULT && l->setup->arch == TSP_ARCH_X86)
        look_stack(l, k);
    k->runnable[1] = l->t->ops->runnable(l->t->self);
    if (ev->kind == TSP_EV_HYPERCALL)
        look_arg(l, &k->before, &k->arg[1]);
    look_changes(l, k);
    return true;
}

void look_after(struct looker *l, const struct tsp_event *ev, size_t index, bool kept)
{
    struct tsp_look *k = &l->looks.look[l->looks.n];

    if (!l->on)
        return;
    l->on = l->away ? is_step(ev) && plugin_look_take(l->t, k) : see(l, k, ev);
    if (!l->on)
        return;
    k->event = index;
    k->quiet = !kept;
    l->on = ++l->looks.n < TSP_MAX_LOOK;
}

const struct tsp_looks *look_all(struct looker *l, const struct tsp_trace *trace)
{
    l->looks.of = trace;
    return l->looks.n ? &l->looks : NULL;
}
