/* SPDX-License-Identifier: MIT */
/* KVM on x86: Linux Documentation/virt/kvm/api.rst and x86/hypercalls.rst. */
#define _GNU_SOURCE
#include "fuzz/target/kvm_live.h"

#include "trapspec/bits.h"

#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* Out of the way of every guest page: KVM on Intel hosts wants four pages of its own. */
#define TSS_ADDR 0xfffbd000ul
#define IDENTITY_MAP 0xfffbc000ull
#define CALL_MAP_GPA_RANGE 12u /* the only call that user space can ask for */
#define QUIRK_FIX_HYPERCALL (1u << 5)
#define NO_HLT_EXITS (1u << 1)
#define LAPIC_SPIV 0xf0u
#define LAPIC_ENABLED 0x1ffu

#define CR0_PE 1ull
#define EFER_LMA (1ull << 10)
#define FLAG_VM (1ull << 17)
#define ATTR_P (1u << 7)
#define TSS_BUSY 2u
#define MSR_TSC 0x10u
#define MSR_PLATFORM_INFO 0xceu
#define MSR_MISC_FEATURES 0x140u
#define MSR_XSS 0xda0u
#define MSR_TSC_AUX 0xc0000103u

static bool only_kvm(const struct tsp_setup *s)
{
    bool kvm = false;

    for (unsigned i = 0; i < 2; i++) {
        if (s->persona[i] == TSP_PERSONA_KVM)
            kvm = true;
        else if (s->persona[i] != TSP_PERSONA_NONE && s->persona[i] != TSP_PERSONA_HYPERV)
            return false;
    }
    return kvm;
}

/* Of what user space can ask, the lowest bit is. */
static uint32_t asked(const struct tsp_setup *s)
{
    uint32_t what = s->config & TSP_CFG_ASK;

    return what & (~what + 1);
}

#define CLOCK_SOURCE_EVERY 64u

/* A kernel may find its TSC unreliable while it runs (Documentation/timers/timekeeping.rst), from
 * when on it answers CLOCK_PAIRING otherwise. */
static void read_clock_source(struct live_machine *k)
{
    char name[16] = "";
    FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");

    if (!f)
        return;
    if (!fgets(name, sizeof(name), f))
        name[0] = 0;
    fclose(f);
    k->host.tsc = strcmp(name, "tsc\n") == 0;
}

enum tsp_status live_arch_check(struct live_machine *k)
{
    static uint32_t checked;
    const struct tsp_setup *s = k->setup;

    if (checked++ % CLOCK_SOURCE_EVERY == 0)
        read_clock_source(k);
    if (s->arch != TSP_ARCH_X86)
        return live_refuse(k, "this is an x86 machine");
    if (s->host != k->host.vendor)
        return live_refuse(k, "the processor below is of another vendor than the set-up's");
    if (!(s->config & TSP_CFG_HOST_TSC) != !k->host.tsc)
        return live_refuse(k, "the clock source of this kernel is %sits TSC",
                           k->host.tsc ? "" : "not ");
    if (!only_kvm(s))
        return live_refuse(k, "KVM offers its own interface, and Hyper-V's beside it, no other");
    if (s->config & (TSP_CFG_ASK_AGAIN | TSP_CFG_ASK_CHANGED))
        return live_refuse(k, "no vCPU here gets its CPUID table after it has run");
    for (unsigned i = 0; i < s->nvcpu; i++)
        if (s->vcpu[i].x86.smm)
            return live_refuse(k, "no memory here is that of system management mode");
    if (s->patch == TSP_PATCH_EMULATE)
        return live_refuse(k, "KVM does not emulate the other vendor's instruction in place");
    if (asked(s) == TSP_CFG_ASK_XEN && live_has(k, KVM_CAP_XEN_HVM) <= 0)
        return live_refuse(k, "this kernel's KVM has no interface of Xen's");
    if ((s->config & TSP_CFG_ENFORCE_PV) && live_has(k, KVM_CAP_ENFORCE_PV_FEATURE_CPUID) <= 0)
        return live_refuse(k, "this kernel cannot enforce paravirtual features");
    return TSP_OK;
}

/* Takes the hypercall away from the kernel, the rewrite, the HLT exits: what the set-up asks for.
 */
static enum tsp_status machine_caps(struct live_machine *k)
{
    const struct tsp_setup *s = k->setup;

