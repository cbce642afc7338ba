/* SPDX-License-Identifier: MIT */
/*
 * Xen's calls as a judge sees them: arguments by mode (Xen public/arch-x86/xen-x86_64.h and
 * xen-x86_32.h, public/arch-arm.h), and buffers at linear addresses. What lies in memory is known
 * at the first instruction of a machine alone: later the guest may have changed anything.
 */
#include "spec/build.h"
#include "spec/judge.h"

#include <string.h>

#include "trapspec/bits.h"

/* ORDER: names[] */
enum xen_field {
    XEN_A0 = 0,
    XEN_A1,
    XEN_A2,
    XEN_A3,
    XEN_A4,
    XEN_CMD,
    XEN_MEM0,
    XEN_MEM1,
    XEN_MEM2,
    XEN_MEM3,
    XEN_X16,
    XEN_NAMED,
    XEN_GOOD = XEN_NAMED, /* ref.leaf: which argument; mask: bytes */
    XEN_BAD,
    XEN_FRAME,   /* the frame that a WRMSR names is writable RAM */
    XEN_VIRIDIAN /* Hyper-V's leaves are there too */
};

static const char *const names[XEN_NAMED] = {"xa0",  "xa1",  "xa2",  "xa3",  "xa4", "cmd",
                                             "mem0", "mem1", "mem2", "mem3", "x16"};

#define HYPERV_LEAF 0x40000001u
#define CR0_PG 31
#define CR4_PAE 5
#define CR4_LA57 12
#define CR4_SMAP 21
#define CR4_PKE 22
#define EFER_LMA 10
#define PTE_P ((uint64_t)1)
#define PTE_W ((uint64_t)2)
#define PTE_PS ((uint64_t)0x80)
#define PTE_FRAME 0x000ffffffffff000ull
#define PTE_ODD 0x7ff0000000000000ull /* reserved or ignored, by processor */
#define PAGE 0x1000u

/* What is known of an address: OPEN is anything that processors or hypervisors may differ in. */
enum known { KNOWN_OPEN = 0, KNOWN_GOOD, KNOWN_BAD };

bool xen_cond_parse(const char *key, const char *value, struct cond *c)
{
    uint64_t n = 0;
    unsigned v = 0;

    if (strcmp(key, "frame") == 0 && strcmp(value, "ram") == 0) {
        c->field = COND_XEN + XEN_FRAME;
        return true;
    }
    if (strcmp(key, "viridian") == 0 && (strcmp(value, "on") == 0 || strcmp(value, "off") == 0)) {
        c->field = COND_XEN + XEN_VIRIDIAN;
        c->negate ^= value[1] == 'f';
        return true;
    }
    if (!parse_word(names, XEN_NAMED, key, &v))
        return false;
    c->field = (uint8_t)(COND_XEN + v);
    if (v > XEN_A4)
        return true;
    c->ref.leaf = v;
    if (strncmp(value, "ram:", 4) == 0 && parse_number(value + 4, PAGE, &n))
        c->field = COND_XEN + XEN_GOOD;
    else if (strncmp(value, "bad:", 4) == 0 && parse_number(value + 4, PAGE, &n))
        c->field = COND_XEN + XEN_BAD;
    if (c->field >= COND_XEN + XEN_NAMED)
        c->mask = n;
    return true;
}

bool xen_cond_is_special(const struct cond *c)
{
    return c->field >= COND_XEN + XEN_NAMED;
}

static uint64_t argument(const struct judge *j, unsigned n)
{
    static const uint8_t wide[] = {TSP_RDI, TSP_RSI, TSP_RDX, TSP_R10, TSP_R8};
    static const uint8_t narrow[] = {TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI, TSP_RDI};
    const struct tsp_regs *r = &j->ev->before;

    if (r->mode == TSP_MODE_A64)
        return r->r[n];
    if (tsp_mode_is_aarch32(r->mode))
        return (uint32_t)r->r[n];
    return r->mode == TSP_MODE_LONG64 ? r->r[wide[n]] : (uint32_t)r->r[narrow[n]];
}

static bool in_ram(const struct tsp_setup *s, uint64_t at, uint64_t n)
{
    return at >= s->ram_base && range_ok(at - s->ram_base, n, s->ram_size);
}

