/* SPDX-License-Identifier: MIT */
/* Turns a set-up and an event into the facts and numbers that conditions test. */
#include "spec/judge.h"

#include <string.h>

#include "trapspec/bits.h"

/* ORDER: enum tsp_event_kind */
static const char *const event_v[] = {"none",  "policy", "fetch", "cpuid", "hypercall", "fault",
                                      "patch", "msr",    "pio",   "mmio",  "retire",    "stop"};
_Static_assert(TSP_EV_STOP + 1 == SPEC_BUCKETS, "event names and buckets follow the enumeration");
static const char *const host_v[] = {"intel", "amd"};
static const char *const call_v[] = {"no", "native", "foreign"};
static const char *const mode_v[] = {"real16",   "vm86",   "prot16", "prot32", "compat16",
                                     "compat32", "long64", "a64",    "a32",    "t32"};
static const char *const cpl_v[] = {"0", ">0"};
static const char *const policy_v[] = {"rewrite", "emulate", "inject"};
static const char *const text_v[] = {"writable", "readonly", "mixed", "unknown"};
static const char *const noyes_v[] = {"no", "yes"};
static const char *const offon_v[] = {"off", "on"};
static const char *const prefix_v[] = {"none", "ignored", "mandatory"};
static const char *const length_v[] = {"ok", "toolong"};
static const char *const vcpus_v[] = {"one", "many"};
static const char *const vendor_v[] = {"intel", "amd", "hygon", "centaur", "other"};
static const char *const class_v[] = {"basic", "hv", "ext", "centaur"};
static const char *const range_v[] = {"in", "out", "none"};
static const char *const prev_v[] = {"other", "patch"};
static const char *const step_v[] = {"maybe", "no"};
static const char *const pf_v[] = {"no", "fetch", "write", "elsewhere", "spurious"};
static const char *const delivery_v[] = {"ok", "failed"};
static const char *const stop_v[] = {"budget",   "halt",  "end",     "triple",   "unsupported",
                                     "livelock", "off",   "suspend", "shutdown", "reset",
                                     "exit",     "error", "done"};
static const char *const answer_v[] = {"other", "refused"};
static const char *const target_v[] = {"self", "known", "unknown"};
static const char *const start_v[] = {"ok", "bad"};
static const char *const limit_v[] = {"inside", "crossed"};
static const char *const hlt_v[] = {"exits", "noexit"};
static const char *const owner_v[] = {"other", "hyperv"};
static const char *const page_v[] = {"outside", "inside"};
static const char *const overlay_v[] = {"unknown", "off", "on"};
static const char *const gpa_v[] = {"ram", "space", "beyond"};
static const char *const smm_v[] = {"off", "on", "maybe"};
static const char *const asked_v[] = {"nothing", "again", "changed", "list", "short", "xen"};
static const char *const reps_v[] = {"none", "left", "past"};

