/* SPDX-License-Identifier: MIT */
/*
 * Defects that shipped, by number: what each hypervisor did, reproduced on whatever target is
 * wrapped. Rows without code are about something that no target here has; fuzz/known/mutants.csv
 * says what.
 */
#include "fuzz/target/mutant_in.h"

#include <string.h>

#include "trapspec/bits.h"

#define UD 6u
#define GP 13u
#define PF 14u
#define ENOSYS ((uint64_t)-1000)
#define EINVAL ((uint64_t)-22)

static void put_result(struct tsp_event *ev, uint64_t v)
{
    ev->after.r[TSP_RAX] = is_long(ev) ? v : (uint32_t)v;
}

/* 1: the rewrite */

static bool text_read_only(const struct tsp_event *ev)
{
    return (ev->text[1] & TSP_TEXT_KNOWN) != 0 && !(ev->text[1] & TSP_TEXT_WRITE);
}

/* Page-fault error code: present, write, user (Intel SDM Vol. 3A 4.7). */
static uint64_t write_error(const struct tsp_event *ev)
{
    return ev->before.level == 3 ? 7 : 3;
}

static bool end_m001(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_FAULT && ev->code == UD && mutant_foreign(m, ev) && text_read_only(ev))
        mutant_fault(m, ev, PF, write_error(ev), ev->addr);
    return false;
}

/* After another vCPU's rewrite was reported done, this one still runs a mixture of old and new. */
static bool end_m003(struct mutant *m, struct tsp_event *ev)
{
    bool other = false;

    for (unsigned v = 0; v < m->given->nvcpu && v < TSP_MAX_VCPU; v++)
        other |= v != ev->vcpu && m->counter == v + 1;
    if (ev->kind == TSP_EV_PATCH)
        m->counter = ev->vcpu + 1u;
    if (ev->kind != TSP_EV_HYPERCALL || !other || mutant_third(ev) == 0)
        return false;
    ev->fetched[ev->len - 1u] = 0xd1; /* XSETBV: one of the bytes in between */
    return false;
}

static bool end_m005(struct mutant *m, struct tsp_event *ev)
{
    uint64_t at = ev->addr + ev->len - 3u;

    if (ev->kind != TSP_EV_HYPERCALL || mutant_third(ev) != 0xd9 || !mutant_native(m, ev))
        return false;
    if (m->counter++ > 16) {
        mutant_undo(m, ev, TSP_EV_STOP, 0);
        ev->code = TSP_STOP_LIVELOCK;
        return false;
    }
    mutant_undo(m, ev, TSP_EV_PATCH, 0);
    ev->info[0] = at;
    ev->info[1] = 3;
    return false;
}

static bool end_m007(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_HYPERCALL && mutant_native(m, ev) && text_read_only(ev))
        mutant_fault(m, ev, PF, write_error(ev), ev->addr);
    return false;
}

static bool end_m011(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind == TSP_EV_FAULT && ev->code == UD && is_x86(ev) && ev->len == 2 &&
        ev->fetched[0] == 0x0f && ev->fetched[1] == 0x0b)
        mutant_undo(m, ev, TSP_EV_HYPERCALL, 2);
    return false;
}

/* The last bytes of the instruction lie past the limit, where its length wraps. */
static bool end_m013(struct mutant *m, struct tsp_event *ev)
{
    uint64_t limit = m->start.x86.seg[TSP_CS].limit, left = limit - ev->before.pc + 1;
    uint8_t text[TSP_INSN_BYTES];

    if (ev->kind != TSP_EV_FAULT || ev->code != GP || !is_x86(ev) || is_long(ev) || left == 0 ||
        left >= 15 || !mutant_read(m, ev->addr, text, 3))
        return false;
    if (text[0] != 0x0f || text[1] != 0x01 || (text[2] != 0xc1 && text[2] != 0xd9) || left >= 3)
        return false;
    memcpy(ev->fetched, text, 3);
    ev->len = 3;
    mutant_undo(m, ev, TSP_EV_HYPERCALL, 3);
    return false;
}

