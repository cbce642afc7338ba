/* SPDX-License-Identifier: MIT */
/*
 * The stores of protocols that copy their bytes over the text: in pieces of 1, 2, 4 or 8 bytes, in
 * either order, locked or plain, over whatever is there or only over what was read.
 *
 * A plain store is whole within a cache line (Intel SDM Vol. 3A 9.1.1, Guaranteed Atomic
 * Operations), on AMD within an aligned quadword (APM Vol. 2, 7.3.2, Access Atomicity); across the
 * end of one it is two. A locked one is whole wherever it lies (9.1.2.2). Pieces wider than what is
 * left of the opcode put back the bytes behind it as they were read.
 */
#include <string.h>

#include "emu/x86/poke.h"

#define THIRD_VMCALL 0xc1u
#define THIRD_VMMCALL 0xd9u
#define LINE_INTEL 64u
#define LINE_AMD 8u
#define WIDTH_MAX 8u
#define PIECES (2u * OPCODE_BYTES)

void poke_bytes(const struct vm *vm, uint8_t byte[OPCODE_BYTES])
{
    bool gate = (x86_poke_flags(vm) & PROTOCOL_INT1F) != 0;

    byte[0] = gate ? 0xcd : 0x0f;
    byte[1] = gate ? 0x1f : 0x01;
    byte[2] = gate ? 0x90 : vm_host_is_amd(vm) ? THIRD_VMMCALL : THIRD_VMCALL;
}

void poke_event(struct vm *vm, uint64_t lin, uint64_t gpa, struct piece p, unsigned left)
{
    vm->ev->kind = TSP_EV_PATCH;
    vm->ev->code = x86_micro_elsewhere(vm, lin, p.n, gpa);
    vm->ev->info[0] = lin;
    vm->ev->info[1] = p.n;
    vm->ev->spare = (uint8_t)left;
}

static unsigned width(const struct vm *vm)
{
    unsigned w = vm->setup->how & TSP_HOW_WIDTH;

    return w >= 1 && w <= 4 ? 1u << (w - 1) : 1;
}

/* One store of the program as those of the processor. */
static unsigned split(const struct vm *vm, uint64_t lin, struct piece p, struct piece *out)
{
    unsigned line = vm_host_is_amd(vm) ? LINE_AMD : LINE_INTEL;
    unsigned room = line - (unsigned)((lin + p.off) % line);

    if (room >= p.n || (vm->setup->how & TSP_HOW_LOCKED) != 0) {
        out[0] = p;
        return 1;
    }
    out[0] = (struct piece){p.off, (uint8_t)room};
    out[1] = (struct piece){(uint8_t)(p.off + room), (uint8_t)(p.n - room)};
    return 2;
}

/* All stores in their order. */
static unsigned pieces(const struct vm *vm, uint64_t lin, struct piece out[PIECES])
{
    unsigned w = width(vm), n = 0, count = w >= OPCODE_BYTES ? 1 : (OPCODE_BYTES + w - 1) / w;

    for (unsigned i = 0; i < count; i++) {
        unsigned at = (vm->setup->how & TSP_HOW_DOWN) != 0 ? count - 1 - i : i;
        unsigned len = w;

        if (w < OPCODE_BYTES && OPCODE_BYTES - at * w < w)
            len = OPCODE_BYTES - at * w;
        n += split(vm, lin, (struct piece){(uint8_t)(at * w), (uint8_t)len}, out + n);
    }
    return n;
}

bool poke_read(struct vm *vm, struct vcpu *vc, uint64_t lin, uint8_t *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t gpa = 0;

        if (!(mmu_text_at(vm, vc, poke_cut(vc, lin + i), &gpa) & TSP_TEXT_PRESENT) ||
            !mem_has(&vm->mem, gpa, 1))
            return false;
        mem_get(&vm->mem, gpa, out + i, 1);
    }
    return true;
}