uint8_t judge_first_byte(const struct tsp_setup *s, uint64_t at, bool *rom)
{
    uint8_t v = 0;

    for (unsigned i = 0; i < s->npage && i < TSP_MAX_PAGE; i++) {
        const struct tsp_page *p = &s->page[i];

        if (p->len == 0)
            continue;
        if ((p->flags & TSP_PAGE_ROM) && at / PAGE >= p->gpa / PAGE &&
            at / PAGE <= (p->gpa + p->len - 1) / PAGE)
            *rom = true;
        if (at - p->gpa < p->len)
            v = p->data ? p->data[at - p->gpa] : 0;
    }
    return v;
}

/* The first instruction of the only vCPU: nothing but the set-up has written memory. An earlier
 * pass at this pc would have left an event. */
static bool at_start(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    size_t last = j->last[0];

    if (j->setup->nvcpu != 1 || ev->vcpu != 0 || ev->before.pc != j->setup->vcpu[0].regs.pc)
        return false;
    return last == 0 || j->trace->ev[last - 1].kind == TSP_EV_POLICY;
}

/* One level of page tables. */
static enum known step_down(const struct judge *j, uint64_t at, unsigned size, uint64_t *entry)
{
    bool rom = false;

    if (!in_ram(j->setup, at, size))
        return KNOWN_OPEN;
    *entry = 0;
    for (unsigned i = 0; i < size; i++)
        *entry |= (uint64_t)judge_first_byte(j->setup, at + i, &rom) << 8 * i;
    if (!(*entry & PTE_P))
        return KNOWN_BAD;
    if (!(*entry & PTE_W) || (*entry & PTE_ODD))
        return KNOWN_OPEN;
    return KNOWN_GOOD;
}

/* Intel SDM Vol. 3A 4.3 to 4.5. Large pages, five levels and protections that make a hypervisor's
 * own access a question are left open. */
static enum known translate(const struct judge *j, uint64_t lin, uint64_t *gpa)
{
    const uint64_t *sys = j->ev->sys;
    bool pae = bits_test(sys[TSP_SYS_CR4], CR4_PAE), lma = bits_test(sys[TSP_SYS_EFER], EFER_LMA);
    unsigned level = lma ? 4 : pae ? 3 : 2, bits = pae ? 9 : 10, size = pae ? 8 : 4;
    uint64_t table = sys[TSP_SYS_CR3] & (pae && !lma ? 0xffffffe0u : PTE_FRAME), entry = 0;

    *gpa = lin;
    if (!bits_test(sys[TSP_SYS_CR0], CR0_PG))
        return KNOWN_GOOD;
    if (!pae)
        table &= 0xfffff000u;
    if (bits_test(sys[TSP_SYS_CR4], CR4_LA57) || bits_test(sys[TSP_SYS_CR4], CR4_SMAP) ||
        bits_test(sys[TSP_SYS_CR4], CR4_PKE) || (lma && bits_sext(lin, 48) != lin) || (pae && !lma))
        return KNOWN_OPEN;
    for (; level > 0; level--) {
        uint64_t index = lin >> (12 + (level - 1) * bits) & bits_mask(bits);
        enum known k = step_down(j, table + index * size, size, &entry);

        if (k != KNOWN_GOOD)
            return k;
        if (level > 1 && (entry & PTE_PS))
            return KNOWN_OPEN;
        table = entry & PTE_FRAME;
    }
    *gpa = table | lin % PAGE;
    return KNOWN_GOOD;
}

static enum known byte_known(const struct judge *j, uint64_t lin, uint64_t *gpa)
{
    enum known k = translate(j, lin, gpa);
    bool rom = false;

    if (k != KNOWN_GOOD)
        return k;
    if (!in_ram(j->setup, *gpa, 1))
        return KNOWN_BAD;
    judge_first_byte(j->setup, *gpa, &rom);
    return rom ? KNOWN_OPEN : KNOWN_GOOD;
}

/* All n bytes, page by page. */
static enum known buffer(const struct judge *j, uint64_t lin, uint64_t n)
{
    enum known all = KNOWN_GOOD;
    uint64_t gpa, last = lin + n - 1;

