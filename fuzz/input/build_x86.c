/* SPDX-License-Identifier: MIT */
/* The x86 machine: eight modes on 256 KiB of RAM, described in docs/INPUT.md, section 3. */
#include "fuzz/input/build.h"
#include "fuzz/input/x86_tables.h"

#include "trapspec/bits.h"

#include <string.h>

#define PAGE 0x1000u
#define TOP_LINEAR 0xfffff000u

#define CR0_PE (1u << 0)
#define CR0_ET (1u << 4)
#define CR0_WP (1u << 16)
#define CR0_PG (1u << 31)
#define CR4_PAE (1u << 5)
#define CR4_UMIP (1u << 11)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define CR4_PKE (1u << 22)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)
#define FLAG_FIXED 2u
#define FLAG_IOPL3 0x3000u
#define FLAG_VM 0x20000u
#define PTE_P 1u
#define PTE_W 2u
#define PTE_U 4u
#define PTE_PWU (PTE_P | PTE_W | PTE_U)
#define PTE_NX ((uint64_t)1 << 63)
#define APIC_BASE 0xfee00000u
#define APIC_BASE_BSP (1u << 8)
#define APIC_BASE_ENABLE (1u << 11)
#define PLATFORM_FAULTING ((uint64_t)1 << 31)

/* Upper levels of the tables: one entry each, and one for the page below 4 GiB. Their A bits start
 * clear. */
static const uint8_t pml4e[8] = {PTE_PWU, X86_PDPT >> 8};
static const uint8_t pdpte[8] = {PTE_PWU, X86_PD >> 8};
static const uint8_t pde[8] = {PTE_PWU, X86_PT >> 8};
static const uint8_t pde32[4] = {PTE_PWU, X86_PT32 >> 8};

/* With a protocol an NMI may come at any time: its handler goes back. */
#define VECTOR_NMI 2u
static const uint8_t iret64[] = {0x48, 0xcf};

/* What each vCPU has of its own. The first runs at code_at. */
static const struct {
    uint32_t tss, stack, code, code16;
} x86_place[TSP_MAX_VCPU] = {
    {X86_TSS, X86_STACK, 0, 0},
    {X86_TSS1, X86_STACK1, X86_CODE1, X86_CODE1_16},
    {X86_TSS2, X86_STACK2, 0, 0},
    {X86_TSS3, X86_STACK3, X86_CODE1 + 0x1000, X86_CODE1_16 + 0x200},
};

static bool code_on_top(const struct scenario *s)
{
    return s->code_at >= TOP_LINEAR && s->code_at <= UINT32_MAX;
}

/* Linear pages of the code's first and second page; the second wraps at 4 GiB outside 64-bit mode.
 */
static void code_pages(const struct scenario *s, uint64_t lin[2])
{
    lin[0] = s->code_at & ~(uint64_t)(PAGE - 1);
    lin[1] = lin[0] + PAGE;
    if (s->mode != TSP_MODE_LONG64)
        lin[1] &= UINT32_MAX;
}

void input_pte_at(const struct scenario *s, uint64_t gpa[2], unsigned *entry_size)
{
    unsigned size = input_entry_size(s);
    uint64_t lin[2];

    *entry_size = size;
    gpa[0] = 0;
    gpa[1] = 0;
    if (size == 0)
        return;
    code_pages(s, lin);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t table = size == 8 ? X86_PT : X86_PT32;

        if (lin[i] < INPUT_X86_RAM)
            gpa[i] = table + lin[i] / PAGE * size;
        else if (lin[i] == TOP_LINEAR && code_on_top(s))
            gpa[i] = table + PAGE - size;
    }
}

uint64_t input_gpa(const struct scenario *s, uint64_t lin)
{
    if (s->arch != TSP_ARCH_X86 || input_entry_size(s) == 0)
        return lin;
    if (code_on_top(s) && lin >= TOP_LINEAR && lin <= UINT32_MAX)
        return INPUT_X86_TOP_PAGE + (lin - TOP_LINEAR);
    return lin;
}

static uint64_t entry(const struct scenario *s, uint64_t frame, uint8_t rights)
{
    uint64_t e = frame | (rights & INPUT_PTE_P ? PTE_P : 0) | (rights & INPUT_PTE_W ? PTE_W : 0) |
                 (rights & INPUT_PTE_U ? PTE_U : 0);

    /* Two-level entries have no bit 63: X means nothing there. */
    return rights & INPUT_PTE_NX && input_entry_size(s) == 8 ? e | PTE_NX : e;
}

