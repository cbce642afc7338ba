/* SPDX-License-Identifier: MIT */
/* The facade: opening, resetting and looking into a machine. */
#include "emu/emu.h"

#include <stdio.h>
#include <stdlib.h>

#include "decoder/decoder.h"
#include "emu/arm64/arm32.h"
#include "emu/hv/hv.h"
#include "emu/policy/lookup.h"
#include "emu/policy/verify.h"
#include "emu/state/code.h"
#include "emu/state/mmu.h"
#include "emu/state/overlay.h"
#include "emu/x86/form.h"
#include "emu/x86/x86.h"

#define LEAF_ADDRESS_SIZES 0x80000008u /* EAX[7:0]: MAXPHYADDR (Intel SDM Vol. 2A, CPUID) */
#define MAXPHYADDR 52u                 /* the most that 64-bit page tables can express */

static enum tsp_status no_memory(struct tsp_error *err)
{
    if (err) {
        err->code = TSP_ENOMEM;
        err->line = 0;
        snprintf(err->text, sizeof(err->text), "out of memory");
    }
    return TSP_ENOMEM;
}

enum tsp_status vm_open(struct vm **out, const char *profile, struct tsp_error *err)
{
    uint64_t set[VM_BEHAVIOUR_WORDS];
    enum tsp_status status = behaviour_parse(profile, set, VM_BEHAVIOUR_WORDS, err);
    struct vm *vm;

    *out = NULL;
    if (status != TSP_OK)
        return status;
    vm = calloc(1, sizeof(*vm));
    if (!vm)
        return no_memory(err);
    memcpy(vm->behaviour, set, sizeof(set));
    if (strncmp(profile, "hyperv", 6) == 0)
        vm->only = TSP_PERSONA_HYPERV;
    if (strncmp(profile, "lguest", 6) == 0)
        vm->only = TSP_PERSONA_LGUEST;
    vm->code = code_open();
    vm->dec = decoder_open();
    if (!mem_open(&vm->mem) || !vm->code || !vm->dec) {
        vm_close(vm);
        return no_memory(err);
    }
    code_bind(vm->code, form_bind);
    *out = vm;
    return TSP_OK;
}

void vm_close(struct vm *vm)
{
    if (!vm)
        return;
    mem_close(&vm->mem);
    code_close(vm->code);
    if (vm->dec)
        decoder_close(vm->dec);
    free(vm);
}

static bool pages_ok(const struct tsp_setup *s)
{
    if (s->npage > TSP_MAX_PAGE || (s->npage && !s->page))
        return false;
    for (uint32_t i = 0; i < s->npage; i++) {
        const struct tsp_page *p = &s->page[i];

        if (p->gpa < s->ram_base || !range_ok(p->gpa - s->ram_base, p->len, s->ram_size))
            return false;
    }
    return true;
}

static bool policies_ok(const struct tsp_setup *s)
{
    if (s->npolicy > 4)
        return false;
    for (uint32_t i = 0; i < s->npolicy; i++)
        if (s->policy[i].n > TSP_MAX_LEAF || (s->policy[i].n && !s->policy[i].leaf))
            return false;
    return true;
}

static bool vcpu_ok(const struct tsp_vcpu_state *v)
{
    return v->x86.nmsr <= TSP_MAX_MSR && v->run_state <= TSP_RUN_STOPPED;
}

static bool setup_ok(const struct tsp_setup *s)
{
    if (s->protocol >= TSP_PROTOCOL_COUNT || (s->protocol && s->arch != TSP_ARCH_X86))
        return false;
    if (s->arch >= TSP_ARCH_COUNT || s->host >= TSP_VENDOR_COUNT || s->patch >= TSP_PATCH_COUNT)
        return false;
    if (s->persona[0] >= TSP_PERSONA_COUNT || s->persona[1] >= TSP_PERSONA_COUNT)
        return false;
    if (s->nvcpu < 1 || s->nvcpu > TSP_MAX_VCPU)
        return false;
    if (s->ram_base % MEM_PAGE || s->ram_size % MEM_PAGE || s->ram_size > (uint64_t)TSP_MAX_RAM)
        return false;
    if (s->ram_size == 0 || s->ram_base > UINT64_MAX - s->ram_size)
        return false;
    for (unsigned i = 0; i < s->nvcpu; i++)
        if (!vcpu_ok(&s->vcpu[i]))
            return false;
    return pages_ok(s) && policies_ok(s);
}

