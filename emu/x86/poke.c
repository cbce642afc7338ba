/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's part of a patch protocol (emu/hv/protocol.h): each of its steps is one
 * micro-step, between which other vCPUs run.
 *
 * The protocol that is right, text-poke, works on guest-physical bytes. Guest stores to the page
 * wait from the comparison on (write permission taken away in the second-level tables), so that
 * what was compared is what is overwritten; the breakpoint keeps every vCPU that has serialised
 * from running into the bytes behind it; and a vCPU that hits it waits in the hypervisor.
 */
#include <string.h>

#include "emu/state/event.h"
#include "emu/x86/poke.h"

#define BREAKPOINT 0xccu
#define ENTRY_WRITE 2u /* R/W (Intel SDM Vol. 3A 5.5.4) */

static const struct protocol *protocol_of(const struct vm *vm)
{
    return protocol_at(vm->setup->protocol);
}

uint32_t x86_poke_flags(const struct vm *vm)
{
    bool gate =
        (vm->setup->how & TSP_HOW_INT) != 0 && vm->setup->protocol == TSP_PROTOCOL_TEXT_POKE;

    return protocol_of(vm)->flags | (gate ? PROTOCOL_INT1F : 0);
}

static bool how(const struct vm *vm, uint32_t bit)
{
    return (vm->setup->how & bit) != 0;
}

static bool is_call(const struct insn *in)
{
    return in->status == INSN_OK && (in->op == OP_VMCALL || in->op == OP_VMMCALL) &&
           (in->prefix & INSN_LOCK) == 0;
}

/* ---- who waits for whom ---- */

void x86_poke_hold(struct vm *vm, bool on)
{
    const struct micro *m = &vm->vcpu[vm->holder - 1].micro;

    for (unsigned i = 0; i < 2; i++) {
        if (!mem_has(&vm->mem, m->gpa[i], 1))
            continue;
        if (on && !how(vm, TSP_HOW_NO_HOLD))
            mmu_mark(vm, m->gpa[i], MEM_HELD);
        else if (!on)
            vm->mem.flags[(m->gpa[i] - vm->mem.base) / MEM_PAGE] &= (uint8_t)~MEM_HELD;
    }
}

/* Those that waited go on from the start of their instruction; coming back from the hypervisor
 * serialises. */
static void release(struct vm *vm, const struct vcpu *vc)
{
    if (vm->holder != vc->id + 1)
        return;
    x86_poke_hold(vm, false);
    vm->holder = 0;
    for (unsigned i = 0; i < vm->nvcpu; i++) {
        struct micro *m = &vm->vcpu[i].micro;

        if (m->wait)
            memset(m->line, 0, sizeof(m->line));
        m->wait = false;
    }
}

/* The guest's tables get back what they had, or what they would have by now. */
static void close_entries(struct vm *vm, struct micro *m)
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t low = 0;

        if (!(m->opened >> i & 1) || !mem_has(&vm->mem, m->entry[i], 1))
            continue;
        mem_get(&vm->mem, m->entry[i], &low, 1);
        low = (uint8_t)(low & ~ENTRY_WRITE);
        vm_store_phys(vm, m->entry[i], &low, 1);
    }
    m->opened = 0;
}

void x86_poke_end(struct vm *vm, struct vcpu *vc)
{
    close_entries(vm, &vc->micro);
    release(vm, vc);
    vc->micro.traps = false;
}

enum poke_hit x86_poke_hit(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint64_t gpa = 0;
    uint8_t now = 0;

    if (vm->holder == 0 || in->status != INSN_OK || in->bytes[0] != BREAKPOINT)
        return POKE_NOT_HIT;
    if (!(mmu_text_at(vm, vc, vcpu_lin(vc), &gpa) & TSP_TEXT_PRESENT) || !mem_has(&vm->mem, gpa, 1))
        return POKE_GONE;
    if (gpa == vm->vcpu[vm->holder - 1].micro.gpa[0])
        return POKE_HIT;
    mem_get(&vm->mem, gpa, &now, 1);
    return now == BREAKPOINT || how(vm, TSP_HOW_NO_FORGET) ? POKE_NOT_HIT : POKE_GONE;
}

/* ---- steps ---- */

bool poke_away(struct vm *vm, struct vcpu *vc)
{
    uint64_t gpa = 0;

    return (mmu_text_at(vm, vc, vcpu_lin(vc), &gpa) & TSP_TEXT_PRESENT) == 0 ||
           x86_micro_elsewhere(vm, vcpu_lin(vc), 1, gpa);
}