/* Where nothing can be read nothing will be stored either. */
void poke_expect(struct vm *vm, struct vcpu *vc)
{
    struct micro *m = &vc->micro;
    unsigned w = width(vm);

    memset(m->old, 0, sizeof(m->old));
    if (w > OPCODE_BYTES || (vm->setup->how & TSP_HOW_CAS) != 0)
        poke_read(vm, vc, m->lin, m->old, w > OPCODE_BYTES ? w : OPCODE_BYTES);
}

/* A store that does not ask the guest's tables; false: there is no memory to write. */
static bool store_physical(struct vm *vm, struct vcpu *vc, uint64_t lin, const uint8_t *p,
                           unsigned n)
{
    uint64_t gpa[WIDTH_MAX] = {0};

    for (unsigned i = 0; i < n; i++) {
        uint8_t text = mmu_text_at(vm, vc, poke_cut(vc, lin + i), &gpa[i]);

        if (!(text & TSP_TEXT_PRESENT) || (text & TSP_TEXT_ROM) || !mem_has(&vm->mem, gpa[i], 1))
            return false;
    }
    for (unsigned i = 0; i < n; i++)
        vm_store_phys(vm, gpa[i], p + i, 1);
    return true;
}

static void store_failed(struct vm *vm, struct vcpu *vc)
{
    if (vc->micro.called) {
        poke_resume(vm, vc);
        return;
    }
    if (!(x86_poke_flags(vm) & PROTOCOL_FAULT_PF))
        step_fault(vc, X86_UD);
    poke_fail(vm, vc);
}

/* A copy to user memory, of which nobody promises more than that bytes are whole
 * (torvalds/linux virt/kvm/kvm_main.c __kvm_write_guest_page). Read-only memory makes it an exit to
 * user space, after which the guest tries again. */
static enum step store(struct vm *vm, struct vcpu *vc, struct piece p, unsigned left)
{
    uint8_t byte[WIDTH_MAX];
    uint64_t lin = poke_cut(vc, vc->micro.lin + p.off);
    unsigned n = p.n;

    memcpy(byte, vc->micro.old, sizeof(byte));
    poke_bytes(vm, byte);
    if (x86_poke_flags(vm) & PROTOCOL_PHYSICAL) {
        step_fault(vc, X86_UD);
        return store_physical(vm, vc, lin, byte + p.off, n) ? STEP_NEXT : STEP_FAULT;
    }
    if (vm->setup->how == 0 && (mmu_text_at(vm, vc, lin, NULL) & TSP_TEXT_ROM) != 0)
        n = left;
    return mmu_store(vm, vc, lin, byte + p.off, n, MMU_WRITE);
}

/* Nobody has changed what is about to be overwritten. */
static bool as_read(struct vm *vm, struct vcpu *vc, struct piece p)
{
    uint8_t now[WIDTH_MAX];

    return (vm->setup->how & TSP_HOW_CAS) == 0 ||
           !poke_read(vm, vc, vc->micro.lin + p.off, now, p.n) ||
           memcmp(now, vc->micro.old + p.off, p.n) == 0;
}

void poke_store(struct vm *vm, struct vcpu *vc)
{
    struct micro *m = &vc->micro;
    struct piece all[PIECES];
    unsigned n = pieces(vm, m->lin, all), left = 0;
    struct piece p = all[m->done];
    uint64_t gpa = 0;
    enum step end;

    for (unsigned i = m->done + 1u; i < n; i++)
        left += all[i].n;
    if (!as_read(vm, vc, p)) {
        poke_resume(vm, vc);
        return;
    }
    mmu_text_at(vm, vc, poke_cut(vc, m->lin + p.off), &gpa);
    end = store(vm, vc, p, left + p.n);
    if (end == STEP_FAULT) {
        store_failed(vm, vc);
    } else if (end == STEP_EVENT) {
        x86_poke_end(vm, vc);
    } else {
        poke_event(vm, poke_cut(vc, m->lin + p.off), gpa, p, left);
        m->done++;
        if (m->done == n)
            m->step++;
    }
}
