/* SPDX-License-Identifier: MIT */
/*
 * The CPUID instruction: the policy's answer, with the bits that follow run-time state. Every rule
 * is the processor's (Intel SDM Vol. 2A CPUID) in the form KVM gives it (torvalds/linux
 * arch/x86/kvm/cpuid.c
 * __kvm_update_cpuid_runtime, kvm_cpuid).
 */
#include <string.h>

#include "emu/policy/lookup.h"
#include "emu/x86/x86.h"
#include "trapspec/bits.h"

#define EAX 0
#define EBX 1
#define ECX 2
#define EDX 3

#define CR4_OSXSAVE 18
#define CR4_PKE 22
#define APIC_BASE_ENABLE 11

#define L1_ECX_OSXSAVE 27
#define L1_EDX_APIC 9
#define L7_ECX_OSPKE 4
#define L7_EBX_TSX (1u << 4 | 1u << 11) /* HLE, RTM */
#define MSR_TSX_CTRL 0x122u
#define TSX_CPUID_CLEAR 1
#define LD1_XSAVEC 1
#define LD1_XSAVES 3

#define LEAF_EXTENDED 0x80000001u
#define L81_ECX_TOPOEXT 22
#define L81_EDX_SYSCALL 11
#define LEAF_AMD_ID 0x8000001eu
#define LEAF_AMD_TOPOLOGY 0x80000026u

/* Standard-format place and size of the XSAVE components on Intel's processors. */
struct xsave_part {
    uint8_t bit;
    bool align; /* starts at a multiple of 64 in the compacted form */
    uint16_t offset, size;
};

static const struct xsave_part xsave_parts[] = {
    {2, false, 0x240, 0x100},  /* AVX */
    {3, false, 0x3c0, 0x40},   /* BNDREGS */
    {4, false, 0x400, 0x40},   /* BNDCSR */
    {5, false, 0x440, 0x40},   /* opmask */
    {6, false, 0x480, 0x200},  /* upper halves of ZMM0-15 */
    {7, false, 0x680, 0x400},  /* ZMM16-31 */
    {8, false, 0, 0x80},       /* PT, supervisor: compacted form only */
    {9, false, 0xa80, 0x8},    /* PKRU */
    {10, false, 0, 0x8},       /* PASID, supervisor */
    {11, false, 0, 0x10},      /* CET user, supervisor */
    {12, false, 0, 0x18},      /* CET supervisor */
    {17, true, 0xac0, 0x40},   /* XTILECFG */
    {18, true, 0xb00, 0x2000}, /* XTILEDATA */
};

#define XSAVE_BASE 0x240u /* legacy region and header */

/* Where a component lies: the guest's own sub-leaf says, parts differ; else as Intel's have it. */
static bool xsave_part(const struct tsp_policy *p, unsigned bit, struct xsave_part *out)
{
    const struct tsp_leaf *e = policy_find(p, 0xd, bit);

    if (e != NULL && e->reg[EAX] != 0 && e->reg[EAX] <= UINT16_MAX && e->reg[EBX] <= UINT16_MAX) {
        *out = (struct xsave_part){(uint8_t)bit, bits_test(e->reg[ECX], 1), (uint16_t)e->reg[EBX],
                                   (uint16_t)e->reg[EAX]};
        return true;
    }
    for (size_t i = 0; i < sizeof(xsave_parts) / sizeof(xsave_parts[0]); i++) {
        if (xsave_parts[i].bit == bit) {
            *out = xsave_parts[i];
            return true;
        }
    }
    return false;
}

/* Bytes XSAVE needs for the components of mask. */
static uint32_t xsave_size(const struct tsp_policy *p, uint64_t mask, bool compacted)
{
    uint32_t size = XSAVE_BASE;

    for (unsigned bit = 2; bit < 63; bit++) {
        struct xsave_part part;
        uint32_t at;

        if (!bits_test(mask, bit) || !xsave_part(p, bit, &part))
            continue;
        at = part.offset;
        if (compacted)
            at = part.align ? (size + 63) & ~63u : size;
        if (at + part.size > size)
            size = at + part.size;
    }
    return size;
}

