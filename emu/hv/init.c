/* SPDX-License-Identifier: MIT */
/* INIT and start-up of an x86 vCPU (Intel SDM Vol. 3A, Processor state after INIT; MP
 * initialisation). */
#include <string.h>

#include "emu/hv/hv.h"
#include "emu/state/mmu.h"
#include "trapspec/bits.h"

#define CR0_ET 0x10u
#define CR0_NW_CD 0x60000000u
#define RFLAGS_IF 9
#define VECTOR_LOWEST 16u
#define APIC_BASE_ENABLE 11
#define SIGNATURE_DEFAULT 0x600u /* DX after reset where CPUID says nothing */

#define ATTR_CODE 0x9bu
#define ATTR_DATA 0x93u
#define ATTR_LDT 0x82u
#define ATTR_TSS 0x8bu

/* The first entry of leaf 1 counts, whatever its sub-leaf (torvalds/linux arch/x86/kvm/x86.c
 * kvm_vcpu_reset). */
static uint32_t signature(const struct vm *vm)
{
    const struct tsp_policy *p = &vm->setup->policy[0];

    for (size_t i = 0; vm->setup->npolicy != 0 && i < p->n; i++)
        if (p->leaf[i].leaf == 1)
            return p->leaf[i].reg[0];
    return SIGNATURE_DEFAULT;
}

/* INIT leaves MSRs, XCR0 and the cache bits of CR0 alone; everything a program can name starts
 * anew. */
void hv_init_vcpu(struct vm *vm, struct vcpu *vc)
{
    struct tsp_x86_state *x = &vc->s.x86;

    memset(&vc->s.regs, 0, sizeof(vc->s.regs));
    vc->s.regs.r[TSP_RDX] = signature(vm);
    vc->s.regs.flags = 2;
    vc->s.regs.pc = 0xfff0;
    vc->s.regs.mode = TSP_MODE_REAL16;
    for (unsigned i = 0; i < TSP_SEG_COUNT; i++)
        x->seg[i] = (struct tsp_segment){.limit = 0xffff, .attr = ATTR_DATA};
    x->seg[TSP_CS] = (struct tsp_segment){0xffff0000, 0xffff, 0xf000, ATTR_CODE};
    x->seg[TSP_LDTR].attr = ATTR_LDT;
    x->seg[TSP_TR].attr = ATTR_TSS;
    x->gdt = x->idt = (struct tsp_table){0, 0xffff};
    x->cr0 = CR0_ET | (x->cr0 & CR0_NW_CD);
    x->cr2 = x->cr3 = x->cr4 = x->efer = 0;
    x->shadow = 0;
    x->smm = 0;
    vc->lazy = (struct lazy_flags){0};
    mmu_flush(vc);
}

/* One that finds IF clear stays in the APIC's request register and is not seen. So does a vector of
 * class 0, which is above no processor priority (Intel SDM Vol. 3A 10.8.3.1; torvalds/linux
 * arch/x86/kvm/lapic.c apic_has_interrupt_for_ppr). */
void hv_interrupt(struct vcpu *vc, uint8_t vector)
{
    if (!bits_test(vc->s.regs.flags, RFLAGS_IF) || vector < VECTOR_LOWEST)
        return;
    vc->hv_state[1] = vector;
    hv_pend(vc, HV_PENDING_INTR);
    if (vc->s.run_state == TSP_RUN_HALTED)
        vc->s.run_state = TSP_RUN_READY;
}

void hv_interrupt_set(struct vm *vm, uint64_t set, uint8_t vector)
{
    const uint32_t on = TSP_CFG_IRQCHIP | TSP_CFG_APIC_ON;

    for (unsigned i = 0; i < vm->nvcpu; i++)
        if (bits_test(set, i) && (vm->setup->config & on) == on &&
            bits_test(vm->vcpu[i].s.x86.apic_base, APIC_BASE_ENABLE))
            hv_interrupt(&vm->vcpu[i], vector);
}

void hv_start_vcpu(struct vcpu *vc, uint8_t page)
{
    vc->s.x86.seg[TSP_CS] =
        (struct tsp_segment){(uint64_t)page << 12, 0xffff, (uint16_t)(page << 8), ATTR_CODE};
    vc->s.regs.pc = 0;
    vc->s.run_state = TSP_RUN_READY;
}
