/* SPDX-License-Identifier: MIT */
/*
 * A machine taken apart: RAM at 0, one vCPU or two, no run loop. Tables are written with rig_put
 * and instructions are handed to a handler one by one.
 */
#ifndef TSP_TESTS_UNIT_EMU_RIG_H
#define TSP_TESTS_UNIT_EMU_RIG_H

#include "tests/test_main.h"

#include "emu/state/code.h"
#include "emu/state/event.h"
#include "emu/state/mmu.h"

#define RIG_RAM 0x40000u

/* Page-table bits. */
#define P 1u
#define W 2u
#define U 4u
#define A 0x20u
#define D 0x40u
#define PS 0x80u
#define NX ((uint64_t)1 << 63)

static struct vm rig_vm;
static struct tsp_setup rig_setup;
static struct tsp_event rig_event;

static inline struct vcpu *rig_open(void)
{
    memset(&rig_vm, 0, sizeof(rig_vm));
    memset(&rig_setup, 0, sizeof(rig_setup));
    memset(&rig_event, 0, sizeof(rig_event));
    rig_setup.ram_size = RIG_RAM;
    rig_setup.nvcpu = 2;
    rig_vm.setup = &rig_setup;
    rig_vm.ev = &rig_event;
    rig_vm.nvcpu = 2;
    rig_vm.vcpu[1].id = 1;
    rig_vm.maxphyaddr = 40;
    assert_true(mem_open(&rig_vm.mem));
    mem_reset(&rig_vm.mem, 0, RIG_RAM);
    rig_vm.code = code_open();
    rig_vm.dec = decoder_open();
    assert_non_null(rig_vm.code);
    assert_non_null(rig_vm.dec);
    return &rig_vm.vcpu[0];
}

static inline void rig_close(void)
{
    mem_close(&rig_vm.mem);
    code_close(rig_vm.code);
    decoder_close(rig_vm.dec);
}

static inline void rig_put(uint64_t gpa, uint64_t value, unsigned size)
{
    uint8_t b[8];

    le_store(b, value, size);
    assert_true(vm_store_phys(&rig_vm, gpa, b, size));
}

static inline uint64_t rig_get(uint64_t gpa, unsigned size)
{
    uint8_t b[8];

    mem_get(&rig_vm.mem, gpa, b, size);
    return le_load(b, size);
}

/* Four levels at 0x4000..0x7000: linear 0 to 256 KiB identical, all rights; CR4.PAE, EFER.LMA and
 * NXE, CR0.WP. */
static inline void rig_long_mode(struct vcpu *vc)
{
    for (uint64_t t = 0x4000; t < 0x7000; t += 0x1000)
        rig_put(t, (t + 0x1000) | P | W | U, 8);
    for (uint64_t i = 0; i < RIG_RAM / 0x1000; i++)
        rig_put(0x7000 + 8 * i, i << 12 | P | W | U, 8);
    vc->s.x86.cr0 = 0x80010001u;
    vc->s.x86.cr3 = 0x4000;
    vc->s.x86.cr4 = 0x20;
    vc->s.x86.efer = 0xd00;
    vc->s.regs.mode = TSP_MODE_LONG64;
    vc->s.regs.flags = 2;
    mmu_flush(vc);
}

static inline uint64_t rig_pte(uint64_t lin)
{
    return 0x7000 + 8 * (lin >> 12);
}

#endif
