/* SPDX-License-Identifier: MIT */
/* Each encoding of the two hypercall instructions with one prefix, and CPUID with all that are harmless. */
        .intel_syntax noprefix
        .code64
        .globl  _start
_start:
        mov     eax, 1
        .byte   0x66, 0x0f, 0xa2        /* 66 cpuid */
        mov     eax, 0x40000000
        .byte   0xf3, 0x0f, 0xa2        /* f3 cpuid */
        mov     eax, 1
        vmcall
        mov     eax, 1
        vmmcall
        out     0xf4, al