/* ORDER: enum fact_group. Bit ranges of one word must not overlap; facts_layout_test checks. */
const struct fact_place fact_groups[FACT_GROUPS] = {
    {"event", event_v, 0, 0, 12},     {"insn", NULL, 0, 12, 20},
    {"host", host_v, 0, 32, 2},       {"call", call_v, 0, 34, 3},
    {"mode", mode_v, 2, 44, 10},      {"cpl", cpl_v, 0, 46, 2},
    {"policy", policy_v, 0, 48, 3},   {"text", text_v, 0, 51, 4},
    {"lock", noyes_v, 0, 55, 2},      {"prefix", prefix_v, 0, 57, 3},
    {"length", length_v, 0, 60, 2},   {"vcpus", vcpus_v, 0, 62, 2},
    {"vendor", vendor_v, 1, 0, 5},    {"class", class_v, 1, 5, 4},
    {"range", range_v, 1, 9, 3},      {"entry", noyes_v, 1, 12, 2},
    {"sub1", noyes_v, 1, 14, 2},      {"prev", prev_v, 1, 16, 2},
    {"pf", pf_v, 2, 22, 5},           {"delivery", delivery_v, 1, 22, 2},
    {"stop", stop_v, 1, 24, 13},      {"faulting", offon_v, 1, 37, 2},
    {"hyperv", offon_v, 1, 39, 2},    {"served", noyes_v, 1, 41, 2},
    {"answer", answer_v, 1, 43, 2},   {"target", target_v, 1, 45, 3},
    {"start", start_v, 1, 48, 2},     {"step", step_v, 1, 18, 2},
    {"enforce", offon_v, 2, 0, 2},    {"irqchip", offon_v, 2, 2, 2},
    {"apic", offon_v, 2, 4, 2},       {"host_tsc", offon_v, 2, 6, 2},
    {"map_gpa", offon_v, 2, 8, 2},    {"hlt", hlt_v, 2, 10, 2},
    {"pvtime", offon_v, 2, 12, 2},    {"suspend", offon_v, 2, 14, 2},
    {"resume", offon_v, 2, 16, 2},    {"table", noyes_v, 2, 18, 2},
    {"limit", limit_v, 2, 20, 2},     {"if", offon_v, 2, 27, 2},
    {"owner", owner_v, 2, 29, 2},     {"page", page_v, 2, 31, 2},
    {"overlay", overlay_v, 2, 33, 3}, {"gpa", gpa_v, 2, 36, 3},
    {"reps", reps_v, 2, 39, 3},       {"looked", noyes_v, 2, 42, 2},
    {"smm", smm_v, 1, 50, 3},         {"asked", asked_v, 1, 53, 6},
};

/* ORDER: enum cond_field */
const char *const cond_names[COND_A0_RAM] = {
    "nr",     "a0",     "a1",        "a2",     "a3",    "x1",    "x2",      "w1",
    "w2",     "fid",    "imm",       "vector", "error", "leaf",  "subleaf", "psci",
    "fw_std", "fw_hyp", "fw_vendor", "wa1",    "wa2",   "wa3",   "info",    "prefixes",
    "hv_ctl", "hv_in",  "hv_out",    "msr",    "value", "bdoor", "lguest", "vmi"};

/* Bits of an MPIDR that name a processor: Aff3, Aff2, Aff1, Aff0 (Arm DDI0487 MPIDR_EL1). */
#define MPIDR_AFFINITY 0xff00ffffffull

/* Inlined with constant g, so that only a shift is left of it. A value out of range counts as the
 * last one. */
static inline void fact_set(struct judge *j, enum fact_group g, unsigned value)
{
    const struct fact_place *p = &fact_groups[g];

    if (value >= p->n)
        value = p->n - 1u;
    j->bits[p->word] |= (uint64_t)1 << (p->first + value);
}

bool fact_is(const struct judge *j, enum fact_group g, unsigned value)
{
    const struct fact_place *p = &fact_groups[g];

    return (j->bits[p->word] >> (p->first + value) & 1) != 0;
}

static void set_config(struct judge *j, enum fact_group g, uint32_t bit)
{
    fact_set(j, g, (j->setup->config & bit) != 0);
}

/* Vendor texts in register order EBX, EDX, ECX (Intel SDM Vol. 2A CPUID; AMD APM Vol. 3 E.3.1;
 * Linux arch/x86/kernel/cpu). Zhaoxin continues Centaur's line under a text of its own. */
static enum tsp_vendor vendor_of(const struct tsp_leaf *l)
{
    static const struct {
        char text[13];
        uint8_t vendor;
    } known[] = {{"GenuineIntel", TSP_VENDOR_INTEL},   {"AuthenticAMD", TSP_VENDOR_AMD},
                 {"AMDisbetter!", TSP_VENDOR_AMD},     {"HygonGenuine", TSP_VENDOR_HYGON},
                 {"CentaurHauls", TSP_VENDOR_CENTAUR}, {"  Shanghai  ", TSP_VENDOR_CENTAUR}};
    uint8_t text[12];