static void load_pages(struct vm *vm)
{
    const struct tsp_setup *s = vm->setup;

    for (uint32_t i = 0; i < s->npage; i++) {
        const struct tsp_page *p = &s->page[i];

        if (p->data)
            mem_put(&vm->mem, p->gpa, p->data, p->len);
        else if (p->len)
            mem_zero(&vm->mem, p->gpa, p->len);
    }
    for (uint32_t i = 0; i < s->npage; i++) {
        const struct tsp_page *p = &s->page[i];
        uint64_t at = p->gpa - p->gpa % MEM_PAGE;

        for (; p->len && (p->flags & TSP_PAGE_ROM) && at < p->gpa + p->len; at += MEM_PAGE)
            mem_page_mark(&vm->mem, at, MEM_ROM);
    }
}

/* r[31] is the stack pointer in use; a set-up may give it there or by name. */
static void arm64_adopt(struct vcpu *vc)
{
    struct tsp_regs *r = &vc->s.regs;
    uint64_t *sp;

    if (tsp_mode_is_aarch32(r->mode)) {
        arm32_adopt(vc);
        return;
    }
    r->mode = TSP_MODE_A64;
    r->level = (r->flags >> 2) & 1; /* PSTATE.M[3:2]: EL0 or EL1 */
    sp = r->level == 1 && (r->flags & 1) ? &vc->s.arm64.sp_el1 : &vc->s.arm64.sp_el0;
    if (r->r[31])
        *sp = r->r[31];
    else
        r->r[31] = *sp;
}

static void vcpu_adopt(struct vm *vm, struct vcpu *vc, const struct tsp_vcpu_state *s)
{
    vc->s = *s;
    vc->s.x86.tsc -= vm->tsc;
    vc->lazy = (struct lazy_flags){0};
    vc->answered = false;
    vc->patch = (struct patch_job){0};
    vc->stall = 0;
    vc->stall_pc = vc->stall_retired = 0;
    vc->stop_code = TSP_STOP_DONE;
    if (vm->setup->protocol != TSP_PROTOCOL_NONE)
        x86_micro_forget(vm, vc);
    vc->micro.wait = false;
    mmu_flush(vc);
    if (vm->setup->arch == TSP_ARCH_X86)
        x86_adopt(vc);
    else
        arm64_adopt(vc);
}

static unsigned guest_maxphyaddr(const struct tsp_setup *s)
{
    const struct tsp_leaf *l =
        s->npolicy ? policy_find(&s->policy[0], LEAF_ADDRESS_SIZES, 0) : NULL;
    unsigned width = l ? l->reg[0] & 0xff : 0;

    return width >= 32 && width <= MAXPHYADDR ? width : MAXPHYADDR;
}

static void start_vcpus(struct vm *vm)
{
    vm->nvcpu = vm->setup->nvcpu;
    for (unsigned i = 0; i < vm->nvcpu; i++) {
        struct vcpu *vc = &vm->vcpu[i];

        vc->id = i;
        vc->retired = 0;
        memset(vc->hv_state, 0, sizeof(vc->hv_state));
        vcpu_adopt(vm, vc, &vm->setup->vcpu[i]);
    }
}

static void start_personas(struct vm *vm)
{
    memset(vm->hv_state, 0, sizeof(vm->hv_state));
    for (unsigned i = 0; i < 2; i++)
        vm->hv[i] =
            hv_find((enum tsp_persona)vm->setup->persona[i], (enum tsp_arch)vm->setup->arch);
    /* KVM that offers Hyper-V's interface beside its own answers for both. */
    for (unsigned i = 0; i < 2; i++)
        if (vm->hv[i] == &hv_hyperv_x86 && vm->hv[1 - i] == &hv_kvm_x86)
            vm->hv[i] = NULL;
    for (unsigned i = 0; i < 2; i++)
        if (vm->hv[i] && vm->hv[i]->reset)
            vm->hv[i]->reset(vm);
}

/* A pool to level against: the guest's policy has to be one that every host of it can offer. */
static void judge_pool(const struct tsp_setup *s, struct tsp_event *out)
{
    struct verify_finding f;

    for (uint32_t i = 1; s->arch == TSP_ARCH_X86 && i < s->npolicy; i++) {
        if (verify_policy(&s->policy[0], &s->policy[i], &f, 1) == 0)
            continue;
        out->code = 1;
        out->info[0] = f.entry + 1;
        out->info[1] = f.reg << 8 | f.lo;
        return;
    }
}

