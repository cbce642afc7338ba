/* SPDX-License-Identifier: MIT */
/*
 * lguest: INT 0x1f of a 32-bit kernel at CPL 1 is a call (torvalds/linux v2.6.38
 * drivers/lguest/hypercalls.c, x86/core.c). A wrong call has no error code: the guest is killed.
 * The releases that took KVM's instruction rewrite it to INT and NOP.
 *
 * What the host keeps for itself is not there: page tables, gates and segments are the vCPU's own,
 * so that calls which tell of them have their checks and no effect but for the page tables'
 * address. The ring of asynchronous calls is not looked at, no timer goes off, and there is no
 * Launcher.
 */
#include "emu/hv/hv.h"

#include "emu/state/mmu.h"
#include "trapspec/bits.h"

#define GUEST_LEVEL 1u
#define TRAP_ENTRY 0x1fu
#define X86_UD 6u
#define X86_GP 13u
#define GATE_ERROR (TRAP_ENTRY * 8u + 2u)

enum lhcall {
    FLUSH_ASYNC = 0,
    LGUEST_INIT,
    SHUTDOWN,
    NEW_PGTABLE = 4,
    FLUSH_TLB,
    LOAD_IDT_ENTRY,
    SET_STACK,
    TS,
    SET_CLOCKEVENT,
    HALT,
    SET_PTE = 14,
    SET_PGD,
    LOAD_TLS,
    NOTIFY,
    LOAD_GDT_ENTRY,
    SEND_INTERRUPTS
};
#define SHUTDOWN_RESTART 2u
#define GDT_ENTRIES 32u
#define IDT_ENTRIES 256u
#define STACK_PAGES 2u
#define TLS_BYTES 24u
#define SYSCALL_VECTOR 0x80u
#define SWITCHER 0xffc00000u /* the last 4 MiB are the host's */
#define RESERVED_TOP 0x400000u

/* struct lguest_data (include/linux/lguest.h) */
#define DATA_SIZE 1392u
#define DATA_TIME 12u
#define DATA_RESERVE 1368u
#define DATA_TSC_KHZ 1372u
#define DATA_KERNEL 1384u
#define DATA_SYSCALL 1388u

/* vm->hv_state, where neither KVM nor Hyper-V nor Xen keep anything: where the data are, plus 1 (0:
 * not told yet), and where the kernel is mapped. */
#define VM_DATA 8
#define VM_KERNEL 9

/* Of two personas the first runs the machine. */
static bool leads(const struct vm *vm)
{
    return vm->hv[0] == &hv_lguest_x86 || (vm->hv[0] == NULL && vm->hv[1] == &hv_lguest_x86);
}

static enum step kill(struct vm *vm, struct vcpu *vc)
{
    return step_stop(vm, vc, TSP_STOP_SHUTDOWN);
}

static bool guest_has(const struct vm *vm, uint64_t gpa, uint64_t n)
{
    return mem_has(&vm->mem, gpa, n);
}

/* All the guest's memory is writable for the host; where some is not, the copy fails. */
static bool put(struct vm *vm, uint64_t gpa, uint64_t value, unsigned n)
{
    uint8_t b[8];

    le_store(b, value, n);
    if (!guest_has(vm, gpa, n) || (mem_page_flags(&vm->mem, gpa) & MEM_ROM) ||
        (mem_page_flags(&vm->mem, gpa + n - 1) & MEM_ROM))
        return false;
    return vm_store_phys(vm, gpa, b, n);
}

static uint32_t get(const struct vm *vm, uint64_t gpa)
{
    uint8_t b[4];

    mem_get(&vm->mem, gpa, b, sizeof(b));
    return (uint32_t)le_load(b, 4);
}

/* The first call: the guest's data, which say where its kernel is mapped and which vector it has
 * for system calls. No clock is told: a TSC that is not constant, a time of 0. */