    le_store(text, l->reg[1], 4);
    le_store(text + 4, l->reg[3], 4);
    le_store(text + 8, l->reg[2], 4);
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (memcmp(text, known[i].text, 12) == 0)
            return (enum tsp_vendor)known[i].vendor;
    return TSP_VENDOR_OTHER;
}

static bool initial_msr(const struct tsp_setup *setup, uint32_t index)
{
    for (unsigned v = 0; v < setup->nvcpu && v < TSP_MAX_VCPU; v++) {
        const struct tsp_x86_state *x = &setup->vcpu[v].x86;

        for (unsigned i = 0; i < x->nmsr && i < TSP_MAX_MSR; i++)
            if (x->msr[i].index == index && x->msr[i].value)
                return true;
    }
    return false;
}

/* TLFS, Feature discovery: "Hv#1" in EAX of 0x40000001; MSR 0x40000000 holds the guest's OS
 * identity. Once both are there, hypercalls speak Hyper-V's convention (Linux arch/x86/kvm/x86.c
 * kvm_emulate_hypercall). */
void facts_hyperv(struct judge *j, bool named)
{
    const struct tsp_leaf *l = named ? spec_policy_first(&j->policy, 0x40000001u) : NULL;

    j->hyperv_on = l && l->reg[0] == HYPERV_INTERFACE;
}

/* What only CPUID events need, at the first of them. */
static void setup_cpuid(struct judge *j)
{
    const struct tsp_setup *s = j->setup;

    j->cpuid_ready = true;
    j->basic = spec_policy_first(&j->policy, 0);
    j->ext = spec_policy_first(&j->policy, 0x80000000u);
    j->centaur = spec_policy_first(&j->policy, 0xc0000000u);
    if (j->basic)
        j->vendor = vendor_of(j->basic);
    else if (s->npolicy == 0 && s->host < TSP_VENDOR_COUNT)
        j->vendor = (enum tsp_vendor)s->host;
    else
        j->vendor = TSP_VENDOR_OTHER;
}

/* Groups that mean nothing on the other architecture: their first value, once per set-up. */
static const uint8_t x86_lacks[] = {FACT_SERVED, FACT_ANSWER, FACT_TARGET, FACT_START};
static const uint8_t arm_lacks[] = {
    FACT_CALL,     FACT_TEXT,     FACT_LOCK,    FACT_PREFIX, FACT_LENGTH, FACT_PF,
    FACT_DELIVERY, FACT_FAULTING, FACT_HYPERV,  FACT_LIMIT,  FACT_IF,     FACT_STEP,
    FACT_VENDOR,   FACT_CLASS,    FACT_RANGE,   FACT_ENTRY,  FACT_SUB1,   FACT_OWNER,
    FACT_SMM,      FACT_PAGE,     FACT_OVERLAY, FACT_GPA,    FACT_REPS};

static const uint8_t hyperv_lacks[] = {FACT_PAGE, FACT_OVERLAY, FACT_GPA, FACT_REPS};

static void set_zero(struct judge *j, const uint8_t *group, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fact_set(j, (enum fact_group)group[i], 0);
}

/* The lowest bit counts. */
static unsigned asked_of(const struct tsp_setup *s)
{
    unsigned i = 0;

    if (s->arch != TSP_ARCH_X86 || s->npolicy != 1 || !(s->config & TSP_CFG_ASK))
        return 0;
    while (!(s->config & TSP_CFG_ASK_AGAIN << i))
        i++;
    return i + 1;
}

