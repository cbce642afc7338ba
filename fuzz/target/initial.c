/* SPDX-License-Identifier: MIT */
/*
 * Memory and page rights as the set-up alone defines them. A recording shows before and after, not
 * the page walk; its set-up holds the page tables, so the rights the instruction ran with can be
 * read from there.
 */
#include "fuzz/target/builtin.h"

#include "trapspec/bits.h"

/* Intel SDM Vol. 3A ch. 4, AMD APM Vol. 2 ch. 5: bits of CR0, CR4, EFER and of page-table entries.
 */
#define CR0_PG (1ull << 31)
#define CR0_WP (1ull << 16)
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)
#define FLAG_AC (1ull << 18)
#define PTE_P 1ull
#define PTE_W 2ull
#define PTE_U 4ull
#define PTE_PS 0x80ull
#define PTE_NX (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

uint8_t initial_byte(const struct tsp_setup *setup, uint64_t gpa, bool *rom)
{
    uint8_t v = 0;
    bool ro = false;

    for (uint32_t i = 0; i < setup->npage; i++) {
        const struct tsp_page *pg = &setup->page[i];
        uint64_t first = pg->gpa & ~0xfffull;

        if ((pg->flags & TSP_PAGE_ROM) && gpa >= first &&
            gpa < ((pg->gpa + pg->len + 0xfff) & ~0xfffull))
            ro = true;
        if (gpa >= pg->gpa && gpa - pg->gpa < pg->len)
            v = pg->data ? pg->data[gpa - pg->gpa] : 0;
    }
    if (rom)
        *rom = ro;
    return v;
}

static uint64_t initial_word(const struct tsp_setup *setup, uint64_t gpa, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)initial_byte(setup, gpa + i, NULL) << (8 * i);
    return v;
}

/* How a walk begins: levels, bits of index a level, bytes of an entry, table address. */
struct walk {
    unsigned levels, bits, size;
    uint64_t table;
};

static struct walk walk_of(const struct tsp_x86_state *x)
{
    if (x->efer & EFER_LMA)
        return (struct walk){4, 9, 8, x->cr3 & PTE_ADDR};
    if (x->cr4 & CR4_PAE)
        return (struct walk){3, 9, 8, x->cr3 & 0xffffffe0u};
    return (struct walk){2, 10, 4, x->cr3 & 0xfffff000u};
}

static bool large_page(const struct tsp_x86_state *x, const struct walk *w, unsigned level,
                       uint64_t pte)
{
    if (!(pte & PTE_PS) || level == 0 || level > 2)
        return false;
    return w->levels == 2 ? (x->cr4 & CR4_PSE) != 0 : level == 1 || w->levels == 4;
}

/* Rights gathered on the way down: W and U must be set everywhere, NX anywhere is enough. false:
 * not present. */
static bool walk_down(const struct tsp_setup *setup, const struct walk *w, uint64_t lin,
                      uint64_t *gpa, uint64_t *rights)
{
    uint64_t table = w->table;

    *rights = PTE_W | PTE_U;
    for (unsigned level = w->levels; level-- > 0;) {
        unsigned shift = 12 + level * w->bits;
        uint64_t index = (lin >> shift) & bits_mask(w->levels == 3 && level == 2 ? 2 : w->bits);
        uint64_t pte = initial_word(setup, table + index * w->size, w->size);

        if (!(pte & PTE_P))
            return false;
        /* The four PAE directory pointers carry no rights. */
        if (w->levels != 3 || level != 2)
            *rights = (*rights & pte & (PTE_W | PTE_U)) | ((*rights | pte) & PTE_NX);
        table = pte & PTE_ADDR;
        if (large_page(&setup->vcpu[0].x86, w, level, pte)) {
            *gpa = (table & ~bits_mask(shift)) | (lin & bits_mask(shift));
            return true;
        }
    }
    *gpa = table | (lin & 0xfff);
    return true;
}

static uint8_t text_of(const struct tsp_vcpu_state *v, uint64_t rights)
{
    bool user = v->regs.level == 3, upage = (rights & PTE_U) != 0;
    bool write = (rights & PTE_W) != 0 || (!user && !(v->x86.cr0 & CR0_WP));
    bool fetch = !((rights & PTE_NX) && (v->x86.efer & EFER_NXE));

    if (user && !upage)
        write = fetch = false;
    if (!user && upage && (v->x86.cr4 & CR4_SMAP) && !(v->regs.flags & FLAG_AC))
        write = false;
    if (!user && upage && (v->x86.cr4 & CR4_SMEP))
        fetch = false;
    return (uint8_t)(TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | (write ? TSP_TEXT_WRITE : 0) |
                     (fetch ? TSP_TEXT_FETCH : 0));
}

bool initial_translate(const struct tsp_setup *setup, uint64_t lin, uint64_t *gpa, uint8_t *text)
{
    const struct tsp_vcpu_state *v = &setup->vcpu[0];
    uint64_t rights = PTE_W | PTE_U;
    bool rom;

    *gpa = lin;
    *text = TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_WRITE | TSP_TEXT_FETCH;
    if (setup->arch == TSP_ARCH_X86 && (v->x86.cr0 & CR0_PG)) {
        struct walk w = walk_of(&v->x86);

        *text = TSP_TEXT_KNOWN;
        if (!walk_down(setup, &w, lin, gpa, &rights))
            return false;
        *text = text_of(v, rights);
    }
    initial_byte(setup, *gpa, &rom);
    if (rom)
        *text |= TSP_TEXT_ROM;
    return true;
}

uint64_t initial_linear(const struct tsp_setup *setup, uint64_t pc)
{
    const struct tsp_vcpu_state *v = &setup->vcpu[0];

    if (setup->arch != TSP_ARCH_X86 || v->regs.mode == TSP_MODE_LONG64)
        return pc;
    return (uint32_t)(pc + v->x86.seg[TSP_CS].base);
}