static bool register_data(struct vm *vm, uint32_t at)
{
    uint32_t kernel;

    if (!guest_has(vm, at, DATA_SIZE) || !put(vm, at + DATA_TSC_KHZ, 0, 4) ||
        get(vm, at + DATA_SYSCALL) != SYSCALL_VECTOR || !put(vm, at + DATA_TIME, 0, 8))
        return false;
    kernel = get(vm, at + DATA_KERNEL);
    if (!put(vm, at + DATA_RESERVE, RESERVED_TOP, 4) || kernel >= SWITCHER)
        return false;
    vm->hv_state[VM_DATA] = (uint64_t)at + 1;
    vm->hv_state[VM_KERNEL] = kernel;
    return true;
}

static bool never_handled(uint32_t vector)
{
    return vector == 2 || vector == 8 || vector == 15 || vector == TRAP_ENTRY;
}

/* Interrupt and trap gates alone, where one is present. */
static bool gate_ok(uint32_t vector, uint32_t hi)
{
    unsigned type = (unsigned)bits_get(hi, 11, 8);

    if (never_handled(vector))
        return true;
    return vector < IDT_ENTRIES && (!bits_test(hi, 15) || type == 0xe || type == 0xf);
}

/* Calls that only have something to check. false: the guest is killed. */
static bool checked(const struct vm *vm, uint32_t nr, const uint32_t arg[3])
{
    switch (nr) {
    case FLUSH_ASYNC:
    case FLUSH_TLB:
    case TS:
    case SET_CLOCKEVENT:
    case SET_PTE:
    case SET_PGD:
    case SEND_INTERRUPTS:
        return true;
    case LOAD_IDT_ENTRY:
        return gate_ok(arg[0], arg[2]);
    case SET_STACK:
        return (arg[0] & 3) == GUEST_LEVEL && arg[2] <= STACK_PAGES;
    case LOAD_TLS:
        return guest_has(vm, (uint32_t)(arg[0] - vm->hv_state[VM_KERNEL]), TLS_BYTES);
    case LOAD_GDT_ENTRY:
        return arg[0] < GDT_ENTRIES;
    case NOTIFY:
        return !vm_behaves(vm, BEHAVIOUR_LGUEST_NO_NOTIFY);
    default: /* SET_PMD among them: only with PAE page tables */
        return false;
    }
}

static enum step perform(struct vm *vm, struct vcpu *vc, uint32_t nr, const uint32_t arg[3])
{
    if (vm->hv_state[VM_DATA] == 0) {
        if (nr != LGUEST_INIT || !register_data(vm, arg[0]))
            return kill(vm, vc);
        mmu_flush(vc);
        return STEP_EVENT;
    }
    switch (nr) {
    case SHUTDOWN:
        return step_stop(vm, vc, arg[1] == SHUTDOWN_RESTART ? TSP_STOP_RESET : TSP_STOP_SHUTDOWN);
    case HALT:
        return step_stop(vm, vc, TSP_STOP_HALT);
    case NEW_PGTABLE:
        vc->s.x86.cr3 = arg[0];
        mmu_flush(vc);
        return STEP_EVENT;
    default:
        break;
    }
    if (!checked(vm, nr, arg))
        return kill(vm, vc);
    if (nr == FLUSH_TLB || nr == SET_PTE || nr == SET_PGD)
        mmu_flush(vc);
    if (nr == NOTIFY && arg[0] != 0 && (vm->setup->config & TSP_CFG_EXIT_RESUME) == 0) {
        vm->ev->info[0] = nr;
        return step_stop(vm, vc, TSP_STOP_EXIT);
    }
    return STEP_EVENT;
}