void facts_setup(struct judge *j)
{
    const struct tsp_setup *s = j->setup;

    memset(j->bits, 0, sizeof(j->bits));
    j->vendor = TSP_VENDOR_OTHER;
    for (unsigned i = 0; i < 2; i++)
        if (s->persona[i] > TSP_PERSONA_NONE && s->persona[i] < TSP_PERSONA_COUNT)
            j->personas |= 1u << s->persona[i];
    if (!j->personas)
        j->personas = 1u << TSP_PERSONA_NONE;
    xen_personas(j);
    vmi_setup(j);
    if (s->arch == TSP_ARCH_X86) {
        facts_hyperv(j, initial_msr(s, HYPERV_OS_ID));
        set_zero(j, x86_lacks, sizeof(x86_lacks));
        set_zero(j, hyperv_lacks, sizeof(hyperv_lacks));
        hv_setup(j);
        kvm_setup(j);
        fact_set(j, FACT_OWNER, j->hv.mine);
    } else {
        set_zero(j, arm_lacks, sizeof(arm_lacks));
    }
    fact_set(j, FACT_HOST, s->host == TSP_VENDOR_AMD || s->host == TSP_VENDOR_HYGON);
    fact_set(j, FACT_POLICY, s->patch);
    fact_set(j, FACT_VCPUS, s->nvcpu > 1);
    fact_set(j, FACT_ASKED, asked_of(s));
    fact_set(j, FACT_TABLE, s->npolicy != 0);
    fact_set(j, FACT_LOOKED, 0);
    set_config(j, FACT_ENFORCE, TSP_CFG_ENFORCE_PV);
    set_config(j, FACT_IRQCHIP, TSP_CFG_IRQCHIP);
    set_config(j, FACT_APIC, TSP_CFG_APIC_ON);
    set_config(j, FACT_HOST_TSC, TSP_CFG_HOST_TSC);
    set_config(j, FACT_MAP_GPA, TSP_CFG_EXIT_MAP_GPA);
    set_config(j, FACT_HLT, TSP_CFG_HLT_NOEXIT);
    set_config(j, FACT_PVTIME, TSP_CFG_PVTIME);
    set_config(j, FACT_SUSPEND, TSP_CFG_SYS_SUSPEND);
    set_config(j, FACT_RESUME, TSP_CFG_EXIT_RESUME);
    memcpy(j->base_bits, j->bits, sizeof(j->base_bits));
}

void facts_moved(struct judge *j, unsigned host)
{
    const struct fact_place *p = &fact_groups[FACT_HOST];

    memcpy(j->bits, j->base_bits, sizeof(j->bits));
    j->bits[p->word] &= ~(bits_mask(p->n) << p->first);
    fact_set(j, FACT_HOST, host == TSP_VENDOR_AMD || host == TSP_VENDOR_HYGON);
    memcpy(j->base_bits, j->bits, sizeof(j->base_bits));
}

/* VMCALL is the instruction of VMX hosts, VMMCALL that of SVM hosts (Intel SDM Vol. 3C VMCALL, AMD
 * APM Vol. 3 VMMCALL). */
static unsigned call_of(const struct judge *j)
{
    bool amd = fact_is(j, FACT_HOST, 1);

    if (j->insn.insn == j->s->vmcall)
        return amd ? CALL_FOREIGN : CALL_NATIVE;
    if (j->insn.insn == j->s->vmmcall)
        return amd ? CALL_NATIVE : CALL_FOREIGN;
    return CALL_NO;
}

/* A rewrite touches the last three bytes. Their page decides; where only an earlier byte cannot be
 * written, both outcomes are right. */
static unsigned text_of(const struct tsp_event *ev)
{
    bool first, last;

    if (!(ev->text[0] & TSP_TEXT_KNOWN) || !(ev->text[1] & TSP_TEXT_KNOWN))
        return TEXT_UNKNOWN;
    first = (ev->text[0] & TSP_TEXT_WRITE) && !(ev->text[0] & TSP_TEXT_ROM);
    last = (ev->text[1] & TSP_TEXT_WRITE) && !(ev->text[1] & TSP_TEXT_ROM);
    if (!last)
        return TEXT_READONLY;
    return first ? TEXT_WRITABLE : TEXT_MIXED;
}