    if (s->patch == TSP_PATCH_INJECT) {
        if (!(live_has(k, KVM_CAP_DISABLE_QUIRKS2) & (int)QUIRK_FIX_HYPERCALL) ||
            live_enable(k->vm, KVM_CAP_DISABLE_QUIRKS2, QUIRK_FIX_HYPERCALL) != 0)
            return live_refuse(k, "this kernel cannot leave hypercall instructions alone");
    }
    if (s->config & TSP_CFG_EXIT_MAP_GPA) {
        if (live_enable(k->vm, KVM_CAP_EXIT_HYPERCALL, 1u << CALL_MAP_GPA_RANGE) != 0)
            return live_refuse(k, "this kernel does not hand hypercalls to user space");
    }
    if (s->config & TSP_CFG_HLT_NOEXIT) {
        if (!(live_has(k, KVM_CAP_X86_DISABLE_EXITS) & (int)NO_HLT_EXITS) ||
            live_enable(k->vm, KVM_CAP_X86_DISABLE_EXITS, NO_HLT_EXITS) != 0)
            return live_refuse(k, "HLT always exits here");
    }
    return TSP_OK;
}

enum tsp_status live_arch_machine(struct live_machine *k)
{
    uint64_t map = IDENTITY_MAP;

    if (ioctl(k->vm, KVM_SET_TSS_ADDR, TSS_ADDR) != 0 ||
        live_call(k->vm, KVM_SET_IDENTITY_MAP_ADDR, &map) != 0)
        return live_refuse(k, "KVM's own pages: %s", strerror(errno));
    /* The vCPU whose number the APIC id is must be known as the first one. */
    if (live_arch_id(k, 0) != 0 && ioctl(k->vm, KVM_SET_BOOT_CPU_ID, live_arch_id(k, 0)) != 0)
        return live_refuse(k, "APIC id %lu of the first vCPU: %s", live_arch_id(k, 0),
                           strerror(errno));
    if ((k->setup->config & TSP_CFG_IRQCHIP) && ioctl(k->vm, KVM_CREATE_IRQCHIP, 0L) != 0)
        return live_refuse(k, "no interrupt controller: %s", strerror(errno));
    return machine_caps(k);
}

unsigned long live_arch_id(const struct live_machine *k, unsigned i)
{
    return k->setup->vcpu[i].x86.apic_id;
}

static struct kvm_segment to_segment(const struct tsp_segment *s)
{
    return (struct kvm_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->sel,
        .type = s->attr & 15,
        .s = (s->attr >> 4) & 1,
        .dpl = (s->attr >> 5) & 3,
        .present = (s->attr >> 7) & 1,
        .avl = (s->attr >> 12) & 1,
        .l = (s->attr >> 13) & 1,
        .db = (s->attr >> 14) & 1,
        .g = (s->attr >> 15) & 1,
        .unusable = !(s->attr & ATTR_P),
    };
}

static struct tsp_segment from_segment(const struct kvm_segment *s)
{
    unsigned attr = s->type | (unsigned)s->s << 4 | (unsigned)s->dpl << 5 |
                    (unsigned)s->present << 7 | (unsigned)s->avl << 12 | (unsigned)s->l << 13 |
                    (unsigned)s->db << 14 | (unsigned)s->g << 15;

    return (struct tsp_segment){s->base, s->limit, s->selector,
                                (uint16_t)(s->unusable ? attr & ~ATTR_P : attr)};
}

static void to_regs(const struct tsp_regs *r, struct kvm_regs *o)
{
    const uint64_t *g = r->r;

    *o = (struct kvm_regs){.rax = g[TSP_RAX],
                           .rcx = g[TSP_RCX],
                           .rdx = g[TSP_RDX],
                           .rbx = g[TSP_RBX],
                           .rsp = g[TSP_RSP],
                           .rbp = g[TSP_RBP],
                           .rsi = g[TSP_RSI],
                           .rdi = g[TSP_RDI],
                           .r8 = g[TSP_R8],
                           .r9 = g[TSP_R9],
                           .r10 = g[TSP_R10],
                           .r11 = g[TSP_R11],
                           .r12 = g[TSP_R12],
                           .r13 = g[TSP_R13],
                           .r14 = g[TSP_R14],
                           .r15 = g[TSP_R15],
                           .rip = r->pc,
                           .rflags = r->flags};
}

static void from_regs(const struct kvm_regs *k, struct tsp_regs *r)
{
    const uint64_t g[16] = {k->rax, k->rcx, k->rdx, k->rbx, k->rsp, k->rbp, k->rsi, k->rdi,
                            k->r8,  k->r9,  k->r10, k->r11, k->r12, k->r13, k->r14, k->r15};

    memcpy(r->r, g, sizeof(g));
    r->pc = k->rip;
    r->flags = k->rflags;
}

