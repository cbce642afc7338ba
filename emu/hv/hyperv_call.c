/* SPDX-License-Identifier: MIT */
/*
 * Calls of the Hyper-V personality (TLFS, Hypercall interface and the page of each call).
 *
 *   63  60 59       48 47 44 43       32 31  27 26       17 16   15          0
 *   | rsvd | rep start | rsvd | rep count | rsvd | var header | fast | call code |
 *
 * Which of several errors is told is the hypervisor's choice; here the control word comes first,
 * then privilege, then the places of parameters, then what they say.
 */
#include "emu/hv/hyperv.h"

#include "emu/state/mmu.h"
#include "trapspec/bits.h"

#define X86_UD 6
#define CR0_PE 0

enum status {
    OK = 0,
    INVALID_CODE = 2,
    INVALID_INPUT = 3,
    INVALID_ALIGNMENT = 4,
    INVALID_PARAMETER = 5,
    ACCESS_DENIED = 6,
    INVALID_VP_INDEX = 0xe,
    INVALID_CONNECTION_ID = 0x12
};

#define RESERVED ((uint64_t)0xf000f000f8000000)
#define REGISTER_BYTES 16u /* of input without XMM registers */
#define XMM_BYTES 112u     /* with them */
#define NO_RIGHT 0xffu
#define SET_SPARSE 0u
#define SET_ALL 1u
#define VECTOR_LOW 0x10u
#define VECTOR_HIGH 0xffu
#define MESSAGE_MAX 240u
#define SELF_PARTITION (~(uint64_t)0)
#define SELF_VP 0xfffffffeu

struct input {
    uint64_t control, in, out;
    uint16_t code;
    bool fast;
    uint32_t var, count, start;
    uint32_t done;       /* result: elements completed */
    uint8_t block[4096]; /* header, variable part and elements */
    unsigned header;     /* bytes before the elements */
};

struct call_row {
    uint16_t code;
    bool var, rep;                  /* takes a variable header, is a rep call */
    uint8_t header, element, right; /* bytes; RIGHT_* or NO_RIGHT */
    uint8_t output;                 /* bytes of results, of each element of a rep call */
    enum status (*run)(struct vm *vm, struct vcpu *vc, struct input *h);
};

