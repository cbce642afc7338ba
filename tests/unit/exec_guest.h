/* SPDX-License-Identifier: MIT */
/* A small machine for tests of plain x86 instructions: flat segments, 1 MiB of RAM, code at CODE,
 * data at DATA. */
#ifndef TSP_TESTS_EXEC_GUEST_H
#define TSP_TESTS_EXEC_GUEST_H

#include <string.h>

#include "emu/emu.h"
#include "tests/test_main.h"
#include "trapspec/bits.h"

#define CODE 0x8000u
#define DATA 0x10000u
#define STACK 0x7000u
#define HANDLER 0x6000u /* vectors enter at HANDLER + 16 * vector */
#define IDT 0x5000u
#define GDT 0x4000u
#define RFLAGS_1 2u

struct guest {
    struct vm *vm;
    struct tsp_setup setup;
    struct tsp_page page[5];
    uint8_t code[64], tables[0x3000], idt[0x1000], handler[0x200];
    struct tsp_event ev;
};

static inline struct tsp_segment guest_segment(uint16_t sel, uint16_t attr, uint32_t limit,
                                               uint64_t base)
{
    return (struct tsp_segment){base, limit, sel, attr};
}

static inline void guest_long(struct guest *g, struct tsp_x86_state *x)
{
    le_store(g->tables, 0x2000 | 7, 8);          /* PML4 at 0x1000 */
    le_store(g->tables + 0x1000, 0x3000 | 7, 8); /* PDPT */
    le_store(g->tables + 0x2000, 0x87, 8);       /* PD: one 2 MiB page */
    x->cr0 = 0x80010011;
    x->cr4 = 0x20;
    x->cr3 = 0x1000;
    x->efer = 0x500;
    x->seg[TSP_CS] = guest_segment(8, 0xa09b, 0xffffffff, 0);
}

/* Interrupt gates in the shape of the mode; real mode has vectors at 0. */
static inline void guest_gates(struct guest *g, uint8_t mode)
{
    for (unsigned v = 0; v < 32; v++) {
        uint32_t at = HANDLER + 16 * v;
        uint8_t *p = g->idt + (mode == TSP_MODE_LONG64 ? 16 * v : 8 * v);

        if (mode == TSP_MODE_REAL16) {
            le_store(g->idt + 4 * v, at, 4);
            continue;
        }
        le_store(p, at & 0xffff, 2);
        le_store(p + 2, 8, 2);
        le_store(p + 4, 0x8e00, 2);
        le_store(p + 6, at >> 16, 2);
    }
}

static inline void guest_state(struct guest *g, uint8_t mode)
{
    struct tsp_vcpu_state *v = &g->setup.vcpu[0];
    struct tsp_x86_state *x = &v->x86;
    uint16_t attr = mode == TSP_MODE_REAL16 ? 0x93 : 0xc093;
    uint32_t limit = mode == TSP_MODE_REAL16 ? 0xffff : 0xffffffff;

    memset(v, 0, sizeof(*v));
    for (unsigned s = 0; s < 6; s++)
        x->seg[s] = guest_segment(mode == TSP_MODE_REAL16 ? 0 : 16, attr, limit, 0);
    x->seg[TSP_TR] = guest_segment(0x28, 0x8b, 0x67, 0);
    x->gdt.base = GDT;
    x->gdt.limit = 0x2f;
    x->idt.base = IDT;
    x->idt.limit = 0xfff;
    x->cr0 = mode == TSP_MODE_REAL16 ? 0x10 : 0x11;
    if (mode == TSP_MODE_LONG64)
        guest_long(g, x);
    else
        x->seg[TSP_CS] = mode == TSP_MODE_REAL16 ? guest_segment(0, 0x9b, 0xffff, 0)
                                                 : guest_segment(8, 0xc09b, 0xffffffff, 0);
    if (mode == TSP_MODE_PROT16)
        x->seg[TSP_CS] = guest_segment(8, 0x9b, 0xffff, 0);
    v->regs.pc = CODE;
    v->regs.flags = RFLAGS_1;
    v->regs.r[TSP_RSP] = STACK;
    v->regs.mode = mode;
}

/* The code, then HLT. nvcpu is 1; change g->setup before guest_start for anything else. */
static inline void guest_prepare(struct guest *g, uint8_t mode, const uint8_t *code, size_t n)
{
    static const uint64_t gdt[6] = {0, 0, 0x00cf93000000ffff, 0, 0, 0};
    struct vm *vm = g->vm;

    memset(g, 0, sizeof(*g));
    g->vm = vm;
    memset(g->handler, 0xf4, sizeof(g->handler));
    memset(g->code, 0xf4, sizeof(g->code));
    memcpy(g->code, code, n);
    g->setup.nvcpu = 1;
    g->setup.ram_size = 0x100000;
    guest_state(g, mode);
    guest_gates(g, mode);
    for (unsigned i = 0; i < 6; i++)
        le_store(g->idt + 0xf00 + 8 * i, gdt[i], 8);
    le_store(g->idt + 0xf08, mode == TSP_MODE_LONG64 ? 0x00af9b000000ffff : 0x00cf9b000000ffff, 8);
    g->page[0] = (struct tsp_page){0x1000, sizeof(g->tables), 0, g->tables};
    g->page[1] = (struct tsp_page){IDT, sizeof(g->idt), 0, g->idt};
    g->page[2] = (struct tsp_page){GDT, 0x30, 0, g->idt + 0xf00};
    g->page[3] = (struct tsp_page){HANDLER, sizeof(g->handler), 0, g->handler};
    g->page[4] = (struct tsp_page){CODE, sizeof(g->code), 0, g->code};
    g->setup.page = g->page;
    g->setup.npage = 5;
    if (mode == TSP_MODE_REAL16)
        g->setup.vcpu[0].x86.idt.base = IDT;
}

static inline void guest_start(struct guest *g)
{
    struct tsp_error err;

    if (!g->vm)
        assert_int_equal(vm_open(&g->vm, "kvm", &err), TSP_OK);
    assert_int_equal(vm_reset(g->vm, &g->setup, &g->ev), TSP_OK);
}

static inline const struct tsp_event *guest_step(struct guest *g, uint32_t budget)
{
    assert_int_equal(vm_run(g->vm, 0, budget, &g->ev), TSP_OK);
    return &g->ev;
}

static inline bool guest_halted(const struct guest *g)
{
    return g->ev.kind == TSP_EV_STOP && g->ev.code == TSP_STOP_HALT;
}

static inline bool guest_faulted(const struct guest *g, unsigned vector)
{
    return g->ev.kind == TSP_EV_FAULT && g->ev.code == vector;
}

#endif
