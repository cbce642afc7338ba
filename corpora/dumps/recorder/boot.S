/* SPDX-License-Identifier: MIT */
/*
 * A floppy that any PC emulator starts: loads the rest of itself behind it, goes to protected mode,
 * and calls recorder_main. On processors with long mode it is switched on first, with code that
 * stays 32-bit: Intel's processors list SYSCALL only then (Intel SDM Vol. 2A CPUID).
 */
    .section .boot, "ax"
    .code16
    .globl _start
_start:
    cli
    ljmp $0, $1f
1:  xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $(0x0200 + 17), %ax     /* read 17 sectors: the rest of the first track */
    mov $0x7e00, %bx
    mov $0x0002, %cx            /* cylinder 0, from sector 2 */
    xor %dh, %dh                /* head 0 of the drive in DL */
    int $0x13
    lgdtl gdt_at
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $protected

    .code32
protected:
    mov $16, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %esp
    call recorder_main
2:  hlt
    jmp 2b

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9a000000ffff
    .quad 0x00cf92000000ffff
gdt_at:
    .word 23
    .long gdt

    .org 510
    .word 0xaa55