static void micro_event(struct vm *vm, enum tsp_micro code)
{
    vm->ev->kind = TSP_EV_FETCH;
    vm->ev->code = (uint32_t)code;
}

void poke_fail(struct vm *vm, struct vcpu *vc)
{
    x86_poke_end(vm, vc);
    vc->s.x86.shadow = 0;
    x86_deliver(vm, vc);
}

static void refuse(struct vm *vm, struct vcpu *vc)
{
    step_fault(vc, X86_UD);
    poke_fail(vm, vc);
}

void poke_resume(struct vm *vm, struct vcpu *vc)
{
    bool refused = vc->micro.refused;

    x86_poke_end(vm, vc);
    if (refused) {
        refuse(vm, vc);
        return;
    }
    micro_event(vm, TSP_MICRO_RESUME);
    vm->ev->info[0] = (x86_poke_flags(vm) & PROTOCOL_FORGET) != 0;
    if (vm->ev->info[0])
        x86_micro_invalidate(vc);
}

/* torvalds/linux arch/x86/kvm/emulate.c: the rows of group 7 mark VMCALL as privileged, VMMCALL as
 * for protected mode only. */
static bool marks_hold(struct vcpu *vc, const struct insn *in)
{
    uint32_t mode = vc->s.regs.mode;

    step_fault_code(vc, X86_GP, 0);
    if (in->op == OP_VMCALL)
        return vc->s.regs.level == 0;
    step_fault(vc, X86_UD);
    return mode != TSP_MODE_REAL16 && mode != TSP_MODE_VM86;
}

static bool readable(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t flags = x86_poke_flags(vm);

    step_fault(vc, X86_UD);
    if (flags & PROTOCOL_INT1F) {
        step_fault_code(vc, X86_GP, 0);
        return in->status == INSN_OK && in->op == OP_VMCALL && in->len == OPCODE_BYTES;
    }
    return is_call(in) && (!(flags & PROTOCOL_MARKS) || marks_hold(vc, in));
}

static void step_read(struct vm *vm, struct vcpu *vc)
{
    uint32_t flags = x86_poke_flags(vm);
    uint64_t room = (uint64_t)vc->s.x86.seg[TSP_CS].limit - vc->s.regs.pc + 1;
    struct micro *m = &vc->micro;
    uint8_t text[TSP_INSN_BYTES] = {0};
    struct insn in;
    unsigned n = mmu_fetch(vm, vc, vcpu_lin(vc), text, sizeof(text));

    if (vc->s.regs.mode != TSP_MODE_LONG64 && n > room)
        n = (unsigned)room;
    decode_one(vm->dec, (enum tsp_mode)vc->s.regs.mode, text, n, &in);
    if (!readable(vm, vc, &in)) {
        poke_fail(vm, vc);
        return;
    }
    m->lin = flags & PROTOCOL_RAW_PC ? poke_cut(vc, vc->s.regs.pc) : vcpu_lin(vc);
    if (!(flags & PROTOCOL_AT_START))
        m->lin = poke_cut(vc, m->lin + in.len - OPCODE_BYTES);
    m->read_len = in.len;
    m->read_native = x86_is_native(vm, &in);
    poke_expect(vm, vc);
    micro_event(vm, TSP_MICRO_READ);
    vm->ev->info[0] = le_load(text, 8);
    vm->ev->spare = poke_away(vm, vc);
    m->step++;
}

/* Only a call that was made, by the other vendor's instruction of three bytes, is written over
 * (GIMAllKvm.cpp). */
static void step_call(struct vm *vm, struct vcpu *vc)
{
    struct micro *m = &vc->micro;
    struct insn in = {.status = INSN_OK, .len = m->read_len};
    enum step end;

    in.op = vm_host_is_amd(vm) ? OP_VMMCALL : OP_VMCALL;
    end = x86_native_hypercall(vm, vc, &in);
    if (end == STEP_FAULT) {
        poke_fail(vm, vc);
        return;
    }
    if (end == STEP_EVENT && vm->ev->kind == TSP_EV_HYPERCALL)
        vcpu_retire(vm, vc);
    m->step++;
    if (m->read_native || m->read_len != OPCODE_BYTES || vc->s.regs.level != 0)
        m->step++;
}

/* Where the instruction's first and last byte lie; false: not where the guest itself could write
 * them, now. */