/* Page-fault error code bit 1 is set for writes (Intel SDM Vol. 3A 4.7). A trap instruction writes
 * nothing itself: a write fault at its bytes is the hypervisor's rewrite, one elsewhere is the
 * delivery of another exception. */
static unsigned read_fault(const struct tsp_event *ev, unsigned len)
{
    const uint8_t readable = TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | TSP_TEXT_FETCH;

    /* What the page tables let the vCPU fetch cannot fault; elsewhere a descriptor may be meant. */
    if (ev->info[1] - ev->addr < len && (ev->text[0] & ev->text[1] & readable) == readable)
        return PF_SPURIOUS;
    return PF_FETCH;
}

static unsigned pf_of(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    unsigned len = j->insn.len ? j->insn.len : 1;

    if (ev->kind != TSP_EV_FAULT || ev->code != 14)
        return PF_NO;
    if (!(ev->info[0] & 2))
        return j->setup->nvcpu > 1 ? PF_FETCH : read_fault(ev, len);
    /* The start of either linear address or bare pc: a hypervisor may have forgotten the CS base.
     */
    if (ev->info[1] - ev->addr < len || ev->info[1] - ev->before.pc < len)
        return PF_WRITE;
    return PF_ELSEWHERE;
}

/* Contributory faults while delivering carry the IDT bit in their error code (Intel SDM Vol.
 * 3A 6.13); #DF and #SS come of a bad stack. They say nothing about the instruction. */
static bool delivery_failed(const struct tsp_event *ev)
{
    if (ev->kind != TSP_EV_FAULT)
        return false;
    if (ev->code == 8 || ev->code == 12)
        return true;
    return (ev->code == 10 || ev->code == 11 || ev->code == 13) && (ev->info[0] & ~1ull) != 0;
}

/* An instruction that runs past the end of its segment, or of the canonical addresses, cannot be
 * fetched whole. The limit is the one the vCPU began with: code that reloads CS with a smaller one
 * is not looked for. */
static bool limit_crossed(const struct judge *j)
{
    const struct tsp_regs *r = &j->ev->before;
    unsigned vcpu = j->ev->vcpu < TSP_MAX_VCPU ? j->ev->vcpu : 0;
    bool modrm = j->insn.insn == j->s->ud0 || j->insn.insn == j->s->ud1;
    uint64_t last = r->pc + (j->insn.len ? j->insn.len - 1u : 0) + (modrm ? 6 : 0);
    uint32_t limit = j->setup->vcpu[vcpu].x86.seg[TSP_CS].limit;

    if (r->mode == TSP_MODE_LONG64)
        return bits_sext(last, 48) != last;
    if (r->mode == TSP_MODE_VM86 || limit == 0)
        limit = r->mode == TSP_MODE_VM86 || r->mode == TSP_MODE_REAL16 ? 0xffff : UINT32_MAX;
    return last > limit;
}

/* A debug exception needs TF, or an instruction before this one that ran with it. Set-ups have no
 * breakpoints. */
static bool no_step(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    unsigned vcpu = ev->vcpu < TSP_MAX_VCPU ? ev->vcpu : 0;
    const struct tsp_regs *start = &j->setup->vcpu[vcpu].regs;
    size_t last = j->last[vcpu];

    if (last && j->trace->ev[last - 1].kind != TSP_EV_POLICY)
        return false;
    return ev->before.pc == start->pc && ev->before.flags == start->flags &&
           !bits_test(start->flags, 8);
}

/* A vCPU that was set up in system management mode is there until it leaves, of which no event
 * tells. */
