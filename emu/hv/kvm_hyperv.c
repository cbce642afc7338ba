/* SPDX-License-Identifier: MIT */
/*
 * Hyper-V calls as KVM answers them once the policy has a Hyper-V block and the guest has set its
 * OS id (TLFS, Hypercall interface; torvalds/linux arch/x86/kvm/hyperv.c kvm_hv_hypercall).
 *
 *   63  60 59       48 47 44 43       32 31  27 26       17 16   15          0
 *   | rsvd | rep start | rsvd | rep count | rsvd | var header | fast | call code |
 */
#include "emu/hv/kvm.h"

#include "trapspec/bits.h"

#define X86_UD 6
#define CR0_PE 0

enum hv_status {
    HV_SUCCESS = 0,
    HV_INVALID_CODE = 2,
    HV_INVALID_INPUT = 3,
    HV_INVALID_ALIGNMENT = 4,
    HV_INVALID_PARAMETER = 5,
    HV_OPERATION_DENIED = 8,
    HV_INVALID_PORT_ID = 17
};

enum hv_code {
    HV_FLUSH_SPACE = 0x2,
    HV_FLUSH_LIST = 0x3,
    HV_LONG_SPIN_WAIT = 0x8,
    HV_SEND_IPI = 0xb,
    HV_FLUSH_SPACE_EX = 0x13,
    HV_FLUSH_LIST_EX = 0x14,
    HV_SEND_IPI_EX = 0x15,
    HV_POST_MESSAGE = 0x5c,
    HV_SIGNAL_EVENT = 0x5d,
    HV_POST_DEBUG_DATA = 0x69,
    HV_RETRIEVE_DEBUG_DATA = 0x6a,
    HV_RESET_DEBUG_SESSION = 0x6b,
    HV_EXT_FIRST = 0x8001,
    HV_EXT_LAST = 0x8041
};

#define RESERVED ((uint64_t)0xf000f000f8000000)
#define SYNDBG_CAP_LEAF 0x40000082u
#define SYNDBG_ALLOWED 1    /* EAX bit of that leaf */
#define SYNDBG_USE_HCALLS 2 /* bit of the options MSR */
#define SET_SPARSE 0u
#define SET_ALL 1u
#define MAX_BANKS 64u
#define FAST_BYTES 112u /* two registers and XMM0 to XMM5 */
#define FLUSH_READ 15u  /* addresses of a list that are looked at; a longer one flushes all */
#define IPI_VECTOR_LOW 0x10u
#define IPI_VECTOR_HIGH 0xffu
#define CONNECTION_ID ((uint64_t)0xffffff)
#define EVENT_FLAG_NUMBER ((uint64_t)0xffff00000000)

struct hv_input {
    uint64_t control, ingpa, outgpa;
    const struct vcpu *vc; /* register input goes on in its XMM registers */
    uint16_t code;
    bool fast;
    uint32_t var_count, rep_count, rep_start;
};

struct hv_row {
    uint16_t code;
    bool var, rep; /* takes a variable header, is a rep call */
    uint64_t (*run)(struct vm *vm, struct vcpu *vc, struct hv_input *h);
};

bool kvm_hyperv_active(const struct vm *vm)
{
    return vm->hv_state[KVM_VM_HYPERV] != 0 && vm->hv_state[KVM_VM_HV_OS_ID] != 0;
}

/* TLFS: a parameter block is 8-byte aligned and lies within one page. */
static uint64_t read_block(const struct vm *vm, uint64_t gpa, uint8_t *buf, size_t len)
{
    bool fits = gpa % 8 == 0 && gpa % MEM_PAGE + len <= MEM_PAGE;

    if (!fits && !vm_behaves(vm, BEHAVIOUR_HV_UNALIGNED))
        return HV_INVALID_ALIGNMENT;
    if (!mem_has(&vm->mem, gpa, len))
        return HV_INVALID_INPUT;
    mem_get(&vm->mem, gpa, buf, len);
    return HV_SUCCESS;
}

static uint64_t long_spin_wait(struct vm *vm, struct vcpu *vc, struct hv_input *h)
{
    (void)vm;
    (void)vc;
    (void)h;
    return HV_SUCCESS;
}