static bool place(struct vm *vm, struct vcpu *vc)
{
    struct micro *m = &vc->micro;
    uint64_t first = vcpu_lin(vc);
    uint64_t at[3] = {first, poke_cut(vc, first + m->trap_len - 1), poke_cut(vc, first + 1)};
    bool ok = true;

    for (unsigned i = 0; i < 3; i++) {
        uint8_t text = mmu_text_at(vm, vc, at[i], &m->gpa[i]);

        ok = ok && (text & TSP_TEXT_PRESENT) != 0 && (text & TSP_TEXT_WRITE) != 0 &&
             (text & TSP_TEXT_ROM) == 0 && mem_has(&vm->mem, m->gpa[i], 1);
    }
    return ok;
}

static bool unchanged(struct vm *vm, struct vcpu *vc)
{
    const struct micro *m = &vc->micro;
    uint8_t now[TSP_INSN_BYTES];

    return mmu_fetch(vm, vc, vcpu_lin(vc), now, m->trap_len) == m->trap_len &&
           memcmp(now, m->trap, m->trap_len) == 0;
}

/* What was met by a translation that is out of date would be met again, for ever. */
static void retry(struct vm *vm, struct vcpu *vc)
{
    poke_resume(vm, vc);
    if (how(vm, TSP_HOW_NO_FORGET))
        return;
    x86_micro_invalidate(vc);
    vm->ev->info[0] = 1;
}

/* An instruction that is no longer there is tried again, whatever it has become; one that the guest
 * may not write is refused. */
static void step_hold(struct vm *vm, struct vcpu *vc)
{
    struct micro *m = &vc->micro;

    if (vm->holder != 0) {
        m->wait = true;
        micro_event(vm, TSP_MICRO_WAIT);
        return;
    }
    if (!how(vm, TSP_HOW_NO_COMPARE) && !unchanged(vm, vc)) {
        if (how(vm, TSP_HOW_NO_RETRY))
            refuse(vm, vc);
        else
            retry(vm, vc);
        return;
    }
    /* only an opcode without prefixes has the length of INT 0x1f and NOP; what stays gets the
     * exception that lguest had for it, for the native instruction is no #UD */
    if (how(vm, TSP_HOW_INT) && (m->trap_len != OPCODE_BYTES || !place(vm, vc))) {
        step_fault_code(vc, X86_GP, 0);
        poke_fail(vm, vc);
        return;
    }
    if (!place(vm, vc)) {
        refuse(vm, vc);
        return;
    }
    vm->holder = (uint8_t)(vc->id + 1);
    x86_poke_hold(vm, true);
    micro_event(vm, TSP_MICRO_HOLD);
    vm->ev->spare = poke_away(vm, vc);
    m->step++;
}

/* One byte of what trapped: the first, the last or the second (struct micro, gpa). */
static void poke(struct vm *vm, struct vcpu *vc, unsigned which, uint8_t byte, unsigned left)
{
    struct micro *m = &vc->micro;
    unsigned off = which == 0 ? 0 : which == 1 ? m->trap_len - 1u : 1u;

    vm_store_phys(vm, m->gpa[which], &byte, 1);
    poke_event(vm, poke_cut(vc, vcpu_lin(vc) + off), m->gpa[which], (struct piece){0, 1}, left);
    m->sync = 0;
}

/* The bytes in which the two instructions differ, but the first: one, with INT 0x1f two. */
static void step_tail(struct vm *vm, struct vcpu *vc)
{
    struct micro *m = &vc->micro;
    unsigned after = how(vm, TSP_HOW_REVERSED | TSP_HOW_NO_LAST) ? 0 : 1;
    uint8_t byte[OPCODE_BYTES];

    poke_bytes(vm, byte);
    if (how(vm, TSP_HOW_INT) && m->done == 0) {
        poke(vm, vc, 2, byte[1], after + 1);
        m->done = 1;
        return;
    }
    poke(vm, vc, 1, byte[2], after);
    m->step++;
}

static void step_first(struct vm *vm, struct vcpu *vc)
{
    uint8_t byte[OPCODE_BYTES] = {0};

    if (how(vm, TSP_HOW_EARLY))
        release(vm, vc);
    poke_bytes(vm, byte);
    poke(vm, vc, 0, how(vm, TSP_HOW_INT) ? byte[0] : vc->micro.trap[0],
         how(vm, TSP_HOW_REVERSED) ? how(vm, TSP_HOW_INT) ? 2 : 1 : 0);
    vc->micro.step++;
}

static void step_break(struct vm *vm, struct vcpu *vc)
{
    poke(vm, vc, 0, BREAKPOINT, how(vm, TSP_HOW_INT) ? 3 : 2);
    vc->micro.step++;
}