    if (!at_start(j) || n == 0 || last < lin)
        return KNOWN_OPEN;
    if (j->ev->before.mode != TSP_MODE_LONG64 && last > UINT32_MAX)
        return KNOWN_OPEN;
    for (uint64_t page = lin / PAGE; page <= last / PAGE; page++) {
        enum known k = byte_known(j, page == lin / PAGE ? lin : page * PAGE, &gpa);

        if (k == KNOWN_OPEN)
            return k;
        if (k == KNOWN_BAD)
            all = k;
    }
    return all;
}

/* Words behind the second argument; rows ask for them where the buffer is known. */
static uint64_t word(const struct judge *j, unsigned n)
{
    uint64_t lin = argument(j, 1) + (uint64_t)4 * n, gpa = 0, v = 0;
    bool rom;

    for (unsigned i = 0; i < 4; i++)
        if (byte_known(j, lin + i, &gpa) == KNOWN_GOOD)
            v |= (uint64_t)judge_first_byte(j->setup, gpa, &rom) << 8 * i;
    return v;
}

static bool special_holds(const struct judge *j, const struct cond *c)
{
    const struct tsp_regs *r = &j->ev->before;
    uint64_t frame = (r->r[TSP_RDX] << 32 | (uint32_t)r->r[TSP_RAX]) & ~(uint64_t)(PAGE - 1);
    const struct tsp_leaf *l;
    bool rom = false;

    if (c->field == COND_XEN + XEN_VIRIDIAN) {
        l = spec_policy_first(&j->policy, HYPERV_LEAF);
        return l && l->reg[0] == HYPERV_INTERFACE;
    }
    if (c->field == COND_XEN + XEN_FRAME) {
        if (!in_ram(j->setup, frame, PAGE))
            return false;
        judge_first_byte(j->setup, frame, &rom);
        return !rom;
    }
    return buffer(j, argument(j, c->ref.leaf), c->mask) ==
           (c->field == COND_XEN + XEN_GOOD ? KNOWN_GOOD : KNOWN_BAD);
}

static uint64_t value(const struct judge *j, unsigned field)
{
    switch (field) {
    case XEN_CMD:
        return (uint32_t)argument(j, 0);
    case XEN_MEM0:
    case XEN_MEM1:
    case XEN_MEM2:
    case XEN_MEM3:
        return word(j, field - XEN_MEM0);
    case XEN_X16: /* R12 in AArch32 (Xen public/arch-arm.h) */
        if (tsp_mode_is_aarch32(j->ev->before.mode))
            return (uint32_t)j->ev->before.r[12];
        return j->ev->before.r[16];
    default:
        return argument(j, field - XEN_A0);
    }
}

bool xen_cond_holds(const struct judge *j, const struct cond *c)
{
    bool in = false;
    uint64_t v;

    if (xen_cond_is_special(c))
        return special_holds(j, c) != (c->negate != 0);
    v = value(j, c->field - COND_XEN) & c->mask;
    for (unsigned i = 0; i < c->nspan && !in; i++) {
        const struct cond_span *span = &j->s->span[c->span + i];

        in = span->lo <= v && v <= span->hi;
    }
    return in != (c->negate != 0);
}

/* Whose calls they are where a set-up offers several interfaces: the first one's. Xen beside
 * Hyper-V's leaves (its Viridian) is Xen, VMware beside them VMware. */
void xen_personas(struct judge *j)
{
    const uint8_t *p = j->setup->persona;
    bool first = p[0] == TSP_PERSONA_KVM || p[0] == TSP_PERSONA_HYPERV || p[0] == TSP_PERSONA_XEN;

    for (unsigned i = 0; i < 2; i++) { /* nobody else has guests like theirs */
        const uint8_t who = i == 0 ? TSP_PERSONA_LGUEST : TSP_PERSONA_VMI;

        if (p[0] == who ||
            (p[1] == who && (p[0] == TSP_PERSONA_NONE || p[0] == TSP_PERSONA_GENERIC)))
            j->personas = 1u << who;
        else if (p[1] == who)
            j->personas &= ~(1u << who);
    }
    if (p[0] == TSP_PERSONA_XEN || p[0] == TSP_PERSONA_VMWARE)
        j->personas = 1u << p[0];
    else if (first && (p[1] == TSP_PERSONA_XEN || p[1] == TSP_PERSONA_VMWARE))
        j->personas &= ~(1u << p[1]);
}
