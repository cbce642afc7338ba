/* SPDX-License-Identifier: MIT */
/*
 * Clocks KVM writes into guest memory (torvalds/linux Documentation/virt/kvm/x86/msr.rst,
 * hypercalls.rst; arch/x86/ include/asm/pvclock-abi.h). The model's clock is its instruction count:
 * 1 GHz; the day of CLOCK_PAIRING starts as that of AArch64's PTP service does.
 */
#include "emu/hv/kvm.h"

#include <string.h>

#include "trapspec/bits.h"

#define NSEC_PER_SEC 1000000000u
#define WALLCLOCK 0
#define WALL_START 1577836800u /* 2020-01-01T00:00:00Z */

/* 64 bytes: sec s64, nsec s64, tsc u64, flags u32, 36 bytes of padding. */
enum step kvm_clock_pairing(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint8_t block[64] = {0};

    call->nret = 1;
    if (call->arg[1] != WALLCLOCK || (vm->setup->config & TSP_CFG_HOST_TSC) == 0) {
        call->ret[0] = kvm_error(KVM_EOPNOTSUPP);
        return STEP_NEXT;
    }
    le_store(block, WALL_START + vm->tsc / NSEC_PER_SEC, 8);
    le_store(block + 8, vm->tsc % NSEC_PER_SEC, 8);
    le_store(block + 16, vcpu_tsc(vm, vc), 8);
    call->ret[0] = kvm_write(vm, call->arg[0], block, sizeof(block)) ? 0 : kvm_error(KVM_EFAULT);
    return STEP_NEXT;
}

#define PAGE 4096u
#define TIME_BLOCK 32u
#define GUEST_STOPPED 2u /* flag of the time block that is the guest's to clear */

/* The word that is there, 0 where nothing can be read. */
static uint32_t read_word(const struct vm *vm, uint64_t gpa)
{
    uint8_t b[4] = {0};

    if (mem_has(&vm->mem, gpa, sizeof(b)))
        mem_get(&vm->mem, gpa, b, sizeof(b));
    return (uint32_t)le_load(b, 4);
}

/* 12 bytes: version u32 (even: complete), sec u32, nsec u32 of the machine's start. The version
 * goes on from what the guest has there; an odd one is junk. An address of 0 writes nothing. */
void kvm_write_wall_clock(struct vm *vm, uint64_t gpa)
{
    uint32_t version = read_word(vm, gpa);
    uint8_t block[12] = {0};

    if (gpa == 0)
        return;
    le_store(block, version + (version & 1) + 2, 4);
    kvm_write(vm, gpa, block, sizeof(block));
}

/* Whether there is a block to write, whose place then is known. Bit 0 of the MSR enables. KVM maps
 * the block's page: a block that crosses into another cannot be mapped (kvm_gpc_activate). */
bool kvm_place_system_time(const struct vm *vm, struct vcpu *vc, uint64_t msr)
{
    uint64_t at = msr & ~(uint64_t)1;

    if (!bits_test(msr, 0))
        return false;
    if (at % PAGE + TIME_BLOCK > PAGE)
        return vm_behaves(vm, BEHAVIOUR_CLOCK_ELSEWHERE);
    vc->hv_state[KVM_VC_CLOCK_AT] = at;
    return true;
}

/*
 * 32 bytes: version u32, pad u32, tsc_timestamp u64, system_time u64, tsc_to_system_mul u32,
 * tsc_shift s8, flags u8, pad[2]. One tick is one nanosecond: mul is 2^31 with a shift of one to
 * the left.
 */
void kvm_write_system_time(struct vm *vm, const struct vcpu *vc)
{
    uint64_t at = vc->hv_state[KVM_VC_CLOCK_AT];
    uint8_t block[TIME_BLOCK] = {0};

    le_store(block, ((read_word(vm, at) + 1) | 1) + 1, 4);
    le_store(block + 8, vcpu_tsc(vm, vc), 8);
    le_store(block + 16, vm->tsc, 8);
    le_store(block + 24, 0x80000000u, 4);
    block[28] = 1;
    block[29] = (vm->setup->config & TSP_CFG_HOST_TSC) != 0; /* stable across vCPUs */
    block[29] |= read_word(vm, at + 28) >> 8 & GUEST_STOPPED;
    kvm_write(vm, at, block, sizeof(block));
}

/* 64 bytes: steal u64, version u32, flags u32, preempted u8, padding, which is left alone. Nothing
 * is ever stolen here. */
void kvm_write_steal_time(struct vm *vm, uint64_t msr)
{
    uint64_t at = msr & ~(uint64_t)0x3f;
    uint32_t version = read_word(vm, at + 8);
    uint8_t word[4];

    if (!bits_test(msr, 0))
        return;
    le_store(word, version + (version & 1) + 2, 4);
    if (kvm_write(vm, at + 8, word, sizeof(word)))
        kvm_write(vm, at + 16, "", 1);
}
