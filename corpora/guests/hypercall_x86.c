/* SPDX-License-Identifier: MIT */
/*
 * Both hypercall instructions, whatever the host: one of them is foreign and has to be rewritten or
 * emulated. A second round at the same place shows that the rewritten instruction stays usable.
 */
#include "lib/x86.h"

#define KVM_HC_VAPIC_POLL_IRQ 1
#define KVM_HC_SCHED_YIELD 11
#define NOT_A_CALL 77

void guest_main(void)
{
    for (int round = 0; round < 2; round++) {
        put_line("vmcall poll-irq", (uint64_t)call_vmcall(KVM_HC_VAPIC_POLL_IRQ, 0, 0));
        put_line("vmmcall poll-irq", (uint64_t)call_vmmcall(KVM_HC_VAPIC_POLL_IRQ, 0, 0));
        put_line("vmcall sched-yield", (uint64_t)call_vmcall(KVM_HC_SCHED_YIELD, 0, 0));
        put_line("vmmcall unknown", (uint64_t)call_vmmcall(NOT_A_CALL, 0, 0));
    }
}
