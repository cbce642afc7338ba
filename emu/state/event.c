/* SPDX-License-Identifier: MIT */
/* The common parts of an event. */
#include "emu/state/event.h"

#include "emu/state/mmu.h"

/* Where the 16 bytes at ev_lin lie. */
static void locate(struct vm *vm, struct vcpu *vc, unsigned len)
{
    struct tsp_event *ev = vm->ev;
    unsigned room = MEM_PAGE - (unsigned)(vc->ev_lin % MEM_PAGE);

    ev->text[0] = mmu_text_at(vm, vc, vc->ev_lin, &vc->ev_gpa[0]);
    ev->text[1] = ev->text[0];
    vc->ev_room[0] = (uint8_t)(room < TSP_INSN_BYTES ? room : TSP_INSN_BYTES);
    vc->ev_room[1] = (uint8_t)(TSP_INSN_BYTES - vc->ev_room[0]);
    if (!(ev->text[0] & TSP_TEXT_PRESENT))
        vc->ev_room[0] = vc->ev_room[1] = 0;
    if (vc->ev_room[1]) {
        uint64_t next = mmu_add(vc, vc->ev_lin, room, MMU_FETCH);
        uint8_t text = mmu_text_at(vm, vc, next, &vc->ev_gpa[1]);

        if (!(text & TSP_TEXT_PRESENT))
            vc->ev_room[1] = 0;
        if (len > room)
            ev->text[1] = text;
    }
}

static bool in_ram(const struct vm *vm, const struct vcpu *vc, unsigned i)
{
    return vc->ev_room[i] && mem_has(&vm->mem, vc->ev_gpa[i], vc->ev_room[i]);
}

void ev_begin(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct tsp_event *ev = vm->ev;

    vc->ev_lin = vcpu_lin(vc);
    ev->vcpu = (uint16_t)vc->id;
    regs_copy(&ev->before, &vc->s.regs);
    if (vm->setup->arch == TSP_ARCH_X86)
        tsp_x86_sys(&vc->s.x86, ev->sys);
    else
        memset(ev->sys, 0, sizeof(ev->sys));
    if (in) {
        memcpy(vc->ev_bytes, in->bytes, sizeof(vc->ev_bytes));
        vc->ev_len = in->status == INSN_TRUNCATED ? 0 : in->len;
    } else if (!vc->patch.shown) {
        memset(vc->ev_bytes, 0, sizeof(vc->ev_bytes));
        vc->ev_len = 0;
    }
    ev->len = vc->ev_len;
    memcpy(ev->fetched, vc->ev_bytes, sizeof(ev->fetched));
    if (ev->kind != TSP_EV_MMIO)
        ev->addr = vc->ev_lin;
    locate(vm, vc, ev->len);
    /* Outside RAM nothing was fetched. */
    if (!in_ram(vm, vc, 0) || (ev->len > vc->ev_room[0] && !in_ram(vm, vc, 1)))
        ev->len = 0;
}

void ev_end(struct vm *vm, struct vcpu *vc)
{
    struct tsp_event *ev = vm->ev;
    uint8_t *p = ev->stored;

    regs_copy(&ev->after, &vc->s.regs);
    if (ev->kind != TSP_EV_MMIO)
        ev->addr = vc->ev_lin;
    if (vc->ev_room[0] == TSP_INSN_BYTES && in_ram(vm, vc, 0)) {
        mem_get(&vm->mem, vc->ev_gpa[0], p, TSP_INSN_BYTES);
        return;
    }
    memset(ev->stored, 0, sizeof(ev->stored));
    for (unsigned i = 0; i < 2; p += vc->ev_room[i], i++)
        if (in_ram(vm, vc, i))
            mem_get(&vm->mem, vc->ev_gpa[i], p, vc->ev_room[i]);
}
