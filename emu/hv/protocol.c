/* SPDX-License-Identifier: MIT */
/* The patch protocols. */
#include "emu/hv/protocol.h"

#define KVM_FLAGS (PROTOCOL_ANY_UD | PROTOCOL_RAW_PC | PROTOCOL_AT_START | PROTOCOL_MARKS)

/* ORDER: enum tsp_protocol */
static const struct protocol protocols[] = {
    {"none", "as the target does it, instruction by instruction", "", 0, 0, {0}},
    {"kvm@linux-6.1",
     "KVM as shipped: decode again, copy three bytes to RIP, try again",
     "torvalds/linux arch/x86/kvm/x86.c emulator_fix_hypercall, emulate.c em_hypercall",
     KVM_FLAGS | PROTOCOL_FAULT_PF,
     3,
     {PROTOCOL_READ, PROTOCOL_STORE, PROTOCOL_RESUME}},
    {"kvm-2021",
     "KVM as proposed in 2021: the same, and #UD where text cannot be written",
     "kvm@vger.kernel.org 20211210222903.3417968-1-seanjc@google.com",
     KVM_FLAGS,
     3,
     {PROTOCOL_READ, PROTOCOL_STORE, PROTOCOL_RESUME}},
    {"lguest",
     "lguest: read three bytes, overwrite them with INT 0x1f and NOP, drop the shadow tables",
     "torvalds/linux v2.6.38 drivers/lguest/x86/core.c rewrite_hypercall",
     PROTOCOL_RAW_PC | PROTOCOL_AT_START | PROTOCOL_PHYSICAL | PROTOCOL_INT1F | PROTOCOL_FORGET,
     3,
     {PROTOCOL_READ, PROTOCOL_STORE, PROTOCOL_RESUME}},
    {"virtualbox",
     "VirtualBox, KVM provider: disassemble, make the call, overwrite the text, go on behind it",
     "VirtualBox/virtualbox src/VBox/VMM/VMMAll/GIMAllKvm.cpp gimKvmHypercallEx",
     PROTOCOL_ANY_UD | PROTOCOL_RAW_PC | PROTOCOL_AT_START | PROTOCOL_PHYSICAL,
     4,
     {PROTOCOL_READ, PROTOCOL_CALL, PROTOCOL_STORE, PROTOCOL_RESUME}},
    {"emulate",
     "make the call in place, on the bytes that trapped; text stays",
     "trapspec",
     PROTOCOL_AT_ONCE,
     1,
     {PROTOCOL_CALL}},
    {"inject",
     "#UD: the guest has to use the right instruction",
     "torvalds/linux Documentation/virt/kvm/api.rst KVM_X86_QUIRK_FIX_HYPERCALL_INSN",
     0,
     1,
     {PROTOCOL_REFUSE}},
    {"page-flip",
     "the site lies in a hypercall page, which is exchanged for one of the other vendor",
     "Hyper-V TLFS, Establishing the hypercall interface",
     PROTOCOL_OVERLAY,
     3,
     {PROTOCOL_FLIP, PROTOCOL_SYNC, PROTOCOL_RESUME}},
    {"text-poke",
     "hold stores, compare, breakpoint, serialise, tail, serialise, first byte, serialise",
     "trapspec; after torvalds/linux arch/x86/kernel/alternative.c smp_text_poke_batch_finish",
     0,
     8,
     {PROTOCOL_HOLD, PROTOCOL_BREAK, PROTOCOL_SYNC, PROTOCOL_TAIL, PROTOCOL_SYNC, PROTOCOL_FIRST,
      PROTOCOL_SYNC, PROTOCOL_RESUME}},
};

_Static_assert(sizeof(protocols) / sizeof(protocols[0]) == TSP_PROTOCOL_COUNT,
               "ORDER: enum tsp_protocol");

const struct protocol *protocol_at(unsigned i)
{
    return i < TSP_PROTOCOL_COUNT ? &protocols[i] : NULL;
}