static uint32_t put_bit(uint32_t reg, unsigned bit, bool on)
{
    return on ? reg | 1u << bit : reg & ~(1u << bit);
}

/* Leaf 0xD sub-leaf 1 has a compacted size only where a compacting instruction exists. */
static void xsave_sizes(const struct vm *vm, const struct vcpu *vc, uint32_t subleaf,
                        uint32_t out[4])
{
    const struct tsp_policy *p = &vm->setup->policy[0];
    uint64_t xcr0 = vc->s.x86.xcr0;

    if (subleaf == 0)
        out[EBX] = xsave_size(p, xcr0, false);
    else if (bits_test(out[0], LD1_XSAVEC) || bits_test(out[0], LD1_XSAVES))
        out[EBX] = xsave_size(p, xcr0 | vc->s.x86.xss, true);
}

/* TSX_CTRL hides the features it disables (Intel, TSX Asynchronous Abort). */
static void hide_tsx(const struct vcpu *vc, uint32_t out[4])
{
    const struct tsp_x86_state *x = &vc->s.x86;

    for (uint32_t i = 0; i < x->nmsr && i < TSP_MAX_MSR; i++)
        if (x->msr[i].index == MSR_TSX_CTRL && bits_test(x->msr[i].value, TSX_CPUID_CLEAR))
            out[EBX] &= ~L7_EBX_TSX;
}

/*
 * The entry that answered decides, not the leaf that was asked: a redirected request shows the
 * run-time bits too. Leaves without a significant index are those whose first entry answered.
 */
static void run_time_bits(struct vm *vm, const struct vcpu *vc, const struct tsp_leaf *e,
                          uint32_t out[4])
{
    const struct tsp_policy *p = &vm->setup->policy[0];
    const struct tsp_x86_state *x = &vc->s.x86;

    if (e->leaf == 1 && e == policy_first(p, 1)) {
        if (!vm_behaves(vm, BEHAVIOUR_MUT_OSXSAVE))
            out[ECX] = put_bit(out[ECX], L1_ECX_OSXSAVE, bits_test(x->cr4, CR4_OSXSAVE));
        out[EDX] = put_bit(out[EDX], L1_EDX_APIC, bits_test(x->apic_base, APIC_BASE_ENABLE));
    }
    if (e->leaf == 7 && e == policy_find(p, 7, 0)) {
        if (!vm_behaves(vm, BEHAVIOUR_MUT_OSXSAVE))
            out[ECX] = put_bit(out[ECX], L7_ECX_OSPKE, bits_test(x->cr4, CR4_PKE));
        hide_tsx(vc, out);
    }
    if (e->leaf == 0xd && !vm_behaves(vm, BEHAVIOUR_MUT_XSAVE_STALE))
        for (uint32_t sub = 0; sub < 2; sub++)
            if (e == policy_find(p, 0xd, sub))
                xsave_sizes(vm, vc, sub, out);
}

/* A topology leaf is there when its first level has processors. */
static bool has_topology(const struct tsp_policy *p, uint32_t leaf)
{
    const struct tsp_leaf *e = policy_find(p, leaf, 0);

    return e != NULL && e->reg[EBX] != 0;
}

/* AMD's leaves of its ids mean nothing on the processors that are Intel's or Centaur's (AMD APM
 * Vol. 3 Appendix E; Intel SDM Vol. 2A CPUID does not list them). */
static bool has_amd_leaves(const struct tsp_policy *p)
{
    enum tsp_vendor vendor = policy_vendor(p);

    return vendor != TSP_VENDOR_INTEL && vendor != TSP_VENDOR_CENTAUR;
}