static void build_page_tables(struct builder *b)
{
    const struct scenario *s = b->s;
    unsigned size = input_entry_size(s), used = INPUT_X86_RAM / PAGE * size;
    uint64_t other = s->cpu & INPUT_CPU_SUPER ? PTE_P | PTE_W : PTE_PWU;
    uint64_t table = size == 8 ? X86_PT : X86_PT32, at[2];

    for (unsigned i = 0; i < INPUT_X86_RAM / PAGE; i++)
        le_store(b->img->pt + (size_t)i * size, (uint64_t)i * PAGE | other, size);
    le_store(b->img->top_pte, entry(s, INPUT_X86_TOP_PAGE, s->pte[0]), size);
    input_pte_at(s, at, &size);
    for (unsigned i = 0; i < 2; i++)
        if (at[i] >= table && at[i] < table + used)
            le_store(b->img->pt + (at[i] - table),
                     entry(s, (at[i] - table) / size * PAGE, s->pte[i]), size);
    build_piece(b, table, b->img->pt, used, 0);
    if (size == 8) {
        build_piece(b, X86_PML4, pml4e, 8, 0);
        build_piece(b, X86_PDPT, pdpte, 8, 0);
        build_piece(b, X86_PD, pde, 8, 0);
    } else {
        build_piece(b, X86_PD32, pde32, 4, 0);
    }
    if (!code_on_top(s))
        return;
    build_piece(b, table + PAGE - size, b->img->top_pte, size, 0);
    if (size == 8) {
        build_piece(b, X86_PDPT + 3 * 8, pdpte, 8, 0);
        build_piece(b, X86_PD + PAGE - 8, pde, 8, 0);
    } else {
        build_piece(b, X86_PD32 + PAGE - 4, pde32, 4, 0);
    }
}

/* The kernel is at CPL 1, as lguest has it. */
static bool kernel_at_1(const struct scenario *s)
{
    return s->mode == TSP_MODE_PROT32 && s->persona[0] == TSP_PERSONA_LGUEST;
}

/* Its HLT is refused, so handlers end with OUT. */
static void build_kernel_1(struct builder *b)
{
    build_piece(b, X86_GDT + (X86_SEL_CODE32_1 & ~7u), x86_gdt_1, sizeof(x86_gdt_1), 0);
    build_piece(b, X86_IDT, x86_idt32_1, sizeof(x86_idt32_1), 0);
    build_piece(b, INPUT_X86_STUBS, x86_stubs_out, sizeof(x86_stubs_out), 0);
    for (unsigned i = 0; i < b->s->nvcpu && i < TSP_MAX_VCPU; i++)
        build_piece(b, x86_place[i].tss + X86_TSS_ESP1, x86_tss_1[i], sizeof(x86_tss_1[i]), 0);
}

static void build_tables(struct builder *b)
{
    const struct scenario *s = b->s;
    bool wide = input_is_long(s->mode);

    build_piece(b, X86_GDT, x86_gdt, sizeof(x86_gdt), 0);
    if (s->mode == TSP_MODE_REAL16)
        build_piece(b, X86_IDT, x86_ivt, sizeof(x86_ivt), 0);
    else if (wide)
        build_piece(b, X86_IDT, x86_idt64, sizeof(x86_idt64), 0);
    else
        build_piece(b, X86_IDT, x86_idt32, sizeof(x86_idt32), 0);
    build_piece(b, INPUT_X86_STUBS, s->config & TSP_CFG_IRQCHIP ? x86_stubs_out : x86_stubs,
                sizeof(x86_stubs), 0);
    for (unsigned i = 0; i < s->nvcpu && i < TSP_MAX_VCPU; i++)
        build_piece(b, x86_place[i].tss, wide ? x86_tss64[i] : x86_tss32[i], X86_TSS_SIZE, 0);
    if (kernel_at_1(s))
        build_kernel_1(b);
    if (s->protocol != TSP_PROTOCOL_NONE)
        build_piece(b, INPUT_X86_STUBS + VECTOR_NMI * 16, wide ? iret64 : iret64 + 1, wide ? 2 : 1,
                    0);
    if (input_entry_size(s) != 0)
        build_page_tables(b);
}

/* Code of one vCPU, and the part of it that a wrapping instruction pointer meets again at the other
 * end. */