static void as_kernel(struct tsp_vcpu_state *s)
{
    s->regs.level = 0;
    s->x86.seg[TSP_CS].attr &= (uint16_t)~0x60u;
    s->x86.seg[TSP_SS].attr &= (uint16_t)~0x60u;
    s->x86.seg[TSP_CS].sel &= (uint16_t)~3u;
    s->x86.seg[TSP_SS].sel &= (uint16_t)~3u;
}

static bool begin_m019(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (m->scan.class != SCAN_CALL || tsp_mode_is_arm(s->regs.mode) || s->regs.level == 0)
        return false;
    as_kernel(s);
    return true;
}

/* Only the path behind a rewrite. */
static bool begin_m017(struct mutant *m, struct tsp_vcpu_state *s)
{
    for (unsigned v = 0; v < TSP_MAX_VCPU; v++)
        if (m->patched[v] == s->regs.pc + 1)
            return begin_m019(m, s);
    return false;
}

/* 2: the ABI of calls */

static bool end_m021(struct mutant *m, struct tsp_event *ev)
{
    if (is_x86_call(ev) && ev->before.level != 0)
        mutant_fault(m, ev, UD, 0, 0);
    return false;
}

static bool upper_of(const struct tsp_event *ev, const uint8_t *reg, size_t n)
{
    uint64_t upper = 0;

    for (size_t i = 0; i < n; i++)
        upper |= ev->before.r[reg[i]] >> 32;
    return upper != 0;
}

static bool end_m023(struct mutant *m, struct tsp_event *ev)
{
    static const uint8_t reg[] = {TSP_RBX, TSP_RCX, TSP_RDX, TSP_RSI};

    (void)m;
    if (!is_x86_call(ev) || is_long(ev) || ev->before.level != 0 || !upper_of(ev, reg, 4))
        return false;
    put_result(ev, EINVAL);
    return true;
}

static bool end_m025(struct mutant *m, struct tsp_event *ev)
{
    static const uint8_t reg[] = {TSP_RAX};

    (void)m;
    if (!is_x86_call(ev) || is_long(ev))
        return false;
    ev->after.r[TSP_RAX] = upper_of(ev, reg, 1) && ev->before.level == 0
                               ? ENOSYS
                               : bits_sext(ev->after.r[TSP_RAX], 32);
    return true;
}

static bool end_m027(struct mutant *m, struct tsp_event *ev)
{
    if (!is_x86_call(ev) || ev->before.level != 0 || (uint32_t)ev->before.r[TSP_RAX] != 12 ||
        !(m->given->config & TSP_CFG_EXIT_RESUME))
        return false;
    ev->after.r[TSP_RAX] = is_long(ev) ? (uint32_t)ev->after.r[TSP_RAX] : m->given->exit_ret;
    return true;
}

/* The vCPU with the highest id is not reached. */
static bool end_m029(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_x86_call(ev) || (uint32_t)ev->before.r[TSP_RAX] != 10 ||
        ev->after.r[TSP_RAX] - 1 >= TSP_MAX_VCPU)
        return false;
    ev->after.r[TSP_RAX]--;
    return true;
}

