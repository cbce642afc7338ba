/* SPDX-License-Identifier: MIT */
/*
 * A small guest in each mode, run through the facade: 256 KiB of RAM at 0, GDT 0x1000, IDT 0x2000
 * (IVT in real mode), handlers 0x3000 + 16 * vector that halt, page tables from 0x4000, TSS 0xA000
 * with the ring-0 stack at 0xC000, stack 0xE000, code 0x10000.
 */
#ifndef TSP_TESTS_UNIT_EMU_GUEST_H
#define TSP_TESTS_UNIT_EMU_GUEST_H

#include "tests/test_main.h"

#include "emu/emu.h"
#include "trapspec/bits.h"

#define GUEST_RAM 0x40000u
#define GUEST_CODE 0x10000u
#define GUEST_STACK 0xe000u
#define GUEST_STACK0 0xc000u

enum {
    SEL_CODE32 = 0x08,
    SEL_DATA = 0x10,
    SEL_CODE64 = 0x18,
    SEL_CODE16 = 0x20,
    SEL_UCODE32 = 0x33,
    SEL_UDATA = 0x3b,
    SEL_UCODE64 = 0x43,
    SEL_UCODE16 = 0x4b,
    SEL_TSS = 0x50,
    SEL_SPARE = 0x60,
    SEL_GATE = 0x70
};

struct guest {
    uint8_t ram[GUEST_RAM];
    struct tsp_setup setup;
    struct tsp_page page;
    struct tsp_leaf leaf[4];
    struct vm *vm;
    struct tsp_event ev, fault; /* the last event, the last TSP_EV_FAULT */
};

static struct guest guest;

static inline void put(uint64_t at, uint64_t value, unsigned size)
{
    le_store(guest.ram + at, value, size);
}

static inline uint64_t peek(uint64_t at, unsigned size)
{
    uint8_t b[8];

    assert_int_equal(vm_peek(guest.vm, at, b, size), TSP_OK);
    return le_load(b, size);
}

static inline void descriptor(unsigned sel, uint64_t base, uint64_t limit, uint64_t attr)
{
    uint64_t v = (limit & 0xffff) | (base & 0xffffff) << 16 | (attr & 0xff) << 40 |
                 bits_get(limit, 19, 16) << 48 | bits_get(attr, 15, 12) << 52 |
                 bits_get(base, 31, 24) << 56;

    put(0x1000 + (sel & ~7u), v, 8);
}

static inline void gate(unsigned vector, unsigned sel, uint64_t offset, unsigned attr, bool wide)
{
    uint64_t at = 0x2000 + vector * (wide ? 16u : 8u);

    put(at, offset, 2);
    put(at + 2, sel, 2);
    put(at + 4, 0, 1);
    put(at + 5, attr, 1);
    put(at + 6, offset >> 16, 2);
    if (wide)
        put(at + 8, offset >> 32, 8);
}

static inline void segment(unsigned seg, unsigned sel)
{
    uint64_t v = le_load(guest.ram + 0x1000 + (sel & ~7u), 8);
    struct tsp_segment *s = &guest.setup.vcpu[0].x86.seg[seg];
    uint32_t limit = (uint32_t)(bits_get(v, 15, 0) | bits_get(v, 51, 48) << 16);

    s->sel = (uint16_t)sel;
    s->base = bits_get(v, 39, 16) | bits_get(v, 63, 56) << 24;
    s->attr = (uint16_t)(bits_get(v, 47, 40) | bits_get(v, 55, 52) << 12);
    s->limit = bits_test(v, 55) ? limit << 12 | 0xfff : limit;
}

static inline void guest_tables(bool wide)
{
    descriptor(SEL_CODE32, 0, 0xfffff, 0xc09b);
    descriptor(SEL_DATA, 0, 0xfffff, 0xc093);
    descriptor(SEL_CODE64, 0, 0xfffff, 0xa09b);
    descriptor(SEL_CODE16, 0, 0xffff, 0x9b);
    descriptor(SEL_UCODE32, 0, 0xfffff, 0xc0fb);
    descriptor(SEL_UDATA, 0, 0xfffff, 0xc0f3);
    descriptor(SEL_UCODE64, 0, 0xfffff, 0xa0fb);
    descriptor(SEL_UCODE16, 0, 0xffff, 0xfb);
    descriptor(SEL_TSS, 0xa000, 0x2fff, 0x8b);
    put(0xa004, GUEST_STACK0, wide ? 8 : 4);
    if (!wide)
        put(0xa008, SEL_DATA, 2);
    put(0xa066, 0x68, 2);
    for (unsigned v = 0; v < 32; v++) {
        gate(v, wide ? SEL_CODE64 : SEL_CODE32, 0x3000 + 16 * v, 0x8e, wide);
        put(0x3000 + 16 * v, 0xf4, 1);
    }
}

static inline void guest_paging(bool wide)
{
    uint64_t i;

    for (i = 0x4000; wide && i < 0x7000; i += 0x1000)
        put(i, (i + 0x1000) | 7, 8);
    for (i = 0; i < GUEST_RAM / 0x1000; i++)
        put(0x7000 + 8 * i, i << 12 | 7, 8);
    put(0x8000, 0x9007, 4);
    for (i = 0; i < GUEST_RAM / 0x1000; i++)
        put(0x9000 + 4 * i, i << 12 | 7, 4);
}

