/* SPDX-License-Identifier: MIT */
/*
 * VMware: the backdoor, by its port and by the hypercall instruction that leaf 0x40000010 offers
 * (open-vm-tools lib/include/backdoor_def.h; torvalds/linux arch/x86/include/asm/vmware.h).
 * Channels to user space are not there: their commands are refused like those that do not exist.
 */
#include "emu/hv/hv.h"

#include "emu/policy/lookup.h"
#include "trapspec/bits.h"

#define X86_UD 6u
#define MAGIC 0x564d5868u
#define PORT 0x5658u
#define BULK 1u /* of DX in a call: high bandwidth */
#define NOT_THERE 0xffffffffu
#define COMMAND 0xffffu
#define TIMING_LEAF 0x10u
#define OFFERS_VMMCALL 0
#define OFFERS_VMCALL 1

enum command {
    GET_MHZ = 1,
    GET_VERSION = 10,
    GET_HW_VERSION = 17,
    GET_UUID = 19,
    GET_MEMSIZE = 20,
    GET_HZ = 45,
    GET_VCPU_INFO = 68
};
#define VERSION 6u
#define PRODUCT_ESX 2u
#define HW_VERSION 21u
#define LEGACY_X2APIC_OK (1u << 3)

static const struct tsp_leaf *timing(const struct vm *vm)
{
    const struct tsp_policy *p = &vm->setup->policy[0];
    uint32_t base = vm->setup->npolicy ? policy_hv_base(p, "VMwareVMware") : 0;

    return base != 0 ? policy_first(p, base + TIMING_LEAF) : NULL;
}

static void set(struct vcpu *vc, uint32_t eax, uint32_t ebx, uint32_t ecx)
{
    vc->s.regs.r[TSP_RAX] = eax;
    vc->s.regs.r[TSP_RBX] = ebx;
    vc->s.regs.r[TSP_RCX] = ecx;
}

static void get_hz(const struct vm *vm, struct vcpu *vc)
{
    const struct tsp_leaf *l = timing(vm);
    uint64_t hz = l ? (uint64_t)l->reg[0] * 1000 : 0;

    if (hz == 0)
        set(vc, NOT_THERE, NOT_THERE, 0);
    else
        set(vc, (uint32_t)hz, (uint32_t)(hz >> 32), l->reg[1] * 1000);
}

static void perform(const struct vm *vm, struct vcpu *vc)
{
    const struct tsp_leaf *l = timing(vm);
    uint64_t *r = vc->s.regs.r;

    switch (r[TSP_RCX] & COMMAND) {
    case GET_MHZ:
        r[TSP_RAX] = l ? l->reg[0] / 1000 : NOT_THERE;
        break;
    case GET_VERSION:
        set(vc, VERSION, MAGIC, PRODUCT_ESX);
        break;
    case GET_HW_VERSION:
        r[TSP_RAX] = HW_VERSION;
        break;
    case GET_UUID:
        set(vc, 0x564d0000u, 0, 0);
        r[TSP_RDX] = 1;
        break;
    case GET_MEMSIZE:
        r[TSP_RAX] = (uint32_t)(vm->setup->ram_size >> 20);
        break;
    case GET_HZ:
        get_hz(vm, vc);
        break;
    case GET_VCPU_INFO:
        r[TSP_RAX] = LEGACY_X2APIC_OK;
        break;
    default:
        r[TSP_RAX] = NOT_THERE;
    }
}

/* At every privilege level, whatever IOPL and the I/O bitmap say. */
static bool port(struct vm *vm, struct vcpu *vc, unsigned number)
{
    if (number != PORT || (uint32_t)vc->s.regs.r[TSP_RAX] != MAGIC)
        return false;
    perform(vm, vc);
    return true;
}

static bool offered(const struct vm *vm)
{
    const struct tsp_leaf *l = timing(vm);

    return l != NULL && bits_test(l->reg[2], vm_host_is_amd(vm) ? OFFERS_VMMCALL : OFFERS_VMCALL);
}

static enum step trap(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    if (!offered(vm))
        return step_fault(vc, X86_UD);
    if ((uint32_t)vc->s.regs.r[TSP_RAX] == MAGIC) {
        if (vc->s.regs.r[TSP_RDX] & BULK)
            vc->s.regs.r[TSP_RAX] = NOT_THERE;
        else
            perform(vm, vc);
    }
    vcpu_advance(vc, in->len);
    vm->ev->kind = TSP_EV_HYPERCALL;
    return STEP_EVENT;
}

/* The guest chooses the instruction; nothing is rewritten. */
static enum step undefined(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    (void)vm;
    (void)in;
    return step_fault(vc, X86_UD);
}

static size_t leaves(uint32_t base, struct tsp_leaf *out, size_t max)
{
    return policy_block(TSP_PERSONA_VMWARE, base, out, max);
}

const struct hv_ops hv_vmware_x86 = {
    .name = "vmware",
    .persona = TSP_PERSONA_VMWARE,
    .arch = TSP_ARCH_X86,
    .trap = trap,
    .undefined = undefined,
    .port = port,
    .leaves = leaves,
};