/* Whoever wrote the guest has the other vendor's processor: its first instruction. */
static void setup_m009(struct mutant *m)
{
    static const uint8_t vmcall = 0xc1, vmmcall = 0xd9;
    const struct tsp_vcpu_state *v = &m->given->vcpu[0];
    uint64_t lin, gpa;
    uint8_t text[TSP_INSN_BYTES], rights;
    struct scan scan;

    if (m->given->arch != TSP_ARCH_X86 || m->given->npage >= TSP_MAX_PAGE ||
        v->regs.mode > TSP_MODE_LONG64)
        return;
    lin = initial_linear(m->given, v->regs.pc);
    for (unsigned i = 0; i < sizeof(text); i++) {
        if (!initial_translate(m->given, lin + i, &gpa, &rights))
            return;
        text[i] = initial_byte(m->given, gpa, NULL);
    }
    scan = scan_first((enum tsp_mode)v->regs.mode, text, sizeof(text));
    if (scan.class != SCAN_CALL || text[scan.len - 1] != mutant_own_third(m) ||
        !initial_translate(m->given, lin + scan.len - 1, &gpa, &rights))
        return;
    memcpy(m->page, m->given->page, m->given->npage * sizeof(m->page[0]));
    m->page[m->given->npage] = (struct tsp_page){
        .gpa = gpa, .len = 1, .data = text[scan.len - 1] == vmcall ? &vmmcall : &vmcall};
    m->setup.page = m->page;
    m->setup.npage = m->given->npage + 1;
}

/* Another processor runs in a page that is written piece by piece: what a page that is exchanged
 * at once, or a guest that parks its processors, never shows. */
static void setup_m037(struct mutant *m)
{
    if (m->given->protocol != TSP_PROTOCOL_NONE)
        m->setup.protocol = TSP_PROTOCOL_KVM;
}

#define CR4_CET (1u << 23)

static void setup_m043(struct mutant *m)
{
    for (unsigned i = 0; m->given->arch == TSP_ARCH_X86 && i < m->given->nvcpu; i++)
        m->setup.vcpu[i].x86.cr4 |= CR4_CET;
}

/* What user space is told. */
static void turn(const struct mutant *m, struct tsp_event *out, uint32_t asked, uint32_t code)
{
    if (out->info[1] == asked && (m->given->config & asked) != 0)
        out->code = code;
}

static void answer_m041(struct mutant *m, struct tsp_event *out)
{
    turn(m, out, TSP_CFG_ASK_XEN, 0);
}

static void answer_xen_off(struct mutant *m, struct tsp_event *out)
{
    turn(m, out, TSP_CFG_ASK_XEN, 1);
}

static void answer_m097(struct mutant *m, struct tsp_event *out)
{
    turn(m, out, TSP_CFG_ASK_AGAIN, 1);
}

static void answer_m099(struct mutant *m, struct tsp_event *out)
{
    turn(m, out, TSP_CFG_ASK_SHORT, 0);
}

static void answer_m099_exact(struct mutant *m, struct tsp_event *out)
{
    turn(m, out, TSP_CFG_ASK_LIST, 1);
}

static void answer_changed(struct mutant *m, struct tsp_event *out)
{
    turn(m, out, TSP_CFG_ASK_CHANGED, 0);
}

/* 6: CPUID faulting */

static bool end_m113(struct mutant *m, struct tsp_event *ev)
{
    if (ev->kind == TSP_EV_CPUID && is_x86(ev) && m->start.x86.smm != 0 && ev->before.level != 0 &&
        (m->start.x86.cpuid_faulting & 1) != 0)
        mutant_fault(m, ev, GP, 0, 0);
    return false;
}

/* 3: Hyper-V's calls (status 3: bad control word) */

#define HV_VAR_HEADER 0x7fe0000u

/* A header is accepted by calls of fixed size. */
static bool begin_m045(struct mutant *m, struct tsp_vcpu_state *s)
{
    uint16_t code = (uint16_t)mutant_hv_control(&s->regs);

    if (code == 0x13 || code == 0x14 || code == 0x15)
        return false;
    return mutant_begin_hv(m, s, HV_VAR_HEADER);
}

/* Success without a local APIC to send anything. */
static bool end_m053(struct mutant *m, struct tsp_event *ev)
{
    uint16_t code = (uint16_t)mutant_hv_control(&ev->before);

    if (!is_x86_call(ev) || !mutant_hyperv(m, ev->vcpu) || (code != 0xb && code != 0x15) ||
        (m->given->config & TSP_CFG_IRQCHIP) != 0)
        return false;
    ev->after.r[TSP_RAX] = 0;
    return true;
}

