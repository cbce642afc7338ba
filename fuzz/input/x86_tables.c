/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables, handler stubs and task states, laid out by the preprocessor so that building a
 * machine copies nothing. Formats: Intel SDM Vol. 3A, sections 3.4.5 (descriptors), 6.11 and 6.14.1
 * (gates), 7.2.1 and 7.7 (TSS).
 */
#include "fuzz/input/x86_tables.h"

/* clang-format off */
#define REP4(m, n) m(n) m((n) + 1) m((n) + 2) m((n) + 3)
#define REP16(m, n) REP4(m, n) REP4(m, (n) + 4) REP4(m, (n) + 8) REP4(m, (n) + 12)
#define REP64(m, n) REP16(m, n) REP16(m, (n) + 16) REP16(m, (n) + 32) REP16(m, (n) + 48)
#define REP256(m) REP64(m, 0) REP64(m, 64) REP64(m, 128) REP64(m, 192)

#define STUB_LO(v) ((INPUT_X86_STUBS + (v) * 16u) & 0xff)
#define STUB_HI(v) ((INPUT_X86_STUBS + (v) * 16u) >> 8)

/* Each stub is one HLT at the start of its 16 bytes; a second HLT keeps a resumed vCPU there. */
#define STUB(v) 0xf4, 0xf4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
const uint8_t x86_stubs[256 * 16] = {REP256(STUB)};

/* With an interrupt controller in the hypervisor HLT waits there and ends nothing: OUT to the end port instead. */
#define STUB_OUT(v) 0xe6, INPUT_END_PORT, 0xf4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
const uint8_t x86_stubs_out[256 * 16] = {REP256(STUB_OUT)};

#define VECTOR(v) STUB_LO(v), STUB_HI(v), 0, 0,
const uint8_t x86_ivt[256 * 4] = {REP256(VECTOR)};

/* Interrupt gates; INT3, INTO and INT 0x80 may be used from CPL 3, as systems have it. */
#define GATE_TYPE(v) ((v) == 3 || (v) == 4 || (v) == 0x80 ? 0xee : 0x8e)
#define GATE32(v) STUB_LO(v), STUB_HI(v), X86_SEL_CODE32, 0, 0, GATE_TYPE(v), 0, 0,
const uint8_t x86_idt32[256 * 8] = {REP256(GATE32)};

#define GATE32_1(v) STUB_LO(v), STUB_HI(v), X86_SEL_CODE32_1, 0, 0, GATE_TYPE(v), 0, 0,
const uint8_t x86_idt32_1[256 * 8] = {REP256(GATE32_1)};

#define GATE64(v) STUB_LO(v), STUB_HI(v), X86_SEL_CODE64, 0, 0, GATE_TYPE(v), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
const uint8_t x86_idt64[256 * 16] = {REP256(GATE64)};

/*
 * Flat segments, accessed bits set so that loading one writes nothing. The two TSS descriptors are 16 bytes long;
 * 32-bit mode reads the first half only. Bytes: limit 15:0, base 23:0, access, flags and limit 19:16, base 31:24.
 */
#define FLAT(access, flags) 0xff, 0xff, 0, 0, 0, access, flags, 0
#define TSS(at) X86_TSS_SIZE - 1, 0, (at) & 0xff, (at) >> 8, 0, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
const uint8_t x86_gdt[X86_GDT_SIZE] = {
    0, 0, 0, 0, 0, 0, 0, 0,
    FLAT(0x9b, 0xcf), FLAT(0x93, 0xcf), FLAT(0x9b, 0xaf), FLAT(0x9b, 0x00), /* 08 10 18 20 */
    0, 0, 0, 0, 0, 0, 0, 0,
    FLAT(0xfb, 0xcf), FLAT(0xf3, 0xcf), FLAT(0xfb, 0xaf), FLAT(0xfb, 0x00), /* 30 38 40 48 */
    TSS(X86_TSS), TSS(X86_TSS1),                                            /* 50 60 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

const uint8_t x86_gdt_1[16] = {FLAT(0xbb, 0xcf), FLAT(0xb3, 0xcf)};

#define STACK_1(stack) {(stack) & 0xff, (stack) >> 8, 0, 0, X86_SEL_DATA_1}
const uint8_t x86_tss_1[TSP_MAX_VCPU][8] = {STACK_1(X86_RING0_STACK), STACK_1(X86_RING0_STACK1),
                                            STACK_1(X86_RING0_STACK2), STACK_1(X86_RING0_STACK3)};

#define TSS32(stack) {[4] = (stack) & 0xff, (stack) >> 8, [8] = X86_SEL_DATA, \
                      [0x66] = X86_TSS_BITMAP, [X86_TSS_SIZE - 1] = 0xff}
#define TSS64(stack) {[4] = (stack) & 0xff, (stack) >> 8, [0x66] = X86_TSS_BITMAP, [X86_TSS_SIZE - 1] = 0xff}
const uint8_t x86_tss32[TSP_MAX_VCPU][X86_TSS_SIZE] = {TSS32(X86_RING0_STACK), TSS32(X86_RING0_STACK1),
                                                       TSS32(X86_RING0_STACK2), TSS32(X86_RING0_STACK3)};
const uint8_t x86_tss64[TSP_MAX_VCPU][X86_TSS_SIZE] = {TSS64(X86_RING0_STACK), TSS64(X86_RING0_STACK1),
                                                       TSS64(X86_RING0_STACK2), TSS64(X86_RING0_STACK3)};
/* clang-format on */