/* A hypervisor that makes the call in the trap too: pc stays. */
static void step_done(struct vm *vm, struct vcpu *vc)
{
    struct insn in = {.status = INSN_OK};

    if (!how(vm, TSP_HOW_CALLS_TOO) || vc->micro.called) {
        poke_resume(vm, vc);
        return;
    }
    vc->micro.called = true;
    in.op = vm_host_is_amd(vm) ? OP_VMMCALL : OP_VMCALL;
    if (x86_native_hypercall(vm, vc, &in) == STEP_FAULT)
        poke_fail(vm, vc);
}

static void step_sync(struct vm *vm, struct vcpu *vc)
{
    struct micro *m = &vc->micro;
    unsigned i = 0, others = ((1u << vm->nvcpu) - 1) & ~(1u << vc->id);

    while (i < vm->nvcpu && ((others & ~(unsigned)m->sync) >> i & 1) == 0)
        i++;
    if (i < vm->nvcpu) {
        memset(vm->vcpu[i].micro.line, 0, sizeof(vm->vcpu[i].micro.line));
        m->sync = (uint8_t)(m->sync | 1u << i);
    } else {
        i = vc->id;
    }
    micro_event(vm, TSP_MICRO_SYNC);
    vm->ev->info[0] = i;
    if ((others & ~(unsigned)m->sync) == 0)
        m->step++;
}

/* The other page is ready; which of the two the guest has changes in one go. */
static void step_flip(struct vm *vm, struct vcpu *vc)
{
    struct micro *m = &vc->micro;
    uint64_t gpa = 0, lin = poke_cut(vc, vcpu_lin(vc) + m->trap_len - 1);
    uint8_t byte[OPCODE_BYTES];

    poke_bytes(vm, byte);
    /* whoever met it by an old translation is let go without, and comes again if it is still there
     */
    if (!unchanged(vm, vc) || !(mmu_text_at(vm, vc, lin, &gpa) & TSP_TEXT_PRESENT) ||
        (poke_away(vm, vc) && x86_micro_out_of_date(vm, vc))) {
        retry(vm, vc);
        return;
    }
    /* what stands outside of the overlay page is not the hypervisor's */
    if (poke_away(vm, vc) || !vm_store_phys(vm, gpa, &byte[2], 1)) {
        refuse(vm, vc);
        return;
    }
    poke_event(vm, poke_cut(vc, lin - 2), gpa - 2, (struct piece){0, OPCODE_BYTES}, 0);
    m->sync = 0;
    m->step++;
}

/* Left out by a hypervisor that is wrong (TSP_HOW_NO_*). */
static bool left_out(const struct vm *vm, unsigned i, unsigned step)
{
    static const struct {
        uint8_t step, at;
        uint32_t how;
    } row[] = {
        {PROTOCOL_BREAK, 1, TSP_HOW_NO_BREAK}, {PROTOCOL_SYNC, 2, TSP_HOW_NO_SYNC_BREAK},
        {PROTOCOL_TAIL, 3, TSP_HOW_NO_TAIL},   {PROTOCOL_SYNC, 4, TSP_HOW_NO_SYNC_TAIL},
        {PROTOCOL_FIRST, 5, TSP_HOW_NO_LAST},  {PROTOCOL_SYNC, 6, TSP_HOW_NO_SYNC_DONE},
    };

    for (unsigned k = 0; k < sizeof(row) / sizeof(row[0]); k++)
        if (row[k].step == step && row[k].at == i && how(vm, row[k].how))
            return true;
    return false;
}

/* The step to take now. */
static unsigned step_now(const struct vm *vm, struct micro *m)
{
    const struct protocol *p = protocol_of(vm);

    if (vm->setup->protocol != TSP_PROTOCOL_TEXT_POKE)
        return p->step[m->step];
    while (left_out(vm, m->step, p->step[m->step]))
        m->step++;
    if (how(vm, TSP_HOW_REVERSED) && p->step[m->step] == PROTOCOL_TAIL)
        return PROTOCOL_FIRST;
    if (how(vm, TSP_HOW_REVERSED) && p->step[m->step] == PROTOCOL_FIRST)
        return PROTOCOL_TAIL;
    return p->step[m->step];
}

/* Read-only text is made writable before it is stored to. Only leaves are: an upper level that
 * forbids it is for many pages. */