static enum step gate(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    static const uint8_t from[] = {TSP_RBX, TSP_RCX, TSP_RDX};
    const struct tsp_regs *r = &vc->s.regs;
    uint32_t arg[3];
    enum step end;

    if (r->mode != TSP_MODE_PROT32 || (in->imm & 0xff) != TRAP_ENTRY || r->level == 0)
        return STEP_NEXT;
    if (r->level != GUEST_LEVEL)
        return step_fault_code(vc, X86_GP, GATE_ERROR);
    for (unsigned i = 0; i < 3; i++)
        arg[i] = (uint32_t)r->r[from[i]];
    end = perform(vm, vc, (uint32_t)r->r[TSP_RAX], arg);
    if (end == STEP_EVENT)
        vm->ev->kind = TSP_EV_HYPERCALL;
    if (end == STEP_EVENT || vm->ev->code == TSP_STOP_HALT)
        vcpu_advance(vc, in->len);
    return end;
}

/* Guest-physical address of a byte of text. Shipped code takes the guest's word for where its
 * kernel is mapped; nobody looks whether the guest could write there. */
static uint64_t text_at(struct vm *vm, struct vcpu *vc, uint64_t lin)
{
    uint64_t gpa = 0;

    if (vm_behaves(vm, BEHAVIOUR_LGUEST_PATCH_RAW))
        return (uint32_t)(lin - vm->hv_state[VM_KERNEL]);
    mmu_text_at(vm, vc, lin, &gpa);
    return gpa;
}

static bool is_rom(struct vm *vm, struct vcpu *vc, uint64_t lin)
{
    return (mem_page_flags(&vm->mem, text_at(vm, vc, lin)) & MEM_ROM) != 0;
}

static enum step rewrite(struct vm *vm, struct vcpu *vc)
{
    static const uint8_t text[] = {0xcd, TRAP_ENTRY, 0x90};
    uint64_t lin = vcpu_lin(vc), last = (uint32_t)(lin + sizeof(text) - 1);

    if (!guest_has(vm, text_at(vm, vc, lin), 1) || !guest_has(vm, text_at(vm, vc, last), 1))
        return kill(vm, vc);
    if (is_rom(vm, vc, lin) || is_rom(vm, vc, last)) /* lguest has no such memory */
        return step_fault(vc, X86_UD);
    for (unsigned i = 0; i < sizeof(text); i++)
        vm_store_phys(vm, text_at(vm, vc, (uint32_t)(lin + i)), &text[i], 1);
    mmu_flush(vc);
    vm->ev->kind = TSP_EV_PATCH;
    vm->ev->info[0] = lin;
    vm->ev->info[1] = sizeof(text);
    return STEP_EVENT;
}

/* VMCALL, native or not, and every other undefined opcode. */
static enum step undefined(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool call = in->status == INSN_OK && in->op == OP_VMCALL && in->len == 3;

    if (!call || vc->s.regs.mode != TSP_MODE_PROT32 || vc->s.regs.level != GUEST_LEVEL ||
        vm->setup->patch != TSP_PATCH_REWRITE || vm_behaves(vm, BEHAVIOUR_LGUEST_NO_REWRITE))
        return step_fault(vc, X86_UD);
    return rewrite(vm, vc);
}

static void save(const struct vm *vm, const struct vcpu *vc, struct tsp_hv_state *out)
{
    if (vc->id != 0 || !leads(vm))
        return;
    out->keep[HV_KEEP_DATA] = vm->hv_state[VM_DATA];
    out->keep[HV_KEEP_KERNEL] = vm->hv_state[VM_KERNEL];
}

static void load(struct vm *vm, struct vcpu *vc, const struct tsp_hv_state *in)
{
    if (vc->id != 0 || !leads(vm))
        return;
    vm->hv_state[VM_DATA] = in->keep[HV_KEEP_DATA] & 0x1ffffffffull;
    vm->hv_state[VM_KERNEL] = (uint32_t)in->keep[HV_KEEP_KERNEL];
}

const struct hv_ops hv_lguest_x86 = {
    .name = "lguest",
    .persona = TSP_PERSONA_LGUEST,
    .arch = TSP_ARCH_X86,
    .trap = undefined,
    .undefined = undefined,
    .gate = gate,
    .save = save,
    .load = load,
};