/* The asking processor's own number, wherever the vendors put it. */
static void own_ids(struct vm *vm, const struct vcpu *vc, const struct tsp_leaf *e, uint32_t out[4])
{
    const struct tsp_policy *p = &vm->setup->policy[0];
    uint32_t id = vc->s.x86.apic_id;

    if (e->leaf == 1)
        out[EBX] = (uint32_t)bits_set(out[EBX], 31, 24, id);
    if ((e->leaf == 0xb || e->leaf == 0x1f) && has_topology(p, e->leaf))
        out[EDX] = id;
    if (e->leaf == LEAF_AMD_TOPOLOGY && has_amd_leaves(p) && has_topology(p, e->leaf))
        out[EDX] = id;
    if (e->leaf == LEAF_AMD_ID && has_amd_leaves(p)) {
        const struct tsp_leaf *ext = policy_find(p, LEAF_EXTENDED, 0);

        if (ext != NULL && bits_test(ext->reg[ECX], L81_ECX_TOPOEXT))
            out[EAX] = id;
    }
}

/* What a processor does beyond KVM's list of run-time bits: its own ids, and SYSCALL, which Intel
 * enumerates in 64-bit mode only (SDM Vol. 2A CPUID). */
static void processor_bits(struct vm *vm, const struct vcpu *vc, const struct tsp_leaf *e,
                           uint32_t out[4])
{
    if (!vm_behaves(vm, BEHAVIOUR_APIC_ID_STATIC))
        own_ids(vm, vc, e, out);
    if (e->leaf == LEAF_EXTENDED && vc->s.regs.mode != TSP_MODE_LONG64 &&
        !vm_behaves(vm, BEHAVIOUR_SYSCALL_STATIC) &&
        policy_vendor(&vm->setup->policy[0]) == TSP_VENDOR_INTEL)
        out[EDX] = put_bit(out[EDX], L81_EDX_SYSCALL, false);
}

/* Who runs the machine: a second personality is what its leaves show, and answers nothing. */
static const struct hv_ops *below(const struct vm *vm)
{
    return vm->hv[0] != NULL ? vm->hv[0] : vm->hv[1];
}

/* The first personality's rules, and those that are wrong on purpose. */
static unsigned lookup_rules(const struct vm *vm)
{
    const struct hv_ops *hv = below(vm);

    return (hv != NULL ? hv->policy_rules : 0) |
           (vm_behaves(vm, BEHAVIOUR_MUT_NO_ECHO) ? POLICY_NO_ECHO : 0) |
           (vm_behaves(vm, BEHAVIOUR_MUT_HV_BASIC) ? POLICY_HV_BASIC : 0) |
           (vm_behaves(vm, BEHAVIOUR_MUT_AMD_REDIRECT) ? POLICY_AMD_REDIRECT : 0);
}

/* What the leaf's data and the vCPU's state say, before the hypervisor has its word. */
static void processor_answer(struct vm *vm, struct vcpu *vc, uint32_t leaf, uint32_t subleaf,
                             uint32_t out[4])
{
    const uint32_t in[2] = {leaf, subleaf};
    const struct tsp_leaf *e = NULL;
    bool echo = false;

    memset(out, 0, 4 * sizeof(out[0]));
    if (vm->setup->npolicy != 0)
        echo = policy_answer_as(&vm->setup->policy[0], in, lookup_rules(vm), out, &e);
    if (echo && !vm_behaves(vm, BEHAVIOUR_APIC_ID_STATIC))
        out[EDX] = vc->s.x86.apic_id;
    if (e != NULL) {
        run_time_bits(vm, vc, e, out);
        processor_bits(vm, vc, e, out);
    }
}

static void hypervisor_answer(struct vm *vm, struct vcpu *vc, uint32_t leaf, uint32_t subleaf,
                              uint32_t out[4])
{
    const struct hv_ops *hv = below(vm);

    if (hv != NULL && hv->cpuid != NULL)
        hv->cpuid(vm, vc, leaf, subleaf, out);
}

void x86_cpuid_answer(struct vm *vm, struct vcpu *vc, uint32_t leaf, uint32_t subleaf,
                      uint32_t out[4])
{
    processor_answer(vm, vc, leaf, subleaf, out);
    hypervisor_answer(vm, vc, leaf, subleaf, out);
}

#define BLOCK 0x100u /* leaves; policy_served changes once in one */