/* The lowest of the bits counts. */
static void judge_asked(const struct vm *vm, struct tsp_event *out)
{
    uint32_t what = vm->setup->config & TSP_CFG_ASK;

    what &= ~what + 1;
    if (vm->setup->arch != TSP_ARCH_X86 || vm->setup->npolicy != 1 || what == 0)
        return;
    for (unsigned i = 0; i < 2; i++) {
        if (vm->hv[i] && vm->hv[i]->ask) {
            out->code = !vm->hv[i]->ask(vm, what);
            out->info[1] = what;
        }
    }
}

enum tsp_status vm_reset(struct vm *vm, const struct tsp_setup *setup, struct tsp_event *out)
{
    if (!setup_ok(setup))
        return TSP_EARG;
    if (vm->only && setup->persona[0] != vm->only)
        return TSP_ENOTSUP;
    if (setup->arch == TSP_ARCH_ARM64 && setup->psci > 0x11 &&
        vm_behaves(vm, BEHAVIOUR_ARM_PSCI_1_1))
        return TSP_ENOTSUP;
    memset(out, 0, sizeof(*out));
    vm->setup = setup;
    vm->ev = out;
    vm->tsc = 0;
    vm->moved = false;
    vm->last_store_told = setup->arch == TSP_ARCH_X86 && vm_behaves(vm, BEHAVIOUR_MMIO_LAST);
    vm->maxphyaddr = guest_maxphyaddr(setup);
    mem_reset(&vm->mem, setup->ram_base, setup->ram_size);
    code_reset(vm->code);
    load_pages(vm);
    start_vcpus(vm);
    start_personas(vm);
    if (setup->protocol != TSP_PROTOCOL_NONE)
        x86_micro_start(vm);
    out->kind = TSP_EV_POLICY;
    judge_pool(setup, out);
    judge_asked(vm, out);
    return TSP_OK;
}

enum tsp_status vm_peek(const struct vm *vm, uint64_t gpa, void *buf, size_t len)
{
    if (!vm->setup || (len && !mem_has(&vm->mem, gpa, len)))
        return TSP_EARG;
    if (len)
        mem_get(&vm->mem, gpa, buf, len);
    overlay_peek(&vm->mem, gpa, buf, len);
    return TSP_OK;
}

enum tsp_status vm_poke(struct vm *vm, uint64_t gpa, const void *buf, size_t len)
{
    if (!vm->setup || (len && !overlay_poke(vm, gpa, buf, len)))
        return TSP_EARG;
    return TSP_OK;
}

bool vm_is_empty(const struct vm *vm, uint64_t gpa, size_t len)
{
    const struct mem *m = &vm->mem;

    if (!vm->setup || len == 0 || !mem_has(m, gpa, len) || m->over->on || m->tracking)
        return false;
    for (uint64_t off = gpa - m->base, end = off + len; off < end; off += MEM_GRANULE)
        if (!mem_clean(m, off))
            return false;
    return mem_clean(m, gpa - m->base + len - 1);
}

enum tsp_status vm_get_vcpu(const struct vm *vm, unsigned vcpu, struct tsp_vcpu_state *out)
{
    if (!vm->setup || vcpu >= vm->nvcpu)
        return TSP_EARG;
    *out = vm->vcpu[vcpu].s;
    out->x86.tsc = vcpu_tsc(vm, &vm->vcpu[vcpu]);
    return TSP_OK;
}

enum tsp_status vm_set_vcpu(struct vm *vm, unsigned vcpu, const struct tsp_vcpu_state *in)
{
    if (!vm->setup || vcpu >= vm->nvcpu || !vcpu_ok(in))
        return TSP_EARG;
    vcpu_adopt(vm, &vm->vcpu[vcpu], in);
    return TSP_OK;
}

uint64_t vm_retired(const struct vm *vm)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < vm->nvcpu; i++)
        n += vm->vcpu[i].retired;
    return n;
}

bool vm_behaviour_at(unsigned i, struct vm_behaviour *out)
{
    return behaviour_at(i, &out->name, &out->text, &out->source);
}

bool vm_profile_at(unsigned i, const char **name, const char **text)
{
    return profile_at(i, name, text);
}

bool vm_profile_has(const char *profile, unsigned i)
{
    return profile_has(profile, i);
}

size_t vm_default_policy(enum tsp_vendor vendor, enum tsp_persona persona, uint32_t base,
                         struct tsp_leaf *out, size_t max)
{
    return policy_default(vendor, persona, base, out, max);
}