struct cpuid_table {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entry[TSP_MAX_LEAF];
};

/* What the kernel offers guests, once, in the form a set-up has it. */
static void read_supported(struct live_machine *k)
{
    static struct tsp_leaf leaf[TSP_MAX_LEAF];
    static struct cpuid_table t;

    t.head.nent = TSP_MAX_LEAF;
    if (live_call(k->kvm, KVM_GET_SUPPORTED_CPUID, &t.head) != 0)
        return;
    for (uint32_t i = 0; i < t.head.nent && i < TSP_MAX_LEAF; i++) {
        const struct kvm_cpuid_entry2 *e = &t.entry[i];

        leaf[i] = (struct tsp_leaf){
            .leaf = e->function,
            .subleaf = e->index,
            .flags = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX ? TSP_LEAF_INDEXED : 0,
            .reg = {e->eax, e->ebx, e->ecx, e->edx}};
        k->host.nleaf = i + 1;
    }
    k->host.leaf = leaf;
}

void live_arch_probe(struct live_machine *k)
{
    static const struct {
        uint32_t ebx;
        enum tsp_vendor vendor;
    } row[] = {{0x756e6547, TSP_VENDOR_INTEL},   /* Genu */
               {0x68747541, TSP_VENDOR_AMD},     /* Auth */
               {0x6f677948, TSP_VENDOR_HYGON},   /* Hygo */
               {0x746e6543, TSP_VENDOR_CENTAUR}, /* Cent */
               {0x68532020, TSP_VENDOR_CENTAUR} /*   Sh */};
    uint32_t a = 0, b = 0, c = 0, d = 0;

    read_supported(k);
    k->host.vendor = TSP_VENDOR_OTHER;
    __get_cpuid(0, &a, &b, &c, &d);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (row[i].ebx == b)
            k->host.vendor = (uint8_t)row[i].vendor;
    read_clock_source(k);
}

static enum tsp_status set_cpuid(struct live_machine *k, struct live_core *c)
{
    static struct cpuid_table t;
    const struct tsp_setup *s = k->setup;
    const struct tsp_policy *p = &s->policy[0];

    memset(&t.head, 0, sizeof(t.head));
    t.head.nent = TSP_MAX_LEAF;
    if (s->npolicy == 0 && live_call(k->kvm, KVM_GET_SUPPORTED_CPUID, &t.head) != 0)
        return live_refuse(k, "KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
    if (s->npolicy != 0)
        t.head.nent = 0;
    for (size_t i = 0; s->npolicy != 0 && i < p->n && i < TSP_MAX_LEAF; i++) {
        const struct tsp_leaf *l = &p->leaf[i];

        t.entry[t.head.nent++] = (struct kvm_cpuid_entry2){
            .function = l->leaf,
            .index = l->subleaf,
            .flags = l->flags & TSP_LEAF_INDEXED ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = l->reg[0],
            .ebx = l->reg[1],
            .ecx = l->reg[2],
            .edx = l->reg[3],
        };
    }
    for (unsigned i = 0; i < (s->config & TSP_CFG_CPUID_TWICE ? 2u : 1u); i++)
        if (live_call(c->fd, KVM_SET_CPUID2, &t.head) != 0)
            return live_refuse(k, "CPUID table of %u entries: %s", t.head.nent, strerror(errno));
    return TSP_OK;
}

static bool set_msr(const struct live_core *c, uint32_t index, uint64_t value)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } m;

    memset(&m, 0, sizeof(m));
    m.head.nmsrs = 1;
    m.entry.index = index;
    m.entry.data = value;
    return live_call(c->fd, KVM_SET_MSRS, &m.head) == 1;
}

static uint64_t get_msr(const struct live_core *c, uint32_t index)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } m;

    memset(&m, 0, sizeof(m));
    m.head.nmsrs = 1;
    m.entry.index = index;
    return live_call(c->fd, KVM_GET_MSRS, &m.head) == 1 ? m.entry.data : 0;
}