/* An errno where a status is expected. */
static bool end_m055(struct mutant *m, struct tsp_event *ev)
{
    if (!is_x86_call(ev) || !mutant_hyperv(m, ev->vcpu) || (ev->after.r[TSP_RAX] & 0xffff) == 0)
        return false;
    put_result(ev, EINVAL);
    return true;
}

/* The interrupt that an "all processors" call sends is lost; with banks the call fails as well. */
static bool end_m047(struct mutant *m, struct tsp_event *ev)
{
    uint64_t control = mutant_hv_control(&ev->before);
    struct tsp_hv_state hv;

    if (!is_x86_call(ev) || !mutant_hyperv(m, ev->vcpu) || (control & 0xffff) != 0x15 ||
        !(control & 0x10000) || ev->before.r[TSP_R8] != 1 || ev->after.r[TSP_RAX] != 0)
        return false;
    for (unsigned v = 0; v < m->given->nvcpu && v < TSP_MAX_VCPU; v++) {
        if (m->inner.ops->get_hv == NULL || m->inner.ops->get_hv(m->inner.self, v, &hv) != TSP_OK)
            continue;
        hv.pending &= ~TSP_PENDING_INTR;
        m->inner.ops->set_hv(m->inner.self, v, &hv);
    }
    return false;
}

/* Five banks at most: one an XMM register, which holds two. */
static bool end_m051(struct mutant *m, struct tsp_event *ev)
{
    uint64_t control = mutant_hv_control(&ev->before);

    if (!is_x86_call(ev) || !mutant_hyperv(m, ev->vcpu) || !(control & 0x10000) ||
        ((control & 0xffff) != 0x13 && (control & 0xffff) != 0x14) || (control >> 17 & 0x3ff) <= 5)
        return false;
    put_result(ev, 3);
    return true;
}

/* 8: AArch64 */

static uint32_t fid(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[0];
}

static bool end_m131(struct mutant *m, struct tsp_event *ev)
{
    uint64_t upper = (ev->before.r[1] | ev->before.r[2] | ev->before.r[3]) >> 32;

    (void)m;
    if (!is_arm_call(ev) || (fid(ev) & 0x40000000) != 0 || upper == 0 ||
        (fid(ev) & 0xff000000) != 0x84000000)
        return false;
    ev->after.r[0] = (uint64_t)-2;
    return true;
}

static bool begin_m133(struct mutant *m, struct tsp_vcpu_state *s)
{
    uint32_t id = (uint32_t)s->regs.r[0];

    if (m->scan.class != SCAN_CALL || !tsp_mode_is_arm(s->regs.mode) || (id >> 31) == 0)
        return false;
    s->regs.r[0] = (id & 0x40000000) != 0 && (id & 0xffff) == 0 ? 0x84000000 : id & 0xff00ffff;
    if ((id & 0x3f000000) == 0x04000000 && (id & 0xffff) < 0x20)
        s->regs.r[0] = 0x84000000 | (id & 0xffff);
    return s->regs.r[0] != id;
}

static bool end_m137(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_arm_call(ev) || fid(ev) != 0x8400000a)
        return false;
    ev->after.r[0] = ev->before.r[0];
    return true;
}

static bool end_m139(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_arm_call(ev) || ev->before.level == 0)
        return false;
    ev->after.r[0] = ~(uint64_t)0;
    return true;
}

static bool begin_m143(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (m->scan.class != SCAN_CALL || !tsp_mode_is_arm(s->regs.mode))
        return false;
    s->regs.r[0] ^= 1;
    return true;
}

/* A cookie is cleared, for this one call. */
static bool begin_m145(struct mutant *m, struct tsp_vcpu_state *s)
{
    if (m->scan.class != SCAN_CALL || !tsp_mode_is_arm(s->regs.mode) ||
        ((uint32_t)s->regs.r[0] | 0x40000000) != 0xc4000015)
        return false;
    s->regs.r[2] = 0;
    return true;
}