static unsigned smm_of(const struct judge *j)
{
    unsigned vcpu = j->ev->vcpu < TSP_MAX_VCPU ? j->ev->vcpu : 0;
    const struct tsp_vcpu_state *s = &j->setup->vcpu[vcpu];
    size_t last = j->last[vcpu];

    if (!s->x86.smm)
        return SMM_OFF;
    if (last && j->trace->ev[last - 1].kind != TSP_EV_POLICY)
        return SMM_MAYBE;
    return j->ev->before.pc == s->regs.pc ? SMM_ON : SMM_MAYBE;
}

/* The first instruction of the only vCPU is one that ends in #GP(0) or not at all. Where delivering
 * that fails it is a double fault: a selector in the error code is no sign of it (Intel SDM Vol.
 * 3A 6.15, conditions for a double fault). */
static bool only_gp(const struct judge *j)
{
    const char *name = j->s->insn[j->insn.insn];

    return j->ev->code != 8 && !j->insn.lock && j->setup->nvcpu == 1 && no_step(j) &&
           (j->insn.insn == j->s->rdmsr || j->insn.insn == j->s->wrmsr ||
            strcmp(name, "cpuid") == 0);
}

static unsigned prefix_of(const struct insn_view *v)
{
    if (v->mandatory)
        return PREFIX_MANDATORY;
    return v->nprefix ? PREFIX_IGNORED : PREFIX_NONE;
}

static unsigned cpl_of(const struct tsp_regs *r)
{
    if (r->mode == TSP_MODE_REAL16)
        return 0;
    return r->mode == TSP_MODE_VM86 || r->level != 0;
}

/* Only where Hyper-V's interface is there is there anything to say; elsewhere the set-up's first
 * values stay. */
static void event_hyperv(struct judge *j)
{
    if (!j->hyperv_on && !j->hv.mine)
        return;
    for (size_t i = 0; i < sizeof(hyperv_lacks); i++) {
        const struct fact_place *p = &fact_groups[hyperv_lacks[i]];

        j->bits[p->word] &= ~(bits_mask(p->n) << p->first);
    }
    fact_set(j, FACT_PAGE, (j->ev->text[0] & j->ev->text[1] & TSP_TEXT_OVERLAY) != 0);
    fact_set(j, FACT_OVERLAY, hv_overlay(j));
    fact_set(j, FACT_GPA, hv_place(j));
    fact_set(j, FACT_REPS, hv_reps(hv_input(j, 0)));
}

static void event_x86(struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    unsigned longest = j->insn.insn ? j->insn.len : j->insn.nprefix + 1;
    struct cpuid_query q = {0};

    fact_set(j, FACT_CALL, call_of(j));
    fact_set(j, FACT_CPL, cpl_of(&ev->before));
    fact_set(j, FACT_TEXT, text_of(ev));
    fact_set(j, FACT_LOCK, j->insn.lock);
    fact_set(j, FACT_PREFIX, prefix_of(&j->insn));
    fact_set(j, FACT_LENGTH, longest > 15);
    fact_set(j, FACT_LIMIT, limit_crossed(j));
    fact_set(j, FACT_IF, bits_test(ev->before.flags, 9));
    fact_set(j, FACT_STEP, ev->kind == TSP_EV_FAULT && ev->code == 1 && no_step(j));
    fact_set(j, FACT_PF, pf_of(j));
    fact_set(j, FACT_DELIVERY, delivery_failed(ev) && !only_gp(j));
    fact_set(j, FACT_FAULTING, bits_test(ev->sys[TSP_SYS_FAULTING], 0));
    fact_set(j, FACT_HYPERV, j->hyperv_on);
    fact_set(j, FACT_SMM, smm_of(j));
    event_hyperv(j);
    if (ev->kind == TSP_EV_CPUID) {
        if (!j->cpuid_ready)
            setup_cpuid(j);
        cpuid_look_up(j, &q);
    }
    fact_set(j, FACT_VENDOR, j->vendor);
    fact_set(j, FACT_CLASS, q.class);
    fact_set(j, FACT_RANGE, q.range);
    fact_set(j, FACT_ENTRY, q.entry);
    fact_set(j, FACT_SUB1, q.sub1);
}