static enum tsp_status set_msrs(struct live_machine *k, const struct live_core *c,
                                const struct tsp_x86_state *x)
{
    /* Offering CPUID faulting comes before switching it on, and cannot end before it is off. */
    set_msr(c, MSR_MISC_FEATURES, 0);
    if (!set_msr(c, MSR_PLATFORM_INFO, x->platform_info) && x->platform_info)
        return live_refuse(k, "CPUID faulting cannot be offered");
    if (!set_msr(c, MSR_MISC_FEATURES, x->cpuid_faulting) && x->cpuid_faulting)
        return live_refuse(k, "CPUID faulting cannot be switched on");
    if (x->xss && !set_msr(c, MSR_XSS, x->xss))
        return live_refuse(k, "XSS 0x%llx", (unsigned long long)x->xss);
    if (x->tsc)
        set_msr(c, MSR_TSC, x->tsc);
    /* Without RDTSCP in the guest's CPUID nothing can read it, and KVM may refuse. */
    set_msr(c, MSR_TSC_AUX, x->tsc_aux);
    for (uint32_t i = 0; i < x->nmsr && i < TSP_MAX_MSR; i++)
        if (!set_msr(c, x->msr[i].index, x->msr[i].value))
            return live_refuse(k, "MSR 0x%x cannot be 0x%llx", x->msr[i].index,
                               (unsigned long long)x->msr[i].value);
    return TSP_OK;
}

static enum tsp_status set_sregs(struct live_machine *k, const struct live_core *c,
                                 const struct tsp_x86_state *x)
{
    struct kvm_segment *seg[TSP_SEG_COUNT];
    struct kvm_sregs s;

    if (live_call(c->fd, KVM_GET_SREGS, &s) != 0)
        return live_refuse(k, "KVM_GET_SREGS: %s", strerror(errno));
    seg[TSP_ES] = &s.es;
    seg[TSP_CS] = &s.cs;
    seg[TSP_SS] = &s.ss;
    seg[TSP_DS] = &s.ds;
    seg[TSP_FS] = &s.fs;
    seg[TSP_GS] = &s.gs;
    seg[TSP_LDTR] = &s.ldt;
    seg[TSP_TR] = &s.tr;
    for (unsigned i = 0; i < TSP_SEG_COUNT; i++)
        *seg[i] = to_segment(&x->seg[i]);
    /* AMD's processors do not look at the busy bit of the cached descriptor, and KVM always shows
     * it set. Emulated ones do look: QEMU 7.2 ends the whole machine when a stack is switched with
     * it set. */
    if (k->host.vendor != TSP_VENDOR_INTEL)
        s.tr.type &= (uint8_t)~TSS_BUSY;
    s.gdt = (struct kvm_dtable){.base = x->gdt.base, .limit = (uint16_t)x->gdt.limit};
    s.idt = (struct kvm_dtable){.base = x->idt.base, .limit = (uint16_t)x->idt.limit};
    s.cr0 = x->cr0;
    s.cr2 = x->cr2;
    s.cr3 = x->cr3;
    s.cr4 = x->cr4;
    s.efer = x->efer;
    s.apic_base = x->apic_base;
    if (live_call(c->fd, KVM_SET_SREGS, &s) != 0)
        return live_refuse(k, "cr0 0x%llx, cr4 0x%llx, efer 0x%llx with this CPUID: %s", s.cr0,
                           s.cr4, s.efer, strerror(errno));
    return TSP_OK;
}

static enum tsp_status set_xcr0(struct live_machine *k, const struct live_core *c, uint64_t value)
{
    struct kvm_xcrs x = {.nr_xcrs = 1};

    if (live_has(k, KVM_CAP_XCRS) <= 0)
        return value == 1 ? TSP_OK : live_refuse(k, "no XCR0 here");
    x.xcrs[0].value = value;
    if (live_call(c->fd, KVM_SET_XCRS, &x) != 0)
        return live_refuse(k, "XCR0 0x%llx with this CPUID", (unsigned long long)value);
    return TSP_OK;
}

static enum tsp_status set_lapic(struct live_machine *k, const struct live_core *c)
{
    struct kvm_lapic_state l;

    if (!(k->setup->config & TSP_CFG_IRQCHIP) || !(k->setup->config & TSP_CFG_APIC_ON))
        return TSP_OK;
    if (live_call(c->fd, KVM_GET_LAPIC, &l) != 0)
        return live_refuse(k, "KVM_GET_LAPIC: %s", strerror(errno));
    le_store((uint8_t *)l.regs + LAPIC_SPIV, LAPIC_ENABLED, 4);
    if (live_call(c->fd, KVM_SET_LAPIC, &l) != 0)
        return live_refuse(k, "KVM_SET_LAPIC: %s", strerror(errno));
    return TSP_OK;
}

