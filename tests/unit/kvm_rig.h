/* SPDX-License-Identifier: MIT */
/* A machine without a run loop: handlers are called one at a time, so that a test sees each step.
 */
#ifndef TSP_TESTS_UNIT_KVM_RIG_H
#define TSP_TESTS_UNIT_KVM_RIG_H

#include <stdlib.h>

#include "emu/policy/lookup.h"
#include "emu/x86/x86.h"
#include "tests/test_main.h"

#define RIG_RAM 0x40000u
#define RIG_CODE 0x10000u

struct rig {
    struct vm *vm;
    struct tsp_setup setup;
    struct tsp_event ev;
    struct tsp_leaf leaf[TSP_MAX_LEAF];
};

static inline void rig_open(struct rig *r, const char *profile)
{
    memset(r, 0, sizeof(*r));
    r->vm = calloc(1, sizeof(*r->vm));
    assert_non_null(r->vm);
    assert_int_equal(behaviour_parse(profile, r->vm->behaviour, VM_BEHAVIOUR_WORDS, NULL), TSP_OK);
    assert_true(mem_open(&r->vm->mem));
    r->vm->code = code_open();
    r->vm->dec = decoder_open();
    assert_non_null(r->vm->code);
    assert_non_null(r->vm->dec);
    r->setup.arch = TSP_ARCH_X86;
    r->setup.nvcpu = 1;
    r->setup.persona[0] = TSP_PERSONA_KVM;
    r->setup.ram_size = RIG_RAM;
    r->setup.npolicy = 1;
    r->setup.policy[0].leaf = r->leaf;
    r->setup.policy[0].n =
        policy_default(TSP_VENDOR_INTEL, TSP_PERSONA_KVM, 0x40000000, r->leaf, TSP_MAX_LEAF);
}

static inline void rig_close(struct rig *r)
{
    mem_close(&r->vm->mem);
    code_close(r->vm->code);
    decoder_close(r->vm->dec);
    free(r->vm);
}

/* 64-bit code at CPL 0, flat, paging off (the model does not mind): what most tests start from. */
static inline struct tsp_vcpu_state *rig_vcpu(struct rig *r, unsigned i)
{
    struct tsp_vcpu_state *s = &r->setup.vcpu[i];

    memset(s, 0, sizeof(*s));
    s->regs.mode = TSP_MODE_LONG64;
    s->regs.pc = RIG_CODE;
    s->regs.flags = 2;
    s->x86.cr0 = 1;
    s->x86.xcr0 = 1;
    s->x86.apic_id = i;
    s->x86.apic_base = 0xfee00800;
    for (unsigned k = 0; k < TSP_SEG_COUNT; k++)
        s->x86.seg[k].limit = 0xffffffff;
    return s;
}

/* Puts the set-up in force. */
static inline void rig_start(struct rig *r)
{
    struct vm *vm = r->vm;

    vm->setup = &r->setup;
    vm->ev = &r->ev;
    vm->nvcpu = r->setup.nvcpu;
    mem_reset(&vm->mem, r->setup.ram_base, r->setup.ram_size);
    code_reset(vm->code);
    memset(vm->hv_state, 0, sizeof(vm->hv_state));
    for (unsigned i = 0; i < vm->nvcpu; i++) {
        memset(&vm->vcpu[i], 0, sizeof(vm->vcpu[i]));
        vm->vcpu[i].id = i;
        vm->vcpu[i].s = r->setup.vcpu[i];
    }
    for (unsigned i = 0; i < 2; i++) {
        vm->hv[i] = hv_find((enum tsp_persona)r->setup.persona[i], TSP_ARCH_X86);
        if (vm->hv[i] != NULL && vm->hv[i]->reset != NULL)
            vm->hv[i]->reset(vm);
    }
}

static inline void rig_decode(struct rig *r, unsigned i, struct insn *in)
{
    struct vcpu *vc = &r->vm->vcpu[i];
    uint8_t text[TSP_INSN_BYTES];
    unsigned n = mmu_fetch(r->vm, vc, vcpu_lin(vc), text, sizeof(text));

    decode_one(r->vm->dec, (enum tsp_mode)vc->s.regs.mode, text, n, in);
}

/* Executes the hypercall instruction at pc; other instructions count as undefined. */
static inline enum step rig_call(struct rig *r, unsigned i)
{
    struct vcpu *vc = &r->vm->vcpu[i];
    struct insn in;

    memset(&r->ev, 0, sizeof(r->ev));
    rig_decode(r, i, &in);
    if (in.status == INSN_OK && (in.op == OP_VMCALL || in.op == OP_VMMCALL))
        return x86_hypercall(r->vm, vc, &in);
    return x86_undefined(r->vm, vc, &in);
}

static inline void rig_poke(struct rig *r, uint64_t gpa, const void *buf, size_t len)
{
    assert_true(vm_store_phys(r->vm, gpa, buf, len));
}

static inline void rig_peek(struct rig *r, uint64_t gpa, void *buf, size_t len)
{
    assert_true(mem_has(&r->vm->mem, gpa, len));
    mem_get(&r->vm->mem, gpa, buf, len);
}

#endif