static void build_text(struct builder *b, unsigned vcpu, uint64_t lin)
{
    const struct scenario *s = b->s;
    uint64_t base = vcpu == 0 ? s->cs_base : 0, wrap_at = (uint64_t)UINT32_MAX + 1, wrap_to = 0;
    uint32_t n = s->ncode[vcpu] < INPUT_CODE_MAX ? s->ncode[vcpu] : INPUT_CODE_MAX;
    uint32_t flags = vcpu == 0 && s->cpu & INPUT_CPU_ROM ? TSP_PAGE_ROM : 0;
    uint8_t *text = b->img->text[vcpu];

    memcpy(text, s->code[vcpu], n);
    build_piece(b, input_gpa(s, lin), text, n, flags);
    if (input_is_16bit(s->mode)) {
        wrap_at = base + 0x10000;
        wrap_to = base;
    }
    if (s->mode == TSP_MODE_LONG64 || lin >= wrap_at || lin + n <= wrap_at)
        return;
    build_piece(b, wrap_to, text + (wrap_at - lin), (size_t)(lin + n - wrap_at), 0);
}

/* A rewrite that forgets the CS base lands here: a pattern that is neither code nor zero shows it.
 */
static void build_nobase(struct builder *b)
{
    if (b->s->cs_base == 0 || b->s->code_at < b->s->cs_base)
        return;
    memset(b->img->nobase, 0xcc, sizeof(b->img->nobase));
    build_piece(b, b->s->code_at - b->s->cs_base, b->img->nobase, sizeof(b->img->nobase), 0);
}

/* attr as in struct tsp_segment: type, S, DPL, P, then AVL L D/B G in bits 15:12. */
static struct tsp_segment segment(unsigned sel, uint64_t base, uint32_t limit, unsigned attr)
{
    struct tsp_segment seg = {base, limit, (uint16_t)sel, (uint16_t)attr};

    return seg;
}

static struct tsp_segment code_segment(const struct scenario *s, uint64_t base)
{
    unsigned dpl = s->level == 3 ? 0x60 : 0;

    if (s->level == 1)
        return segment(X86_SEL_CODE32_1, base, UINT32_MAX, 0xc0bb);

    switch (s->mode) {
    case TSP_MODE_REAL16:
        return segment((unsigned)(base >> 4), base, 0xffff, 0x009b);
    case TSP_MODE_VM86:
        return segment((unsigned)(base >> 4), base, 0xffff, 0x00f3);
    case TSP_MODE_PROT16:
    case TSP_MODE_COMPAT16:
        return segment(dpl ? X86_SEL_CODE16_3 : X86_SEL_CODE16, base, 0xffff, 0x009b | dpl);
    case TSP_MODE_LONG64:
        return segment(dpl ? X86_SEL_CODE64_3 : X86_SEL_CODE64, 0, UINT32_MAX, 0xa09b | dpl);
    default:
        return segment(dpl ? X86_SEL_CODE32_3 : X86_SEL_CODE32, base, UINT32_MAX, 0xc09b | dpl);
    }
}

static struct tsp_segment data_segment(const struct scenario *s)
{
    if (s->mode == TSP_MODE_REAL16)
        return segment(0, 0, 0xffff, 0x0093);
    if (s->mode == TSP_MODE_VM86)
        return segment(0, 0, 0xffff, 0x00f3);
    if (s->level == 1)
        return segment(X86_SEL_DATA_1, 0, UINT32_MAX, 0xc0b3);
    if (s->level == 3)
        return segment(X86_SEL_DATA_3, 0, UINT32_MAX, 0xc0f3);
    return segment(X86_SEL_DATA, 0, UINT32_MAX, 0xc093);
}

static void build_segments(const struct scenario *s, struct tsp_x86_state *x, unsigned vcpu)
{
    static const uint8_t data[] = {TSP_ES, TSP_SS, TSP_DS, TSP_FS, TSP_GS};

    x->seg[TSP_CS] = code_segment(s, vcpu == 0 ? s->cs_base : 0);
    for (unsigned i = 0; i < sizeof(data); i++)
        x->seg[data[i]] = data_segment(s);
    x->seg[TSP_LDTR] = segment(0, 0, 0, 0); /* not present: no LDT */
    x->seg[TSP_TR] = segment(vcpu == 0 ? X86_SEL_TSS : X86_SEL_TSS1, x86_place[vcpu].tss,
                             X86_TSS_SIZE - 1, 0x008b);
    x->gdt.base = X86_GDT;
    x->gdt.limit = X86_GDT_LIMIT;
    x->idt.base = X86_IDT;
    x->idt.limit = sizeof(x86_idt32) - 1;
    if (s->mode == TSP_MODE_REAL16)
        x->idt.limit = sizeof(x86_ivt) - 1;
    else if (input_is_long(s->mode))
        x->idt.limit = sizeof(x86_idt64) - 1;
}