/*
 * XMM registers go by the XSAVE area (Intel SDM Vol. 1 13.4): KVM_SET_FPU alone leaves XSTATE_BV
 * clear, and what is not in there comes to the guest as the reset left it. The x87 part is as
 * FNINIT leaves it.
 */
#define XSAVE_MXCSR 24u
#define XSAVE_XMM 160u
#define XSAVE_BV 512u
#define XSAVE_BV_X87_SSE 3u
#define FCW_INIT 0x37fu
#define MXCSR_INIT 0x1f80u

static enum tsp_status set_xmm(struct live_machine *k, const struct live_core *c,
                               const struct tsp_x86_state *x)
{
    static struct kvm_xsave area;
    uint8_t *at = (uint8_t *)area.region;

    if (live_call(c->fd, KVM_GET_XSAVE, &area) != 0)
        return live_refuse(k, "KVM_GET_XSAVE: %s", strerror(errno));
    memset(at, 0, XSAVE_BV);
    le_store(at, FCW_INIT, 2);
    le_store(at + XSAVE_MXCSR, MXCSR_INIT, 4);
    for (unsigned i = 0; i < 2 * TSP_XMM_COUNT; i++)
        le_store(at + XSAVE_XMM + (size_t)8 * i, x->xmm[i / 2][i & 1], 8);
    le_store(at + XSAVE_BV, le_load(at + XSAVE_BV, 8) | XSAVE_BV_X87_SSE, 8);
    if (live_call(c->fd, KVM_SET_XSAVE, &area) != 0)
        return live_refuse(k, "KVM_SET_XSAVE: %s", strerror(errno));
    return TSP_OK;
}

static bool get_xmm(const struct live_core *c, struct tsp_x86_state *x)
{
    static struct kvm_xsave area;
    const uint8_t *at = (const uint8_t *)area.region + XSAVE_XMM;

    if (live_call(c->fd, KVM_GET_XSAVE, &area) != 0)
        return false;
    for (unsigned i = 0; i < 2 * TSP_XMM_COUNT; i++)
        x->xmm[i / 2][i & 1] = le_load(at + (size_t)8 * i, 8);
    return true;
}

/* Nothing pending, no interrupt shadow but the set-up's, debug registers as after reset. */
static enum tsp_status set_events(struct live_machine *k, const struct live_core *c,
                                  uint32_t shadow)
{
    struct kvm_debugregs d;
    struct kvm_vcpu_events e;

    memset(&d, 0, sizeof(d));
    d.dr6 = 0xffff0ff0;
    d.dr7 = 0x400;
    if (live_call(c->fd, KVM_SET_DEBUGREGS, &d) != 0)
        return live_refuse(k, "KVM_SET_DEBUGREGS: %s", strerror(errno));
    memset(&e, 0, sizeof(e));
    e.flags = KVM_VCPUEVENT_VALID_SHADOW;
    e.interrupt.shadow = (uint8_t)((shadow & TSP_SHADOW_MOVSS ? KVM_X86_SHADOW_INT_MOV_SS : 0) |
                                   (shadow & TSP_SHADOW_STI ? KVM_X86_SHADOW_INT_STI : 0));
    if (live_call(c->fd, KVM_SET_VCPU_EVENTS, &e) != 0)
        return live_refuse(k, "KVM_SET_VCPU_EVENTS: %s", strerror(errno));
    return TSP_OK;
}

/* A vCPU that waits needs the kernel's interrupt controller; without one it is just not run. */
static enum tsp_status set_state(struct live_machine *k, unsigned i, uint32_t state)
{
    struct kvm_mp_state m = {.mp_state = KVM_MP_STATE_RUNNABLE};

    if (!(k->setup->config & TSP_CFG_IRQCHIP)) {
        k->core[i].stopped = state != TSP_RUN_READY;
        return TSP_OK;
    }
    if (state == TSP_RUN_HALTED)
        m.mp_state = KVM_MP_STATE_HALTED;
    else if (state != TSP_RUN_READY)
        m.mp_state = KVM_MP_STATE_UNINITIALIZED;
    if (live_call(k->core[i].fd, KVM_SET_MP_STATE, &m) != 0)
        return live_refuse(k, "state of vCPU %u: %s", i, strerror(errno));
    return TSP_OK;
}

enum tsp_status live_arch_set(struct live_machine *k, unsigned i, const struct tsp_vcpu_state *in)
{
    struct live_core *c = &k->core[i];
    struct kvm_regs r;
    enum tsp_status st = set_sregs(k, c, &in->x86);

