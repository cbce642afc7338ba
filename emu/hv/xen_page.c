/* SPDX-License-Identifier: MIT */
/*
 * Xen's hypercall page and the MSR that asks for it (xen/arch/x86/msr.c guest_wrmsr_xen;
 * hvm/vmx/vmx.c, hvm/svm/svm.c init_hypercall_page). A slot of 32 bytes for each number:
 *
 *   b8 NN NN NN NN   mov $NN, %eax
 *   0f 01 c1 | d9    the host's own hypercall instruction
 *   c3               ret
 *   cc ...
 */
#include "emu/hv/xen.h"
#include "emu/state/mmu.h"

#include <string.h>

#define MSR_FIRST 0x40000000u
#define MSR_LAST 0x400002fe
#define MSR_VIRIDIAN 0x200u /* Hyper-V's own come first */
#define SLOT 32u
#define SLOT_IRET 23u

static bool leads(const struct vm *vm)
{
    return vm->hv[0] == &hv_xen_x86 || (vm->hv[0] == NULL && vm->hv[1] == &hv_xen_x86);
}

static uint32_t first_msr(const struct vm *vm)
{
    return MSR_FIRST + (vm->hv_state[XEN_VM_VIRIDIAN] != 0 ? MSR_VIRIDIAN : 0);
}

static bool mine(const struct vm *vm, uint32_t msr)
{
    return leads(vm) && msr >= first_msr(vm) && msr <= MSR_LAST;
}

static void fill_page(uint8_t page[MEM_PAGE], bool svm)
{
    memset(page, 0xcc, MEM_PAGE);
    for (uint32_t nr = 0; nr < MEM_PAGE / SLOT; nr++) {
        uint8_t *p = page + (size_t)nr * SLOT;

        if (nr == SLOT_IRET) { /* there is none for HVM guests: UD2 */
            p[0] = 0x0f;
            p[1] = 0x0b;
            continue;
        }
        p[0] = 0xb8;
        le_store(p + 1, nr, 4);
        p[5] = 0x0f;
        p[6] = 0x01;
        p[7] = svm ? 0xd9 : 0xc1;
        p[8] = 0xc3;
    }
}

bool xen_rdmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t *value, bool *ok)
{
    (void)vc;
    if (!mine(vm, msr))
        return false;
    *value = 0;
    *ok = msr == first_msr(vm);
    return true;
}

/* There is one page, and it goes to memory that the guest could write itself. */
bool xen_wrmsr(struct vm *vm, struct vcpu *vc, uint32_t msr, uint64_t value, bool *ok)
{
    uint64_t gpa = value & ~(uint64_t)(MEM_PAGE - 1);
    uint8_t page[MEM_PAGE];

    (void)vc;
    if (!mine(vm, msr))
        return false;
    *ok = msr == first_msr(vm) && value % MEM_PAGE == 0 && mem_has(&vm->mem, gpa, MEM_PAGE) &&
          (mem_page_flags(&vm->mem, gpa) & MEM_ROM) == 0;
    if (*ok) {
        fill_page(page, vm_host_is_amd(vm));
        vm_store_phys(vm, gpa, page, sizeof(page));
    }
    return true;
}