static bool open_entries(struct vm *vm, struct vcpu *vc)
{
    struct micro *m = &vc->micro;
    unsigned step = step_now(vm, m);
    uint64_t at = step == PROTOCOL_STORE ? m->lin : vcpu_lin(vc);
    unsigned len = step == PROTOCOL_STORE ? OPCODE_BYTES : m->trap_len;

    if (!how(vm, TSP_HOW_OPEN) || m->opened || (step != PROTOCOL_STORE && step != PROTOCOL_HOLD))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t lin = poke_cut(vc, i ? at + len - 1 : at);
        uint8_t text = mmu_text_at(vm, vc, lin, NULL), low = 0;

        if ((text & (TSP_TEXT_PRESENT | TSP_TEXT_WRITE)) != TSP_TEXT_PRESENT ||
            !mmu_entry_at(vm, vc, lin, &m->entry[i]) || !mem_has(&vm->mem, m->entry[i], 1))
            continue;
        mem_get(&vm->mem, m->entry[i], &low, 1);
        if (low & ENTRY_WRITE)
            continue;
        low |= ENTRY_WRITE;
        vm_store_phys(vm, m->entry[i], &low, 1);
        m->opened = (uint8_t)(m->opened | 1u << i);
    }
    if (m->opened)
        micro_event(vm, TSP_MICRO_OPEN);
    return m->opened != 0;
}

static void perform(struct vm *vm, struct vcpu *vc)
{
    if (open_entries(vm, vc))
        return;
    switch (step_now(vm, &vc->micro)) {
    case PROTOCOL_READ:
        step_read(vm, vc);
        break;
    case PROTOCOL_CALL:
        vc->micro.called = true;
        step_call(vm, vc);
        break;
    case PROTOCOL_STORE:
        poke_store(vm, vc);
        break;
    case PROTOCOL_HOLD:
        step_hold(vm, vc);
        break;
    case PROTOCOL_BREAK:
        step_break(vm, vc);
        break;
    case PROTOCOL_SYNC:
        step_sync(vm, vc);
        break;
    case PROTOCOL_TAIL:
        step_tail(vm, vc);
        break;
    case PROTOCOL_FIRST:
        step_first(vm, vc);
        break;
    case PROTOCOL_FLIP:
        step_flip(vm, vc);
        break;
    case PROTOCOL_REFUSE:
        refuse(vm, vc);
        break;
    default:
        step_done(vm, vc);
        break;
    }
}

/* Another page stands at its address by now, which does not hold what trapped. */
static bool not_there(struct vm *vm, struct vcpu *vc)
{
    uint8_t now[TSP_INSN_BYTES];
    const struct micro *m = &vc->micro;

    return poke_away(vm, vc) && (!poke_read(vm, vc, vcpu_lin(vc), now, m->trap_len) ||
                                 memcmp(now, m->trap, m->trap_len) != 0);
}

void x86_poke_step(struct vm *vm, struct vcpu *vc)
{
    bool gone;

    x86_flags(vc);
    ev_begin(vm, vc, NULL);
    vm->ev->len = vc->micro.trap_len;
    memcpy(vm->ev->fetched, vc->micro.trap, sizeof(vm->ev->fetched));
    vm->ev->text[1] =
        mmu_text_at(vm, vc, poke_cut(vc, vcpu_lin(vc) + vc->micro.trap_len - 1), NULL);
    gone = not_there(vm, vc);
    perform(vm, vc);
    if (vm->ev->kind == TSP_EV_FAULT)
        vm->ev->spare = gone;
    x86_flags(vc);
    ev_end(vm, vc);
    if (vc->micro.called)
        vm->ev->addr = vc->micro.trap_lin;
}

enum step x86_poke_trap(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t flags = x86_poke_flags(vm);
    struct micro *m = &vc->micro;
    struct fetch_page page[2];
    bool below = vm->hv[0] != NULL || vm->hv[1] != NULL;
    bool taken = is_call(in) && ((flags & PROTOCOL_INT1F) != 0 || !x86_is_native(vm, in));

    if (!below || (!taken && !(flags & PROTOCOL_ANY_UD)) ||
        protocol_of(vm)->step[0] == PROTOCOL_REFUSE)
        return step_fault(vc, X86_UD);
    if (flags & PROTOCOL_AT_ONCE)
        return x86_native_hypercall(vm, vc, in);
    memcpy(page, m->page, sizeof(page));
    memset(m, 0, sizeof(*m));
    memcpy(m->page, page, sizeof(page));
    m->traps = true;
    m->trap_len = in->len < TSP_INSN_BYTES ? in->len : TSP_INSN_BYTES;
    memcpy(m->trap, in->bytes, sizeof(m->trap));
    m->trap_lin = vcpu_lin(vc);
    micro_event(vm, TSP_MICRO_TRAP);
    return STEP_EVENT;
}