static unsigned count_bits(uint64_t v)
{
    unsigned n = 0;

    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

static enum status long_spin_wait(struct vm *vm, struct vcpu *vc, struct input *h)
{
    (void)vm;
    (void)vc;
    (void)h;
    return OK;
}

/* The model keeps no translation that a guest could see: a flush is its checks. */
static enum status flush(struct vm *vm, struct vcpu *vc, struct input *h)
{
    (void)vm;
    (void)vc;
    h->done = h->count;
    return OK;
}

/* A sparse set: format u64, mask of banks u64, one u64 a bank in the variable header. */
static bool set_ok(const struct input *h, unsigned at)
{
    uint64_t format = le_load(h->block + at, 8), banks = le_load(h->block + at + 8, 8);

    if (format == SET_ALL)
        return true; /* everybody: banks do not count */
    return format == SET_SPARSE && h->var == count_bits(banks);
}

/* address space u64, flags u64, set */
static enum status flush_ex(struct vm *vm, struct vcpu *vc, struct input *h)
{
    if (!set_ok(h, 16))
        return INVALID_PARAMETER;
    return flush(vm, vc, h);
}

/* Virtual processors of the set: those that there are stand in the first bank. */
static uint64_t set_members(const struct input *h, unsigned at)
{
    if (le_load(h->block + at, 8) == SET_ALL)
        return ~(uint64_t)0;
    return bits_test(le_load(h->block + at + 8, 8), 0) ? le_load(h->block + at + 16, 8) : 0;
}

static enum status post_ipi(struct vm *vm, uint64_t set, uint64_t vector)
{
    if ((vm->setup->config & TSP_CFG_IRQCHIP) == 0)
        return INVALID_PARAMETER; /* nobody to take it */
    if (vector < VECTOR_LOW || vector > VECTOR_HIGH)
        return INVALID_PARAMETER;
    hv_interrupt_set(vm, set, (uint8_t)vector);
    return OK;
}

/* vector u32, target level u8, padding u8[3], processor mask u64 */
static enum status send_ipi(struct vm *vm, struct vcpu *vc, struct input *h)
{
    (void)vc;
    return post_ipi(vm, le_load(h->block + 8, 8), le_load(h->block, 4));
}

/* vector u32, target level u8, padding u8[3], set */
static enum status send_ipi_ex(struct vm *vm, struct vcpu *vc, struct input *h)
{
    (void)vc;
    if (!set_ok(h, 8))
        return INVALID_PARAMETER;
    return post_ipi(vm, set_members(h, 8), le_load(h->block, 4));
}

/* connection u32, reserved u32, type u32, payload bytes u32, payload. There are no ports. */
static enum status post_message(struct vm *vm, struct vcpu *vc, struct input *h)
{
    uint64_t type = le_load(h->block + 8, 4);

    (void)vm;
    (void)vc;
    if (type == 0 || type >> 31 != 0 || le_load(h->block + 12, 4) > MESSAGE_MAX)
        return INVALID_PARAMETER;
    return INVALID_CONNECTION_ID;
}

static enum status signal_event(struct vm *vm, struct vcpu *vc, struct input *h)
{
    (void)vm;
    (void)vc;
    (void)h;
    return INVALID_CONNECTION_ID;
}

/* Which extended calls there are: none. */
static enum status query_capabilities(struct vm *vm, struct vcpu *vc, struct input *h)
{
    static const uint8_t none[8];

    (void)vc;
    vm_store_phys(vm, h->out, none, sizeof(none));
    return OK;
}

/* Names of registers (TLFS, HV_REGISTER_NAME). */
static bool read_register(const struct vm *vm, const struct vcpu *vc, uint32_t name,
                          uint64_t *value)
{
    /* RAX RCX RDX RBX RSP RBP RSI RDI R8 to R15, in the order in which they are encoded */
    if (name >= 0x20000 && name <= 0x2000f) {
        *value = vc->s.regs.r[name - 0x20000];
        return true;
    }
    switch (name) {
    case 0x20010:
        *value = vc->s.regs.pc;
        return true;
    case 0x20011:
        *value = vc->s.regs.flags;
        return true;
    case 0x40000:
        *value = vc->s.x86.cr0;
        return true;
    case 0x40001:
        *value = vc->s.x86.cr2;
        return true;
    case 0x40002:
        *value = vc->s.x86.cr3;
        return true;
    case 0x40003:
        *value = vc->s.x86.cr4;
        return true;
    case 0x80001:
        *value = vc->s.x86.efer;
        return true;
    case 0x90002:
        *value = vm->hv_state[HYPERV_OS_ID];
        return true;
    case 0x90003:
        *value = vc->id;
        return true;
    default:
        return false;
    }
}

/* partition u64, processor u32, target level u8, padding u8[3]; names u32[]; results u128[] */
static enum status get_registers(struct vm *vm, struct vcpu *vc, struct input *h)
{
    uint64_t index = le_load(h->block + 8, 4);

    if (le_load(h->block, 8) != SELF_PARTITION)
        return ACCESS_DENIED;
    if (index != SELF_VP && index >= vm->nvcpu)
        return INVALID_VP_INDEX;
    if (index != SELF_VP)
        vc = &vm->vcpu[index];
    for (h->done = h->start; h->done < h->count; h->done++) {
        uint8_t out[16] = {0};
        uint64_t value;

        if (!read_register(vm, vc, (uint32_t)le_load(h->block + h->header + h->done * 4ull, 4),
                           &value))
            return INVALID_PARAMETER;
        le_store(out, value, 8);
        vm_store_phys(vm, h->out + h->done * 16ull, out, sizeof(out));
    }
    return OK;
}

static const struct call_row rows[] = {
    {0x02, false, false, 24, 0, NO_RIGHT, 0, flush},
    {0x03, false, true, 24, 8, NO_RIGHT, 0, flush},
    {0x08, false, false, 8, 0, NO_RIGHT, 0, long_spin_wait},
    {0x0b, false, false, 16, 0, NO_RIGHT, 0, send_ipi},
    {0x13, true, false, 32, 0, NO_RIGHT, 0, flush_ex},
    {0x14, true, true, 32, 8, NO_RIGHT, 0, flush_ex},
    {0x15, true, false, 24, 0, NO_RIGHT, 0, send_ipi_ex},
    {0x50, false, true, 16, 4, RIGHT_VP_REGISTERS, 16, get_registers},
    {0x5c, false, false, 255, 0, RIGHT_POST_MESSAGES, 0, post_message},
    {0x5d, false, false, 8, 0, RIGHT_SIGNAL_EVENTS, 0, signal_event},
    {0x8001, false, false, 0, 0, RIGHT_EXTENDED_CALLS, 8, query_capabilities},
};

/* Rep calls have a count above their start; simple ones have neither. */
static bool shape_ok(const struct call_row *row, const struct input *h)
{
    if ((h->control & RESERVED) != 0 || (!row->var && h->var != 0))
        return false;
    if (row->rep)
        return h->start < h->count;
    return h->count == 0 && h->start == 0;
}

static unsigned header_bytes(const struct call_row *row, const struct input *h)
{
    /* a message is 16 bytes and its payload */
    return (row->header == 255 ? 16 + MESSAGE_MAX : row->header) + 8 * h->var;
}

static unsigned input_bytes(const struct call_row *row, const struct input *h)
{
    return (header_bytes(row, h) + row->element * h->count + 7) & ~7u;
}

/* Parameters lie in one page, at a multiple of 8, where the guest has memory. */
static bool place_ok(const struct vm *vm, uint64_t gpa, unsigned len)
{
    return gpa % 8 == 0 && gpa % MEM_PAGE + len <= MEM_PAGE && mem_has(&vm->mem, gpa, len);
}

static bool output_ok(const struct vm *vm, const struct call_row *row, const struct input *h)
{
    unsigned len = row->output * (row->rep ? h->count : 1u);

    if (row->output == 0)
        return true;
    return place_ok(vm, h->out, len) &&
           (mem_page_flags(&vm->mem, h->out) & (MEM_ROM | MEM_OVERLAY)) == 0;
}

/* Register input: two values, then XMM0 to XMM5. */
static enum status take_registers(const struct vcpu *vc, const struct call_row *row,
                                  struct input *h, unsigned len)
{
    if (len > XMM_BYTES || row->output != 0)
        return INVALID_INPUT;
    le_store(h->block, h->in, 8);
    le_store(h->block + 8, h->out, 8);
    for (unsigned i = 0; i < 2 * TSP_XMM_COUNT; i++)
        le_store(h->block + REGISTER_BYTES + (size_t)8 * i, vc->s.x86.xmm[i / 2][i % 2], 8);
    return OK;
}

static enum status take_input(struct vm *vm, const struct vcpu *vc, const struct call_row *row,
                              struct input *h)
{
    unsigned len = input_bytes(row, h);

    h->header = header_bytes(row, h);
    if (h->fast)
        return take_registers(vc, row, h, len);
    if ((len != 0 && !place_ok(vm, h->in, len)) || !output_ok(vm, row, h))
        return INVALID_ALIGNMENT;
    if (len != 0)
        mem_get(&vm->mem, h->in, h->block, len);
    return OK;
}

static const struct call_row *find(uint16_t code)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

static enum status serve(struct vm *vm, struct vcpu *vc, struct input *h)
{
    const struct call_row *row = find(h->code);
    enum status status;

    if (row == NULL)
        return (h->control & RESERVED) != 0 ? INVALID_INPUT : INVALID_CODE;
    if (!shape_ok(row, h))
        return INVALID_INPUT;
    if (row->right != NO_RIGHT && !hyperv_may(vm, row->right))
        return ACCESS_DENIED;
    status = take_input(vm, vc, row, h);
    return status == OK ? row->run(vm, vc, h) : status;
}

/* Register forms that are not offered: input beyond two values, and any output, which 32-bit code
 * never has. */
static bool form_offered(const struct vm *vm, const struct vcpu *vc, const struct input *h)
{
    const struct call_row *row = find(h->code);

    if (!h->fast || row == NULL || !shape_ok(row, h))
        return true;
    if (row->output != 0 &&
        (!hyperv_has(vm, FACILITY_XMM_OUTPUT) || vc->s.regs.mode != TSP_MODE_LONG64))
        return false;
    return input_bytes(row, h) <= REGISTER_BYTES || hyperv_has(vm, FACILITY_XMM_INPUT);
}

/* RCX, RDX, R8 in 64-bit code; EDX:EAX, EBX:ECX, EDI:ESI elsewhere. */
static void load_input(const struct vcpu *vc, struct input *h)
{
    const uint64_t *r = vc->s.regs.r;

    if (vc->s.regs.mode == TSP_MODE_LONG64) {
        h->control = r[TSP_RCX];
        h->in = r[TSP_RDX];
        h->out = r[TSP_R8];
    } else {
        h->control = r[TSP_RDX] << 32 | (uint32_t)r[TSP_RAX];
        h->in = r[TSP_RBX] << 32 | (uint32_t)r[TSP_RCX];
        h->out = r[TSP_RDI] << 32 | (uint32_t)r[TSP_RSI];
    }
    h->code = (uint16_t)h->control;
    h->fast = bits_test(h->control, 16);
    h->var = (uint32_t)bits_get(h->control, 26, 17);
    h->count = (uint32_t)bits_get(h->control, 43, 32);
    h->start = (uint32_t)bits_get(h->control, 59, 48);
    h->done = 0;
}

static void store_result(struct vcpu *vc, uint64_t result)
{
    if (vc->s.regs.mode == TSP_MODE_LONG64) {
        vc->s.regs.r[TSP_RAX] = result;
        return;
    }
    vc->s.regs.r[TSP_RAX] = (uint32_t)result;
    vc->s.regs.r[TSP_RDX] = result >> 32;
}

/* Legal hypercall environments: the most privileged level, protected mode, a guest that has said
 * who it is. */
enum step hyperv_trap(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct input h;
    uint64_t status;

    if (vc->s.regs.level != 0 || !bits_test(vc->s.x86.cr0, CR0_PE) ||
        vm->hv_state[HYPERV_OFFERED] == 0 || vm->hv_state[HYPERV_OS_ID] == 0)
        return step_fault(vc, X86_UD);
    load_input(vc, &h);
    if (!form_offered(vm, vc, &h))
        return step_fault(vc, X86_UD);
    status = (uint64_t)serve(vm, vc, &h);
    store_result(vc, status | (uint64_t)h.done << 32);
    vcpu_advance(vc, in->len);
    vm->ev->kind = TSP_EV_HYPERCALL;
    return STEP_EVENT;
}
