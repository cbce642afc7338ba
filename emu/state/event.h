/* SPDX-License-Identifier: MIT */
/*
 * The common parts of an event. vm_run clears the event up to sys[]; a handler fills kind, code and
 * info (and addr of an MMIO event); the run loop brackets the handler:
 *
 *     ev_begin(vm, vc, in);
 *     step = handler(vm, vc, in);
 *     ev_end(vm, vc);
 *
 * ev_begin comes before the handler of a trap instruction. For all others it may come when the
 * handler has returned STEP_FAULT (registers are still as before) and nothing was delivered yet.
 * ev_end comes once, when the event is complete. s.regs.flags must be complete at both calls.
 *
 * `in` is NULL when the first byte could not be fetched, and for a store of a patch under way
 * (vc->patch.active): that event shows the instruction that asked for the patch.
 *
 * A plain instruction of which no snapshot was taken may still end with STEP_EVENT: its access went
 * outside RAM. The registers it began with are then in vc->io:
 *
 *     vcpu_swap_io(vc); complete the flags; ev_begin(vm, vc, in); vcpu_swap_io(vc); ev_end(vm, vc);
 */
#ifndef TSP_EMU_STATE_EVENT_H
#define TSP_EMU_STATE_EVENT_H

#include "emu/state/vm.h"

/* Fills vcpu, before, sys[] (zeroes on AArch64), len, fetched, text and addr from the state before
 * the instruction. */
void ev_begin(struct vm *vm, struct vcpu *vc, const struct insn *in);
/* Fills after and stored; the bytes are those at the guest-physical place that ev_begin saw. */
void ev_end(struct vm *vm, struct vcpu *vc);

/*
 * A set of registers is copied twice an event. In pieces that compilers make straight code of: the
 * whole is just too long for that and becomes a string instruction, which costs more than the copy.
 */
static inline void regs_copy(struct tsp_regs *to, const struct tsp_regs *from)
{
    memcpy(to->r, from->r, 16 * sizeof(to->r[0]));
    memcpy(to->r + 16, from->r + 16, 16 * sizeof(to->r[0]));
    to->pc = from->pc;
    to->flags = from->flags;
    to->mode = from->mode;
    to->level = from->level;
}

static inline void vcpu_swap_io(struct vcpu *vc)
{
    struct io_mark now = {vc->s.regs, vc->lazy};

    vc->s.regs = vc->io.regs;
    vc->lazy = vc->io.lazy;
    vc->io = now;
}

#endif