    if (st == TSP_OK)
        st = set_xcr0(k, c, in->x86.xcr0);
    if (st == TSP_OK)
        st = set_msrs(k, c, &in->x86);
    if (st == TSP_OK)
        st = set_xmm(k, c, &in->x86);
    if (st != TSP_OK)
        return st;
    to_regs(&in->regs, &r);
    if (live_call(c->fd, KVM_SET_REGS, &r) != 0)
        return live_refuse(k, "KVM_SET_REGS: %s", strerror(errno));
    st = set_events(k, c, in->x86.shadow);
    return st == TSP_OK ? set_state(k, i, in->run_state) : st;
}

enum tsp_status live_arch_vcpu(struct live_machine *k, unsigned i)
{
    struct live_core *c = &k->core[i];
    enum tsp_status st = set_cpuid(k, c);

    if (st == TSP_OK && (k->setup->config & TSP_CFG_ENFORCE_PV) &&
        live_enable(c->fd, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1) != 0)
        st = live_refuse(k, "features cannot be enforced: %s", strerror(errno));
    if (st == TSP_OK)
        st = set_lapic(k, c);
    return st == TSP_OK ? live_arch_set(k, i, &k->setup->vcpu[i]) : st;
}

/* Mode and privilege level that the processor is in. */
static void place(struct tsp_regs *r, const struct kvm_sregs *s)
{
    r->level = 0;
    if (!(s->cr0 & CR0_PE)) {
        r->mode = TSP_MODE_REAL16;
        return;
    }
    r->level = s->ss.dpl;
    if (s->efer & EFER_LMA)
        r->mode = s->cs.l ? TSP_MODE_LONG64 : s->cs.db ? TSP_MODE_COMPAT32 : TSP_MODE_COMPAT16;
    else if (r->flags & FLAG_VM)
        r->mode = TSP_MODE_VM86;
    else
        r->mode = s->cs.db ? TSP_MODE_PROT32 : TSP_MODE_PROT16;
    if (r->mode == TSP_MODE_VM86)
        r->level = 3;
}

void live_arch_regs(struct live_machine *k, unsigned i, struct tsp_regs *out)
{
    struct kvm_sregs s;
    struct kvm_regs r;

    memset(out, 0, sizeof(*out));
    if (live_call(k->core[i].fd, KVM_GET_REGS, &r) != 0 ||
        live_call(k->core[i].fd, KVM_GET_SREGS, &s) != 0)
        return;
    from_regs(&r, out);
    place(out, &s);
}

enum tsp_status live_arch_get(struct live_machine *k, unsigned i, struct tsp_vcpu_state *out)
{
    const struct live_core *c = &k->core[i];
    struct tsp_x86_state *x = &out->x86;
    struct kvm_sregs s;
    struct kvm_xcrs xcrs;

    live_arch_regs(k, i, &out->regs);
    if (live_call(c->fd, KVM_GET_SREGS, &s) != 0 || !get_xmm(c, x))
        return TSP_EIO;
    x->seg[TSP_ES] = from_segment(&s.es);
    x->seg[TSP_CS] = from_segment(&s.cs);
    x->seg[TSP_SS] = from_segment(&s.ss);
    x->seg[TSP_DS] = from_segment(&s.ds);
    x->seg[TSP_FS] = from_segment(&s.fs);
    x->seg[TSP_GS] = from_segment(&s.gs);
    x->seg[TSP_LDTR] = from_segment(&s.ldt);
    x->seg[TSP_TR] = from_segment(&s.tr);
    x->gdt = (struct tsp_table){s.gdt.base, s.gdt.limit};
    x->idt = (struct tsp_table){s.idt.base, s.idt.limit};
    x->cr0 = s.cr0;
    x->cr2 = s.cr2;
    x->cr3 = s.cr3;
    x->cr4 = s.cr4;
    x->efer = s.efer;
    x->apic_base = s.apic_base;
    x->apic_id = (uint32_t)live_arch_id(k, i);
    x->xcr0 = live_call(c->fd, KVM_GET_XCRS, &xcrs) == 0 && xcrs.nr_xcrs ? xcrs.xcrs[0].value : 1;
    x->platform_info = get_msr(c, MSR_PLATFORM_INFO);
    x->cpuid_faulting = get_msr(c, MSR_MISC_FEATURES);
    x->tsc = get_msr(c, MSR_TSC);
    x->tsc_aux = get_msr(c, MSR_TSC_AUX);
    out->run_state = c->stopped ? TSP_RUN_STOPPED : TSP_RUN_READY;
    return TSP_OK;
}