/* Which leaves of a block the policy has entries for, and those that answer without one. */
struct block {
    uint64_t own[BLOCK / 64];
    bool uniform; /* the others are all served alike */
};

static void own_leaf(struct block *b, uint32_t block, uint32_t leaf)
{
    if (leaf / BLOCK == block)
        b->own[leaf % BLOCK / 64] |= 1ull << leaf % 64;
}

static void open_block(const struct vm *vm, uint32_t block, struct block *b)
{
    const struct tsp_policy *p = &vm->setup->policy[0];
    uint32_t first = block * BLOCK, last = first + BLOCK - 1, at_first, at_last;

    memset(b, 0, sizeof(*b));
    for (size_t i = 0; i < p->n; i++)
        own_leaf(b, block, p->leaf[i].leaf);
    /* Topology leaves echo their sub-leaf without an entry. */
    own_leaf(b, block, 0xb);
    own_leaf(b, block, 0x1f);
    at_first = policy_served(p, lookup_rules(vm), first);
    at_last = policy_served(p, lookup_rules(vm), last);
    b->uniform = (at_first == first) == (at_last == last);
}

/* Leaves without an entry are answered alike where the same leaf serves them: what the processor
 * says is worked out once for each, what the hypervisor says for every leaf. */
static void answer_block(struct vm *vm, struct vcpu *vc, const uint32_t in[3], uint32_t (*out)[4])
{
    uint32_t first = in[0], n = in[1], sub = in[2], alike[4];
    bool known = false;
    struct block b;

    open_block(vm, first / BLOCK, &b);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t leaf = first + i;
        bool own = (b.own[leaf % BLOCK / 64] >> leaf % 64 & 1) != 0;

        if (own || !b.uniform) {
            processor_answer(vm, vc, leaf, sub, out[i]);
        } else {
            if (!known)
                processor_answer(vm, vc, leaf, sub, alike);
            known = true;
            memcpy(out[i], alike, sizeof(alike));
        }
        hypervisor_answer(vm, vc, leaf, sub, out[i]);
    }
}

void x86_cpuid_range(struct vm *vm, struct vcpu *vc, const uint32_t in[3], uint32_t (*out)[4])
{
    uint64_t at = in[0], end = at + in[1];

    while (at < end) {
        uint64_t next = at / BLOCK * BLOCK + BLOCK;
        uint32_t n = (uint32_t)((next < end ? next : end) - at);

        if (vm->setup->npolicy == 0)
            for (uint32_t i = 0; i < n; i++)
                x86_cpuid_answer(vm, vc, (uint32_t)at + i, in[2], out[i]);
        else
            answer_block(vm, vc, (const uint32_t[]){(uint32_t)at, n, in[2]}, out);
        out += n;
        at += n;
    }
}

/* Written as 32-bit registers are in 64-bit mode: the upper halves become zero in every mode. */
static void write_result(struct vm *vm, struct vcpu *vc, const uint32_t out[4])
{
    static const uint8_t order[4] = {TSP_RAX, TSP_RBX, TSP_RCX, TSP_RDX};

    for (unsigned i = 0; i < 4; i++) {
        uint64_t *r = &vc->s.regs.r[order[i]];

        if (vm_behaves(vm, BEHAVIOUR_MUT_UPPER_HALF))
            *r = (*r & ~(uint64_t)0xffffffff) | out[i];
        else
            *r = out[i];
    }
}

enum step x86_cpuid(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t out[4];

    /* CPUID faulting: real mode has privilege level 0, virtual-8086 mode 3. Never in SMM. */
    if (bits_test(vc->s.x86.cpuid_faulting, 0) && vc->s.regs.level > 0 && !vc->s.x86.smm)
        return step_fault_code(vc, X86_GP, 0);
    x86_cpuid_answer(vm, vc, (uint32_t)vc->s.regs.r[TSP_RAX], (uint32_t)vc->s.regs.r[TSP_RCX], out);
    write_result(vm, vc, out);
    vcpu_advance(vc, in->len);
    vm->ev->kind = TSP_EV_CPUID;
    return STEP_EVENT;
}
