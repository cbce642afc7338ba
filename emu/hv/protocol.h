/* SPDX-License-Identifier: MIT */
/*
 * Patch protocols: what a hypervisor does, step by step, between the trap of a hypercall
 * instruction that the processor does not have and the call. Rows of protocol.c; emu/x86/poke.c
 * performs the steps.
 */
#ifndef TSP_EMU_HV_PROTOCOL_H
#define TSP_EMU_HV_PROTOCOL_H

#include "trapspec/target.h"

enum protocol_step {
    PROTOCOL_READ,   /* fetch and decode the text again; anything but a hypercall is refused */
    PROTOCOL_CALL,   /* make the call, with pc going past the instruction */
    PROTOCOL_STORE,  /* store the native opcode, byte by byte */
    PROTOCOL_HOLD,   /* take the one lock, keep guest stores off the text, compare it */
    PROTOCOL_BREAK,  /* a breakpoint into the instruction's first byte */
    PROTOCOL_SYNC,   /* make every other vCPU serialise, one after the other */
    PROTOCOL_TAIL,   /* the byte in which the two opcodes differ */
    PROTOCOL_FIRST,  /* the first byte again */
    PROTOCOL_FLIP,   /* exchange the whole overlay page, in one go */
    PROTOCOL_RESUME, /* back to the guest */
    PROTOCOL_REFUSE  /* #UD */
};
#define PROTOCOL_STEPS 10u

#define PROTOCOL_ANY_UD 1u    /* every undefined opcode traps: what is read again decides */
#define PROTOCOL_RAW_PC 2u    /* stores go to pc without the CS base */
#define PROTOCOL_AT_START 4u  /* stores begin at the prefixes */
#define PROTOCOL_MARKS 8u     /* the privilege and mode marks of KVM's emulator */
#define PROTOCOL_FAULT_PF 16u /* a store that fails is the guest's #PF, else #UD */
#define PROTOCOL_PHYSICAL 32u /* stores do not ask the guest's page tables for permission */
#define PROTOCOL_INT1F 64u    /* the replacement is INT 0x1f and a NOP */
#define PROTOCOL_OVERLAY 128u /* the site's page cannot be written by the guest */
#define PROTOCOL_FORGET 512u  /* the vCPU's translations go when the guest goes on */
#define PROTOCOL_AT_ONCE 256u /* the call is made in the step that traps */

struct protocol {
    const char *name, *text, *source;
    uint32_t flags;
    uint8_t n, step[PROTOCOL_STEPS]; /* enum protocol_step */
};

/* ORDER: enum tsp_protocol. NULL past the end; the first one has no steps. */
const struct protocol *protocol_at(unsigned i);

#endif
