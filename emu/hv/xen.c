/* SPDX-License-Identifier: MIT */
/*
 * Xen on x86, as HVM guests find it: dispatch of hypercalls and the CPUID rules of its own (Xen
 * public/arch-x86/xen-x86_64.h, xen-x86_32.h; xen/arch/x86/hvm/hypercall.c hvm_hypercall).
 */
#include "emu/hv/xen.h"

#include <string.h>

#include "emu/policy/lookup.h"
#include "emu/state/mmu.h"

#define X86_UD 6u
#define HV_INTERFACE_LEAF 0x40000001u
#define HV_INTERFACE 0x31237648u /* "Hv#1" */
#define HV_CALL_SPIN 8u
#define HV_STATUS_INVALID_CODE 2u
#define HVM_LEAF 4u
#define HVM_VCPU_ID_PRESENT 3

static void reset(struct vm *vm)
{
    const struct tsp_policy *p = &vm->setup->policy[0];
    const struct tsp_leaf *e;

    /* A personality that comes first keeps the machine's values. */
    if (vm->hv[0] != &hv_xen_x86 && vm->hv[0] != NULL)
        return;
    vm->hv_state[XEN_VM_PORTS] = 1;
    if (vm->setup->npolicy == 0)
        return;
    vm->hv_state[XEN_VM_BASE] = policy_hv_base(p, "XenVMMXenVMM");
    e = policy_first(p, HV_INTERFACE_LEAF);
    vm->hv_state[XEN_VM_VIRIDIAN] = e != NULL && e->reg[0] == HV_INTERFACE;
}

/* The leaf of HVM guests holds the number of the vCPU that asks. */
static bool cpuid(struct vm *vm, struct vcpu *vc, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    uint64_t base = vm->hv_state[XEN_VM_BASE];

    if (base == 0 || leaf != base + HVM_LEAF || subleaf != 0 ||
        !bits_test(out[0], HVM_VCPU_ID_PRESENT))
        return false;
    out[1] = vc->id;
    return true;
}

static bool move(struct vm *vm, struct vcpu *vc, uint64_t lin, unsigned len, unsigned access,
                 uint64_t gpa[2])
{
    uint64_t last = mmu_add(vc, lin, len - 1, access);
    unsigned n = MEM_PAGE - (unsigned)(lin % MEM_PAGE);
    bool ok = mmu_translate(vm, vc, lin, access, &gpa[0]);

    gpa[1] = 0;
    if (ok && n < len)
        ok = mmu_translate(vm, vc, last & ~(uint64_t)(MEM_PAGE - 1), access, &gpa[1]);
    vc->fault = (struct fault){0};
    return ok && mem_has(&vm->mem, gpa[0], 1) && (n >= len || mem_has(&vm->mem, gpa[1], 1));
}

bool xen_read(struct vm *vm, struct vcpu *vc, uint64_t lin, void *buf, unsigned len)
{
    unsigned n = MEM_PAGE - (unsigned)(lin % MEM_PAGE);
    uint64_t gpa[2];

    if (!move(vm, vc, lin, len, MMU_READ, gpa))
        return false;
    n = n < len ? n : len;
    mem_get(&vm->mem, gpa[0], buf, n);
    if (n < len)
        mem_get(&vm->mem, gpa[1], (uint8_t *)buf + n, len - n);
    return true;
}

/* What goes to read-only memory is dropped (xen/arch/x86/hvm/hvm.c __hvm_copy). */
static void put(struct vm *vm, uint64_t gpa, const uint8_t *p, unsigned n)
{
    if ((mem_page_flags(&vm->mem, gpa) & MEM_ROM) == 0)
        vm_store_phys(vm, gpa, p, n);
}

bool xen_write(struct vm *vm, struct vcpu *vc, uint64_t lin, const void *buf, unsigned len)
{
    unsigned n = MEM_PAGE - (unsigned)(lin % MEM_PAGE);
    uint64_t gpa[2];

    if (!move(vm, vc, lin, len, MMU_WRITE, gpa))
        return false;
    n = n < len ? n : len;
    put(vm, gpa[0], buf, n);
    if (n < len)
        put(vm, gpa[1], (const uint8_t *)buf + n, len - n);
    return true;
}

/* Numbers that HVM guests have (xen/include/hypercall-defs.c). Those for tool stacks and drivers
 * are not modelled; Xen can be built without most of them. */
static const struct hv_call_row xen_calls[] = {
    {.nr = 12, .name = "memory_op", .nargs = 2, .run = xen_memory},
    {.nr = 13, .name = "multicall", .nargs = 2, .run = xen_multicall},
    {.nr = 15, .name = "set_timer_op", .nargs = 2, .run = xen_timer},
    {.nr = 17, .name = "xen_version", .nargs = 2, .run = xen_version_call},
    {.nr = 18, .name = "console_io", .nargs = 3, .run = xen_console},
    {.nr = 21, .name = "vm_assist", .nargs = 2, .run = xen_assist},
    {.nr = 24, .name = "vcpu_op", .nargs = 3, .run = xen_vcpu},
    {.nr = 29, .name = "sched_op", .nargs = 2, .run = xen_sched},
    {.nr = 32, .name = "event_channel_op", .nargs = 2, .run = xen_event},
    {.nr = 34, .name = "hvm_op", .nargs = 2, .run = xen_hvm_op},
    {.name = NULL},
};