static inline void guest_real(struct tsp_vcpu_state *v)
{
    for (unsigned i = 0; i <= TSP_GS; i++)
        v->x86.seg[i] = (struct tsp_segment){.limit = 0xffff, .attr = i == TSP_CS ? 0x9b : 0x93};
    v->x86.seg[TSP_CS].sel = GUEST_CODE >> 4;
    v->x86.seg[TSP_CS].base = GUEST_CODE;
    v->x86.cr0 = 0x10;
    v->x86.idt = (struct tsp_table){0x2000, 0x3ff};
    v->regs.pc = 0;
    for (unsigned i = 0; i < 256; i++)
        put(0x2000 + 4 * i, 0x3000 + 16 * (i & 31), 4);
}

static inline void guest_protected(struct tsp_vcpu_state *v, enum tsp_mode mode, unsigned cpl)
{
    static const uint8_t code[] = {[TSP_MODE_PROT16] = SEL_CODE16,
                                   [TSP_MODE_PROT32] = SEL_CODE32,
                                   [TSP_MODE_COMPAT16] = SEL_CODE16,
                                   [TSP_MODE_COMPAT32] = SEL_CODE32,
                                   [TSP_MODE_LONG64] = SEL_CODE64};
    bool wide = mode >= TSP_MODE_COMPAT16;

    if (mode == TSP_MODE_PROT16 || mode == TSP_MODE_COMPAT16) {
        descriptor(SEL_CODE16, GUEST_CODE, 0xffff, 0x9b);
        descriptor(SEL_UCODE16, GUEST_CODE, 0xffff, 0xfb);
        v->regs.pc = 0;
    }
    segment(TSP_CS, cpl ? code[mode] + 0x2bu : code[mode]);
    segment(TSP_SS, cpl ? SEL_UDATA : SEL_DATA);
    segment(TSP_DS, cpl ? SEL_UDATA : SEL_DATA);
    segment(TSP_ES, cpl ? SEL_UDATA : SEL_DATA);
    segment(TSP_TR, SEL_TSS);
    v->x86.gdt = (struct tsp_table){0x1000, 0x7f};
    v->x86.idt = (struct tsp_table){0x2000, wide ? 0x1ff : 0xff};
    v->x86.cr0 = wide ? 0x80010011u : 0x10011u;
    v->x86.cr3 = 0x4000;
    v->x86.cr4 = wide ? 0x20 : 0;
    v->x86.efer = wide ? 0xd00 : 0;
}

static inline void guest_vm86(struct tsp_vcpu_state *v)
{
    guest_protected(v, TSP_MODE_PROT32, 3);
    for (unsigned i = 0; i <= TSP_GS; i++)
        v->x86.seg[i] = (struct tsp_segment){
            .limit = 0xffff, .attr = 0xf3, .sel = (uint16_t)(i << 8), .base = i << 12};
    v->x86.seg[TSP_SS] = (struct tsp_segment){.limit = 0xffff, .attr = 0xf3};
    v->x86.seg[TSP_CS] = (struct tsp_segment){
        .limit = 0xffff, .attr = 0xf3, .sel = GUEST_CODE >> 4, .base = GUEST_CODE};
    v->regs.flags |= 0x23000;
    v->regs.pc = 0;
}

/* A guest of that mode with its code; what a test changes before guest_start it changes in
 * guest.ram and guest.setup. */
static inline struct tsp_vcpu_state *guest_make(enum tsp_mode mode, unsigned cpl, const char *code,
                                                size_t n)
{
    struct tsp_vcpu_state *v = &guest.setup.vcpu[0];
    bool wide = mode >= TSP_MODE_COMPAT16;

    memset(&guest, 0, sizeof(guest));
    guest.page = (struct tsp_page){.len = GUEST_RAM, .data = guest.ram};
    guest.setup.nvcpu = 1;
    guest.setup.ram_size = GUEST_RAM;
    guest.setup.npage = 1;
    guest.setup.page = &guest.page;
    v->regs.pc = GUEST_CODE;
    v->regs.flags = 2;
    v->regs.r[TSP_RSP] = GUEST_STACK;
    v->x86.apic_base = 0xfee00900;
    v->x86.xcr0 = 1;
    guest_tables(wide);
    guest_paging(wide);
    if (mode == TSP_MODE_REAL16)
        guest_real(v);
    else if (mode == TSP_MODE_VM86)
        guest_vm86(v);
    else
        guest_protected(v, mode, cpl);
    memcpy(guest.ram + GUEST_CODE, code, n);
    return v;
}

static inline void guest_policy(uint32_t leaf, uint32_t eax, uint32_t ebx, uint32_t ecx,
                                uint32_t edx)
{
    struct tsp_setup *s = &guest.setup;

    guest.leaf[s->policy[0].n++] = (struct tsp_leaf){.leaf = leaf, .reg = {eax, ebx, ecx, edx}};
    s->policy[0].leaf = guest.leaf;
    s->npolicy = 1;
}

static inline void guest_start(void)
{
    if (!guest.vm)
        assert_int_equal(vm_open(&guest.vm, "kvm", NULL), TSP_OK);
    assert_int_equal(vm_reset(guest.vm, &guest.setup, &guest.ev), TSP_OK);
    assert_int_equal(guest.ev.kind, TSP_EV_POLICY);
}

/* Runs on to the next event. */
static inline void guest_next(void)
{
    assert_int_equal(vm_run(guest.vm, 0, 1000, &guest.ev), TSP_OK);
    if (guest.ev.kind == TSP_EV_FAULT)
        guest.fault = guest.ev;
}

/* Starts and runs until the vCPU stops; returns why. */
static inline uint32_t guest_run(void)
{
    guest_start();
    for (unsigned i = 0; i < 1000; i++) {
        guest_next();
        if (guest.ev.kind == TSP_EV_STOP)
            return guest.ev.code;
    }
    fail_msg("the guest does not stop");
    return 0;
}

static inline void guest_end(void)
{
    vm_close(guest.vm);
    guest.vm = NULL;
}

#endif