static unsigned count_bits(uint64_t v)
{
    unsigned n = 0;

    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

/* A parameter block that begins in two registers and goes on in XMM0 to XMM5. */
static void read_fast(const struct hv_input *h, uint8_t *block, size_t len)
{
    le_store(block, h->ingpa, 8);
    le_store(block + 8, h->outgpa, 8);
    for (size_t at = 16; at < len && at < FAST_BYTES; at += 8)
        le_store(block + at, h->vc->s.x86.xmm[(at - 16) / 16][at / 8 % 2], 8);
}

static uint64_t read_params(const struct vm *vm, const struct hv_input *h, uint8_t *block,
                            size_t len)
{
    if (!h->fast)
        return read_block(vm, h->ingpa, block, len);
    read_fast(h, block, len);
    return HV_SUCCESS;
}

/*
 * Checks a sparse set of processors, whose banks start `at` bytes into the parameters, and gives
 * the first bank. *none: it names nobody.
 */
static uint64_t check_set(const struct vm *vm, const struct hv_input *h, uint64_t banks,
                          unsigned at, uint64_t *first, bool *none)
{
    uint8_t buf[FAST_BYTES + 8 * MAX_BANKS] = {0};

    *none = false;
    *first = 0;
    if (h->var_count != count_bits(banks))
        return HV_INVALID_INPUT;
    *none = h->var_count == 0;
    if (*none)
        return HV_SUCCESS;
    if (h->fast) {
        if (at + 8 * h->var_count > FAST_BYTES)
            return HV_INVALID_INPUT;
        read_fast(h, buf, FAST_BYTES);
    } else {
        if (h->var_count > MAX_BANKS ||
            !mem_has(&vm->mem, h->ingpa + at, (uint64_t)h->var_count * 8))
            return HV_INVALID_INPUT;
        mem_get(&vm->mem, h->ingpa + at, buf + at, (size_t)h->var_count * 8);
    }
    *first = bits_test(banks, 0) ? le_load(buf + at, 8) : 0;
    return HV_SUCCESS;
}

/* The model keeps no translation a guest could see, so a flush is its checks and its status: its
 * list, which begins `at` bytes into the parameters, is there. */
static uint64_t flushed(const struct vm *vm, const struct hv_input *h, uint64_t at)
{
    uint64_t len = (uint64_t)h->rep_count * 8;

    if (vm_behaves(vm, BEHAVIOUR_HV_FLUSH_READS) && len != 0 && h->rep_count <= FLUSH_READ &&
        (h->fast ? at + len > FAST_BYTES : !mem_has(&vm->mem, h->ingpa + at, len)))
        return HV_INVALID_INPUT;
    return (uint64_t)h->rep_count << 32;
}

static uint64_t flush(struct vm *vm, struct vcpu *vc, struct hv_input *h)
{
    uint8_t block[24];
    uint64_t status = h->fast ? HV_SUCCESS : read_block(vm, h->ingpa, block, sizeof(block));

    (void)vc;
    return status != HV_SUCCESS ? status : flushed(vm, h, sizeof(block));
}

/* address space u64, flags u64, set { format u64, bank mask u64, banks u64[] } */
static uint64_t flush_ex(struct vm *vm, struct vcpu *vc, struct hv_input *h)
{
    uint8_t block[32] = {0};
    uint64_t status, first;
    bool none = false, all;

    (void)vc;
    status = read_params(vm, h, block, sizeof(block));
    if (status != HV_SUCCESS)
        return status;
    all = le_load(block + 16, 8) != SET_SPARSE;
    if (all)
        status = h->var_count == count_bits(le_load(block + 24, 8)) ? HV_SUCCESS : HV_INVALID_INPUT;
    else
        status = check_set(vm, h, le_load(block + 24, 8), sizeof(block), &first, &none);
    if (status != HV_SUCCESS)
        return status;
    return none ? (uint64_t)h->rep_count << 32
                : flushed(vm, h, sizeof(block) + (uint64_t)h->var_count * 8);
}

static uint64_t post_ipi(struct vm *vm, uint64_t set, uint64_t vector)
{
    if (vector < IPI_VECTOR_LOW || vector > IPI_VECTOR_HIGH)
        return HV_INVALID_INPUT;
    hv_interrupt_set(vm, set, (uint8_t)vector);
    return HV_SUCCESS;
}

/* vector u32, reserved u32, processor mask u64; fast: the first two in one register, the mask in
 * the other. */
static uint64_t send_ipi(struct vm *vm, struct vcpu *vc, struct hv_input *h)
{
    uint8_t block[16];
    uint64_t status;

    (void)vc;
    if ((vm->setup->config & TSP_CFG_IRQCHIP) == 0)
        return HV_INVALID_INPUT;
    if (h->fast)
        return h->ingpa >> 32 != 0 ? HV_INVALID_INPUT : post_ipi(vm, h->outgpa, h->ingpa);
    status = read_block(vm, h->ingpa, block, sizeof(block));
    return status != HV_SUCCESS ? status : post_ipi(vm, le_load(block + 8, 8), le_load(block, 4));
}

/* vector u32, reserved u32, set { format u64, bank mask u64, banks u64[] } */
static uint64_t send_ipi_ex(struct vm *vm, struct vcpu *vc, struct hv_input *h)
{
    uint8_t block[24] = {0};
    uint64_t status, banks, set = ~(uint64_t)0;
    bool none = false;

    (void)vc;
    if ((vm->setup->config & TSP_CFG_IRQCHIP) == 0)
        return HV_INVALID_INPUT;
    status = read_params(vm, h, block, sizeof(block));
    if (status != HV_SUCCESS)
        return status;
    banks = le_load(block + 16, 8);
    if (le_load(block + 8, 8) == SET_ALL)
        status = h->var_count == count_bits(banks) ? HV_SUCCESS : HV_INVALID_INPUT;
    else
        status = check_set(vm, h, banks, sizeof(block), &set, &none);
    if (status != HV_SUCCESS || none)
        return status;
    return post_ipi(vm, set, le_load(block, 4));
}

/* The synthetic interrupt controller is never switched on in the model, so user space has nobody to
 * tell. */
static uint64_t post_message(struct vm *vm, struct vcpu *vc, struct hv_input *h)
{
    (void)vm;
    (void)vc;
    (void)h;
    return HV_INVALID_INPUT;
}

/* connection id u32, flag number u16, reserved u16 */
static uint64_t signal_event(struct vm *vm, struct vcpu *vc, struct hv_input *h)
{
    uint64_t value = h->ingpa;
    uint8_t block[8];

    if (!h->fast) {
        if (h->ingpa % 8 != 0 || !mem_has(&vm->mem, h->ingpa, sizeof(block)))
            return HV_INVALID_ALIGNMENT;
        mem_get(&vm->mem, h->ingpa, block, sizeof(block));
        value = le_load(block, sizeof(block));
    }
    if ((value & EVENT_FLAG_NUMBER) == 0 && (value & ~CONNECTION_ID) != 0)
        return HV_INVALID_INPUT;
    return post_message(vm, vc, h); /* no such port here; user space may know it */
}

static bool syndbg_allowed(const struct vm *vm)
{
    const struct tsp_policy *p = &vm->setup->policy[0];

    for (size_t i = 0; i < p->n; i++)
        if (p->leaf[i].leaf == SYNDBG_CAP_LEAF)
            return bits_test(p->leaf[i].reg[0], SYNDBG_ALLOWED);
    return false;
}

static uint64_t debug_call(struct vm *vm, struct vcpu *vc, struct hv_input *h)
{
    (void)vc;
    if (h->fast && h->code != HV_RESET_DEBUG_SESSION)
        return HV_INVALID_PARAMETER;
    if (!syndbg_allowed(vm))
        return HV_INVALID_CODE;
    return HV_OPERATION_DENIED;
}

/* Extended calls are user space's, but for those whose input would be registers. */
static bool extended(const struct vm *vm, const struct hv_input *h)
{
    return h->code >= HV_EXT_FIRST && h->code <= HV_EXT_LAST &&
           vm_behaves(vm, BEHAVIOUR_HV_EXT_EXIT);
}

/* Debugger calls that the options MSR lets through belong to user space. */
static bool debug_exits(const struct vm *vm, const struct hv_input *h)
{
    return h->code >= HV_POST_DEBUG_DATA && h->code <= HV_RESET_DEBUG_SESSION &&
           (!h->fast || h->code == HV_RESET_DEBUG_SESSION) && syndbg_allowed(vm) &&
           bits_test(vm->hv_state[KVM_VM_HV_SYNDBG], SYNDBG_USE_HCALLS);
}

static const struct hv_row hv_rows[] = {
    {HV_FLUSH_SPACE, false, false, flush},
    {HV_FLUSH_LIST, false, true, flush},
    {HV_LONG_SPIN_WAIT, false, false, long_spin_wait},
    {HV_SEND_IPI, false, false, send_ipi},
    {HV_FLUSH_SPACE_EX, true, false, flush_ex},
    {HV_FLUSH_LIST_EX, true, true, flush_ex},
    {HV_SEND_IPI_EX, true, false, send_ipi_ex},
    {HV_POST_MESSAGE, false, false, post_message},
    {HV_SIGNAL_EVENT, false, false, signal_event},
    {HV_POST_DEBUG_DATA, true, true, debug_call},
    {HV_RETRIEVE_DEBUG_DATA, true, true, debug_call},
    {HV_RESET_DEBUG_SESSION, true, true, debug_call},
};

/* Rep calls need a count and start at zero; simple ones have neither. The debugger calls check
 * nothing. */
static bool shape_ok(const struct hv_row *row, const struct hv_input *h)
{
    if (row->run == debug_call)
        return true;
    if (!row->var && h->var_count != 0)
        return false;
    if (row->rep)
        return h->rep_count != 0 && h->rep_start == 0;
    return h->rep_count == 0 && h->rep_start == 0;
}

static uint64_t run_call(struct vm *vm, struct vcpu *vc, struct hv_input *h)
{
    if ((h->control & RESERVED) != 0)
        return HV_INVALID_INPUT;
    if (extended(vm, h))
        return HV_INVALID_PARAMETER; /* fast: the others do not get here */
    for (size_t i = 0; i < sizeof(hv_rows) / sizeof(hv_rows[0]); i++) {
        if (hv_rows[i].code != h->code)
            continue;
        return shape_ok(&hv_rows[i], h) ? hv_rows[i].run(vm, vc, h) : HV_INVALID_INPUT;
    }
    return HV_INVALID_CODE;
}

/* RCX, RDX, R8 in 64-bit code; EDX:EAX, EBX:ECX, EDI:ESI elsewhere. */
static void load_input(const struct vcpu *vc, struct hv_input *h)
{
    const uint64_t *r = vc->s.regs.r;

    if (vc->s.regs.mode == TSP_MODE_LONG64) {
        h->control = r[TSP_RCX];
        h->ingpa = r[TSP_RDX];
        h->outgpa = r[TSP_R8];
    } else {
        h->control = r[TSP_RDX] << 32 | (uint32_t)r[TSP_RAX];
        h->ingpa = r[TSP_RBX] << 32 | (uint32_t)r[TSP_RCX];
        h->outgpa = r[TSP_RDI] << 32 | (uint32_t)r[TSP_RSI];
    }
    h->code = (uint16_t)h->control;
    h->fast = bits_test(h->control, 16);
    h->var_count = (uint32_t)bits_get(h->control, 26, 17);
    h->rep_count = (uint32_t)bits_get(h->control, 43, 32);
    h->rep_start = (uint32_t)bits_get(h->control, 59, 48);
}

static void store_status(struct vcpu *vc, uint64_t status)
{
    if (vc->s.regs.mode == TSP_MODE_LONG64) {
        vc->s.regs.r[TSP_RAX] = status;
        return;
    }
    vc->s.regs.r[TSP_RAX] = (uint32_t)status;
    vc->s.regs.r[TSP_RDX] = status >> 32;
}

/* TLFS, Legal hypercall environments: only the most privileged level, and not in real mode. */
enum step kvm_hyperv_call(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct hv_input h;

    if (vc->s.regs.level != 0 || !bits_test(vc->s.x86.cr0, CR0_PE))
        return step_fault(vc, X86_UD);
    load_input(vc, &h);
    h.vc = vc;
    if ((h.control & RESERVED) == 0 && (debug_exits(vm, &h) || (extended(vm, &h) && !h.fast))) {
        vm->ev->info[0] = h.control;
        return step_stop(vm, vc, TSP_STOP_EXIT);
    }
    store_status(vc, run_call(vm, vc, &h));
    vcpu_advance(vc, in->len);
    vm->ev->kind = TSP_EV_HYPERCALL;
    return STEP_EVENT;
}
