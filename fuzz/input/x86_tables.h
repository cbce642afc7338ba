/* SPDX-License-Identifier: MIT */
/* The constant parts of the x86 machine and where they lie. Private to fuzz/input. */
#ifndef TSP_FUZZ_INPUT_X86_TABLES_H
#define TSP_FUZZ_INPUT_X86_TABLES_H

#include "fuzz/input/record.h"

#define X86_GDT 0x1000u
#define X86_IDT 0x2000u
#define X86_PML4 0x4000u
#define X86_PDPT 0x5000u
#define X86_PD 0x6000u
#define X86_PT 0x7000u
#define X86_PD32 0x8000u
#define X86_PT32 0x9000u
#define X86_TSS 0xa000u  /* of the first vCPU */
#define X86_TSS1 0xa800u /* of the second */
#define X86_TSS2 0xa100u
#define X86_TSS3 0xa900u
#define X86_STACK 0xe000u
#define X86_STACK1 0xd000u
#define X86_STACK2 0xc800u
#define X86_STACK3 0xc400u
#define X86_RING0_STACK 0xc000u
#define X86_RING0_STACK1 0xb800u
#define X86_RING0_STACK2 0xb400u
#define X86_RING0_STACK3 0xb200u
#define X86_CODE1 0x18000u   /* code of the second vCPU's own */
#define X86_CODE1_16 0xe100u /* the same for 16-bit modes */

#define X86_GDT_SIZE 0x80u
#define X86_GDT_LIMIT 0x7fu
#define X86_SEL_CODE32 0x08u
#define X86_SEL_DATA 0x10u
#define X86_SEL_CODE64 0x18u
#define X86_SEL_CODE16 0x20u
#define X86_SEL_CODE32_3 0x33u
#define X86_SEL_DATA_3 0x3bu
#define X86_SEL_CODE64_3 0x43u
#define X86_SEL_CODE16_3 0x4bu
#define X86_SEL_TSS 0x50u
#define X86_SEL_TSS1 0x60u
#define X86_SEL_CODE32_1 0x71u /* these two in machines whose kernel is at CPL 1 alone */
#define X86_SEL_DATA_1 0x79u

/* 104 bytes, an I/O bitmap of 256 open ports, and the byte of ones that must end it (Intel SDM Vol.
 * 1, 19.5.2). */
#define X86_TSS_BITMAP 0x68u
#define X86_TSS_SIZE (X86_TSS_BITMAP + 32u + 1u)

extern const uint8_t x86_gdt[X86_GDT_SIZE];
extern const uint8_t x86_stubs[256 * 16], x86_stubs_out[256 * 16];
extern const uint8_t x86_ivt[256 * 4];
extern const uint8_t x86_idt32[256 * 8];
/* For a kernel at CPL 1: descriptors from X86_SEL_CODE32_1 on, gates, and per vCPU ESP1 and SS1 of
 * a TSS. */
extern const uint8_t x86_gdt_1[16], x86_idt32_1[256 * 8], x86_tss_1[TSP_MAX_VCPU][8];
#define X86_TSS_ESP1 0xcu
extern const uint8_t x86_idt64[256 * 16];
extern const uint8_t x86_tss32[TSP_MAX_VCPU][X86_TSS_SIZE];
extern const uint8_t x86_tss64[TSP_MAX_VCPU][X86_TSS_SIZE];

#endif