static unsigned arm_target(const struct judge *j)
{
    uint64_t id = fact_value(j, COND_A1);

    if (id & ~MPIDR_AFFINITY)
        return TARGET_UNKNOWN;
    for (unsigned v = 0; v < j->setup->nvcpu && v < TSP_MAX_VCPU; v++)
        if ((j->setup->vcpu[v].arm64.mpidr & MPIDR_AFFINITY) == id)
            return v == j->ev->vcpu ? TARGET_SELF : TARGET_KNOWN;
    return TARGET_UNKNOWN;
}

/* Bit 0 of an entry point in AArch32 chooses T32 (Arm DEN0022 "T32 support"). */
static bool entry_is_bad(const struct judge *j, uint64_t start)
{
    if (tsp_mode_is_aarch32(j->ev->before.mode) && (start & 1))
        return !judge_in_ram(j->setup, start & ~1ull, 2);
    return (start & 3) || !judge_in_ram(j->setup, start, 4);
}

/* An immediate other than zero is the vendor's own (HVC) or reserved (SMC): Arm DEN0028 2.9. A
 * callee that refuses it, or SMC as a conduit, is right; KVM, which documents no meaning of its
 * own, has to serve by the rules what it serves. Xen (#0xea1) and Hyper-V (#1) have conventions
 * there. Functions of the 64-bit convention are not for AArch32 callers (DEN0028 2.7). */
static void event_arm(struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    bool smc = j->insn.insn == j->s->smc, hvc = j->insn.insn == j->s->hvc;
    bool refused = (uint32_t)ev->after.r[0] == UINT32_MAX && ev->kind == TSP_EV_HYPERCALL;
    bool zero = fact_value(j, COND_IMM) == 0, served = hvc;
    uint64_t start = fact_value(j, COND_A2);
    bool a32 = tsp_mode_is_aarch32(ev->before.mode);

    if ((smc && zero) || (hvc && !zero))
        served = !refused && !(hvc && j->personas != 1u << TSP_PERSONA_KVM);
    if (a32 && bits_test(ev->before.r[0], 30))
        served = false;
    fact_set(j, FACT_CPL, ev->before.level != 0);
    fact_set(j, FACT_SERVED, served);
    fact_set(j, FACT_ANSWER, refused);
    fact_set(j, FACT_TARGET, arm_target(j));
    fact_set(j, FACT_START, entry_is_bad(j, start));
}

static bool after_patch(const struct judge *j)
{
    const struct tsp_event *last;

    if (j->ev->vcpu >= TSP_MAX_VCPU || !j->last[j->ev->vcpu])
        return false;
    last = &j->trace->ev[j->last[j->ev->vcpu] - 1];
    return last->kind == TSP_EV_PATCH && last->after.pc == j->ev->before.pc;
}

void facts_event(struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    unsigned stop = ev->kind == TSP_EV_STOP ? ev->code : TSP_STOP_DONE;

    memcpy(j->bits, j->base_bits, sizeof(j->bits));
    /* Without a length nothing was decoded: the bytes, if any, are the start of something cut off.
     */
    opcode_view(j->s, ev->before.mode, ev->fetched, ev->len ? TSP_INSN_BYTES : 0, &j->insn);
    fact_set(j, FACT_EVENT, ev->kind);
    fact_set(j, FACT_INSN, j->insn.insn);
    fact_set(j, FACT_MODE, ev->before.mode);
    fact_set(j, FACT_PREV, after_patch(j));
    if (j->look)
        look_fact(j);
    fact_set(j, FACT_STOP, stop);
    if (j->setup->arch == TSP_ARCH_ARM64)
        event_arm(j);
    else
        event_x86(j);
}