static void load_call(const struct vcpu *vc, struct hv_call *call)
{
    static const uint8_t wide[] = {TSP_RDI, TSP_RSI, TSP_RDX, TSP_R10, TSP_R8};
    static const uint8_t narrow[] = {TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI, TSP_RDI};
    const uint64_t *r = vc->s.regs.r;

    memset(call, 0, sizeof(*call));
    call->wide = vc->s.regs.mode == TSP_MODE_LONG64;
    call->nr = call->wide ? r[TSP_RAX] : (uint32_t)r[TSP_RAX];
    for (unsigned i = 0; i < sizeof(wide); i++)
        call->arg[i] = call->wide ? r[wide[i]] : (uint32_t)r[narrow[i]];
}

/* Real mode may call; virtual-8086 code may not, nor may privilege levels above 0. */
static bool may_call(const struct vm *vm, const struct vcpu *vc)
{
    uint32_t mode = vc->s.regs.mode;

    if (vm_behaves(vm, BEHAVIOUR_MUT_ANY_CPL) || mode == TSP_MODE_REAL16)
        return true;
    return mode != TSP_MODE_VM86 && vc->s.regs.level == 0;
}

/* Hyper-V's calls where no personality of its own answers them: the hint to yield, and nothing
 * else. */
static enum step viridian(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint64_t control = call->wide ? vc->s.regs.r[TSP_RCX] : call->nr;

    (void)vm;
    if (!call->wide)
        vc->s.regs.r[TSP_RDX] = 0;
    return xen_answer(call, (uint16_t)control == HV_CALL_SPIN ? 0 : HV_STATUS_INVALID_CODE);
}

enum step xen_call(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    for (const struct hv_call_row *row = xen_calls; row->name != NULL; row++)
        if (row->nr == call->nr)
            return row->run(vm, vc, call);
    return vm_behaves(vm, BEHAVIOUR_MUT_ENOSYS_ZERO) ? xen_answer(call, 0)
                                                     : xen_error(call, XEN_ENOSYS);
}

static enum step dispatch(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    if (!may_call(vm, vc))
        return xen_error(call, XEN_EPERM);
    if (bits_test(call->nr, 31) && vm->hv_state[XEN_VM_VIRIDIAN] != 0)
        return viridian(vm, vc, call);
    return xen_call(vm, vc, call);
}

static enum step trap(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct hv_call call;
    enum step end;

    load_call(vc, &call);
    end = dispatch(vm, vc, &call);
    if (end == STEP_STOP && call.nret == 0)
        return end;
    if (!call.wide && !vm_behaves(vm, BEHAVIOUR_MUT_WIDE_RESULT))
        call.ret[0] = (uint32_t)call.ret[0];
    vc->s.regs.r[TSP_RAX] = call.ret[0];
    if (vm_behaves(vm, BEHAVIOUR_MUT_CLOBBER))
        vc->s.regs.r[TSP_R11] = call.nr;
    vcpu_advance(vc, in->len);
    if (end != STEP_NEXT)
        return end;
    vm->ev->kind = TSP_EV_HYPERCALL;
    return STEP_EVENT;
}

/*
 * Text is never rewritten. The other vendor's instruction is performed only for a guest that was
 * made for that vendor (patch emulate), on the bytes that trapped.
 */
static enum step undefined(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool svm = vm_host_is_amd(vm);
    bool foreign = in->status == INSN_OK && in->op == (svm ? OP_VMCALL : OP_VMMCALL);

    if (foreign && (in->prefix & INSN_LOCK) == 0 && vm->setup->patch == TSP_PATCH_EMULATE)
        return trap(vm, vc, in);
    return step_fault(vc, X86_UD);
}

static void save(const struct vm *vm, const struct vcpu *vc, struct tsp_hv_state *out)
{
    if (vc->id != 0 || vm->hv[0] != &hv_xen_x86)
        return;
    out->keep[HV_KEEP_CALLBACK] = vm->hv_state[XEN_VM_CALLBACK];
    out->keep[HV_KEEP_PORTS] = vm->hv_state[XEN_VM_PORTS];
}

static void load(struct vm *vm, struct vcpu *vc, const struct tsp_hv_state *in)
{
    if (vc->id != 0 || vm->hv[0] != &hv_xen_x86)
        return;
    vm->hv_state[XEN_VM_CALLBACK] = in->keep[HV_KEEP_CALLBACK];
    vm->hv_state[XEN_VM_PORTS] = in->keep[HV_KEEP_PORTS] | 1;
}

static size_t leaves(uint32_t base, struct tsp_leaf *out, size_t max)
{
    return policy_block(TSP_PERSONA_XEN, base, out, max);
}

const struct hv_ops hv_xen_x86 = {
    .name = "xen",
    .persona = TSP_PERSONA_XEN,
    .arch = TSP_ARCH_X86,
    .policy_rules = POLICY_ZERO_ABOVE,
    .reset = reset,
    .cpuid = cpuid,
    .trap = trap,
    .undefined = undefined,
    .rdmsr = xen_rdmsr,
    .wrmsr = xen_wrmsr,
    .calls = xen_calls,
    .save = save,
    .load = load,
    .leaves = leaves,
};