static uint64_t build_cr4(const struct scenario *s)
{
    static const struct {
        uint32_t cpu, cr4;
    } rows[] = {{INPUT_CPU_SMEP, CR4_SMEP},
                {INPUT_CPU_SMAP, CR4_SMAP},
                {INPUT_CPU_PKE, CR4_PKE},
                {INPUT_CPU_OSXSAVE, CR4_OSXSAVE},
                {INPUT_CPU_UMIP, CR4_UMIP}};
    uint64_t cr4 = input_is_long(s->mode) ? CR4_PAE : 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (s->cpu & rows[i].cpu)
            cr4 |= rows[i].cr4;
    return cr4;
}

static void build_control(const struct scenario *s, struct tsp_x86_state *x, unsigned vcpu)
{
    bool paged = input_entry_size(s) != 0;

    x->cr0 = CR0_ET | (s->mode == TSP_MODE_REAL16 ? 0 : CR0_PE) | (paged ? CR0_PG : 0) |
             (s->cpu & INPUT_CPU_WP ? CR0_WP : 0);
    x->cr4 = build_cr4(s);
    if (paged)
        x->cr3 = input_is_long(s->mode) ? X86_PML4 : X86_PD32;
    x->efer = input_is_long(s->mode) ? EFER_LME | EFER_LMA | EFER_NXE : 0;
    x->xcr0 = s->xcr0;
    x->apic_base = APIC_BASE | (vcpu == 0 ? APIC_BASE_BSP : 0) |
                   (s->cpu & INPUT_CPU_APIC_OFF ? 0 : APIC_BASE_ENABLE);
    x->apic_id = s->apic_id + vcpu;
    x->tsc_aux = vcpu;
    x->cpuid_faulting = s->cpu & INPUT_CPU_FAULTING ? 1 : 0;
    x->smm = s->cpu & INPUT_CPU_SMM ? 1 : 0;
    if (s->cpu & INPUT_CPU_FAULTING || s->config & TSP_CFG_GUEST_FAULTING)
        x->platform_info = PLATFORM_FAULTING;
    x->nmsr = s->nmsr < TSP_MAX_MSR ? s->nmsr : TSP_MAX_MSR;
    memcpy(x->msr, s->msr, sizeof(x->msr));
    memcpy(x->xmm, s->xmm, sizeof(x->xmm));
}

static void build_vcpu(struct builder *b, unsigned vcpu, uint64_t lin)
{
    const struct scenario *s = b->s;
    struct tsp_vcpu_state *v = &b->out->vcpu[vcpu];

    memcpy(v->regs.r, s->regs, 16 * sizeof(v->regs.r[0]));
    if (!(s->regs_set >> TSP_RSP & 1))
        v->regs.r[TSP_RSP] = x86_place[vcpu].stack;
    v->regs.pc = lin - (vcpu == 0 ? s->cs_base : 0);
    v->regs.flags = s->flags | FLAG_FIXED;
    if (s->level != 0)
        v->regs.flags |= FLAG_IOPL3;
    if (s->mode == TSP_MODE_VM86)
        v->regs.flags |= FLAG_VM;
    v->regs.mode = s->mode;
    v->regs.level = s->level;
    v->run_state = TSP_RUN_READY;
    build_segments(s, &v->x86, vcpu);
    build_control(s, &v->x86, vcpu);
}

/* Another vCPU than the first: with code of its own, or running the first one's. */
static void build_other(struct builder *b, unsigned vcpu)
{
    const struct scenario *s = b->s;
    uint64_t own = input_is_16bit(s->mode) ? x86_place[vcpu].code16 : x86_place[vcpu].code;

    if (own != 0 && s->ncode[1] > 0) {
        build_text(b, 1, own);
        build_vcpu(b, vcpu, own);
        return;
    }
    build_vcpu(b, vcpu, s->code_at);
    b->out->vcpu[vcpu].regs.pc = b->out->vcpu[0].regs.pc;
    b->out->vcpu[vcpu].x86.seg[TSP_CS] = b->out->vcpu[0].x86.seg[TSP_CS];
}

/* Memory for an option ROM, without paging: the tables end where the memory of others does. */
static bool has_rom(const struct scenario *s)
{
    return s->mode == TSP_MODE_PROT32 && !s->paging && s->persona[0] == TSP_PERSONA_VMI;
}

void build_x86(struct builder *b)
{
    const struct scenario *s = b->s;

    b->out->ram_base = 0;
    b->out->ram_size = has_rom(s) ? INPUT_X86_RAM_ROM : INPUT_X86_RAM;
    b->out->end_port = INPUT_END_PORT;
    b->out->console_port = INPUT_CONSOLE_PORT;
    build_nobase(b);
    build_tables(b);
    build_text(b, 0, s->code_at);
    build_vcpu(b, 0, s->code_at);
    for (unsigned i = 1; i < s->nvcpu && i < TSP_MAX_VCPU; i++)
        build_other(b, i);
}