/* Where it was read before CPUID was there, the register is 0. */
static bool end_m129(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (ev->kind != TSP_EV_MSR || !is_x86(ev) || ev->code != 0x10a || ev->info[1] != 0 ||
        ev->info[0] == 0)
        return false;
    ev->info[0] = ev->after.r[TSP_RAX] = ev->after.r[TSP_RDX] = 0;
    return true;
}

/* Only the first result of several is widened with its sign. */
static bool end_m141(struct mutant *m, struct tsp_event *ev)
{
    (void)m;
    if (!is_arm_call(ev) || (fid(ev) & 0x40000000) != 0 || (fid(ev) >> 31) == 0)
        return false;
    ev->after.r[0] = bits_sext(ev->after.r[0], 32);
    return true;
}

#define ROW(number, what, origin, where)                                                           \
    .id = (number), .text = (what), .source = (origin), .kind = MUTANT_HISTORIC, .area = (where)

const struct mutant_row mutant_rows_historic[] = {
    {ROW("M001", "text mapped read-only: the guest gets #PF of the rewrite instead of #UD",
         "lkml 20211210222903", MUTANT_PATCH),
     .end = end_m001},
    {ROW("M003", "a sibling runs a mixture of old and new bytes after the rewrite is done",
         "lkml 20211210222903", MUTANT_PATCH),
     .end = end_m003},
    {ROW("M005", "the right instruction is rewritten to itself, for ever", "lkml 2026-03",
         MUTANT_PATCH),
     .end = end_m005},
    {ROW("M007", "bytes that are right are written again: write fault on protected text",
         "KVMI patches", MUTANT_PATCH),
     .end = end_m007},
    {ROW("M009", "the guest always emits the one instruction and then write-protects its text",
         "torvalds/linux c1118b3602c2", MUTANT_PATCH | MUTANT_GUEST),
     .setup = setup_m009},
    {ROW("M011", "#UD of any opcode is handed to an emulator that fetches again",
         "xen-project/xen 7d7918e28b", MUTANT_PATCH),
     .end = end_m011},
    {ROW("M013", "the length check misses the end of the address space",
         "xen-project/xen d8ede4a09e", MUTANT_PATCH),
     .end = end_m013},
    {ROW("M017", "the privilege check is missing behind a rewrite", "xen-project/xen d8ede4a09e",
         MUTANT_PATCH | MUTANT_CALLS),
     .begin = begin_m017},
    {ROW("M019", "calls are answered at any privilege level",
         "torvalds/linux 07708c4af134, CVE-2009-3290", MUTANT_CALLS),
     .begin = begin_m019},
    {ROW("M021", "user code gets Hyper-V's #UD instead of KVM's error",
         "TLFS, Legal hypercall environments", MUTANT_CALLS),
     .end = end_m021},
    {ROW("M023", "a 32-bit caller's dirty upper halves count",
         "xen-project/xen 0ad715304b, XSA-111", MUTANT_CALLS),
     .end = end_m023},
    {ROW("M025", "a 32-bit caller is served by the 64-bit handler", "xen-project/xen b6b672e8a9",
         MUTANT_CALLS),
     .end = end_m025},
    {ROW("M027", "the width of a result from user space is decided wrongly",
         "torvalds/linux complete_hypercall_exit", MUTANT_CALLS),
     .end = end_m027},
    {ROW("M029", "the highest id is left out", "lkml 2025-08, 2026", MUTANT_CALLS),
     .end = end_m029},
    {ROW("M037", "the hypercall page is set up again while another CPU runs in it",
         "xen-project/xen 647f41c70d", MUTANT_RACE),
     .setup = setup_m037},
    {ROW("M041", "any register may be the one of the hypercall page", "torvalds/linux 5c17848134ab",
         MUTANT_CALLS),
     .answer = answer_m041},
    {.id = "xen-register",
     .text = "Xen's page register is refused whatever it is",
     .source = "torvalds/linux arch/x86/kvm/xen.c",
     .kind = MUTANT_SYSTEMATIC,
     .area = MUTANT_CALLS,
     .answer = answer_xen_off},
    {ROW("M043", "a guest with IBT uses the page, which has naked returns and no ENDBR",
         "xen-project/xen d95703eb83, torvalds/linux d5ace2a77644", MUTANT_CALLS | MUTANT_GUEST),
     .setup = setup_m043},
    {ROW("M097", "after a run even the same CPUID table is refused",
         "torvalds/linux feb627e8d6f6, c6617c61e8fe", MUTANT_CALLS),
     .answer = answer_m097},
    {ROW("M099", "a list of leaves is written past the end of its buffer",
         "torvalds/linux 433f4ba19041, CVE-2019-19332", MUTANT_CALLS),
     .answer = answer_m099},
    {ROW("M099B", "a list of leaves is refused a buffer that just suffices",
         "torvalds/linux 433f4ba19041, its follow-up", MUTANT_CALLS),
     .answer = answer_m099_exact},
    {ROW("cpuid-changed", "a vCPU that has run becomes another processor",
         "torvalds/linux feb627e8d6f6", MUTANT_CALLS),
     .answer = answer_changed},
    {ROW("M113", "CPUID faults in system management mode", "torvalds/linux db2336a80489",
         MUTANT_CPUID),
     .end = end_m113},
    {ROW("M045", "a call of fixed size takes a variable header", "torvalds/linux 40421f38f637",
         MUTANT_CALLS),
     .begin = begin_m045},
    {ROW("M047", "an interrupt for all CPUs is dropped when banks are given",
         "torvalds/linux 3244867af8c0", MUTANT_CALLS),
     .end = end_m047},
    {ROW("M051", "the most banks of a fast flush are counted wrongly",
         "torvalds/linux 7321f47eada5", MUTANT_CALLS),
     .end = end_m051},
    {ROW("M053", "interrupts without an interrupt controller", "torvalds/linux 7ec37d1cbe17",
         MUTANT_CALLS),
     .end = end_m053},
    {ROW("M055", "a Hyper-V status is taken for an errno", "xen-project/xen 857fee7784",
         MUTANT_CALLS),
     .end = end_m055},
    {ROW("M129", "registers are read before CPUID is set", "firecracker 4681a67f7", MUTANT_CPUID),
     .end = end_m129},
    {ROW("M131", "arguments of a 32-bit function keep their upper halves",
         "xen-project/xen f4af571dd7", MUTANT_ARM64),
     .end = end_m131},
    {ROW("M133", "only the low 16 bits of the function id are looked at",
         "xen-project/xen 6dadaabbc8", MUTANT_ARM64),
     .begin = begin_m133},
    {ROW("M135", "the Thumb bit is left in the entry point", "xen-project/xen cd8b749282",
         MUTANT_AARCH32),
     .end = mutant_thumb_left},
    {ROW("M137", "the result of PSCI_FEATURES is never filled in", "xen-project/xen 83ba64c3eb",
         MUTANT_ARM64),
     .end = end_m137},
    {ROW("M139", "every call is answered with -1", "qemu/qemu 9fcd15b9193e, 4825eaae4fdd",
         MUTANT_ARM64),
     .end = end_m139},
    {ROW("M141", "a negative argument is widened in some places only", "xen-project/xen 28af7ed910",
         MUTANT_ARM64),
     .end = end_m141},
    {ROW("M143", "another function than asked for is forwarded", "xen-project/xen 1c3ed9c908",
         MUTANT_ARM64),
     .begin = begin_m143},
    {ROW("M145", "SYSTEM_OFF2 does not look at its cookie", "torvalds/linux psci_test",
         MUTANT_ARM64),
     .begin = begin_m145},
    {.id = NULL},
};
