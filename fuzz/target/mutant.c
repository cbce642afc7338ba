/* SPDX-License-Identifier: MIT */
/* The target that wraps another one and does one thing wrong. */
#include "fuzz/target/mutant_in.h"

#include "emu/emu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mutant_row *const tables[] = {
    mutant_rows_historic, mutant_rows_leaves,  mutant_rows_cpuid,      mutant_rows_calls,
    mutant_rows_patch,    mutant_rows_arm64,   mutant_rows_setup,      mutant_rows_hyperv,
    mutant_rows_pool,     mutant_rows_move,    mutant_rows_hyperv_own, mutant_rows_xen,
    mutant_rows_looks,    mutant_rows_psci,    mutant_rows_extra,      mutant_rows_kvm_msr,
    mutant_rows_shipped,  mutant_rows_arm32,   mutant_rows_messages,   mutant_rows_xmem,
    mutant_rows_vmware,   mutant_rows_history, mutant_rows_vmi,
};
#define NTABLE (sizeof(tables) / sizeof(tables[0]))

/* What the documents leave open is not wrong. */
static bool behaviour_is_wrong(const struct vm_behaviour *b)
{
    return strncmp(b->text, "open:", 5) != 0;
}

static unsigned variants(const struct mutant_row *r)
{
    return r->n == 0 ? 1 : r->n;
}

/* Row and variant of index i; NULL: *i is then what is left of it. */
static const struct mutant_row *row_at(unsigned *i)
{
    for (size_t t = 0; t < NTABLE; t++) {
        for (const struct mutant_row *r = tables[t]; r->id != NULL; r++) {
            if (*i < variants(r))
                return r;
            *i -= variants(r);
        }
    }
    return NULL;
}

static bool wrong_behaviour(unsigned i, struct vm_behaviour *b)
{
    for (unsigned k = 0; vm_behaviour_at(k, b); k++)
        if (behaviour_is_wrong(b) && i-- == 0)
            return true;
    return false;
}

static unsigned behaviour_area(const char *name)
{
    static const struct {
        const char *prefix;
        unsigned area;
    } place[] = {
        {"arm_", MUTANT_ARM64},          {"patch_", MUTANT_PATCH}, {"mut_patch", MUTANT_PATCH},
        {"mut_any", MUTANT_CALLS},       {"mut_w", MUTANT_CALLS},  {"mut_enosys", MUTANT_CALLS},
        {"mut_clobber", MUTANT_CALLS},   {"map_", MUTANT_CALLS},   {"hv_", MUTANT_CALLS},
        {"shutdown_init", MUTANT_CPUID},
    };

    for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++)
        if (strncmp(name, place[i].prefix, strlen(place[i].prefix)) == 0)
            return place[i].area;
    return MUTANT_CPUID;
}

static void describe_row(const struct mutant_row *r, unsigned i, struct mutant_info *out)
{
    char name[24] = "";

    if (r->n != 0 && r->name != NULL)
        r->name(i, name, sizeof(name));
    else if (r->n != 0)
        snprintf(name, sizeof(name), "%u", i);
    snprintf(out->id, sizeof(out->id), "%.20s%s%s", r->id, name[0] != 0 ? "-" : "", name);
    snprintf(out->text, sizeof(out->text), "%.160s%s%s", r->text, name[0] != 0 ? ": " : "", name);
    out->source = r->source;
    out->kind = (enum mutant_kind)r->kind;
    out->area = r->area;
    out->modelled = r->setup != NULL || r->begin != NULL || r->end != NULL || r->verdict != NULL ||
                    r->answer != NULL || r->restore != NULL || r->restore_hv != NULL;
}

bool mutant_at(unsigned i, struct mutant_info *out)
{
    const struct mutant_row *r = row_at(&i);
    struct vm_behaviour b;
    const char *text;

    memset(out, 0, sizeof(*out));
    if (r != NULL) {
        describe_row(r, i, out);
        return true;
    }
    if (!wrong_behaviour(i, &b))
        return false;
    text = strncmp(b.text, "mutant: ", 8) == 0 ? b.text + 8 : b.text;
    snprintf(out->id, sizeof(out->id), "%s", b.name);
    snprintf(out->text, sizeof(out->text), "%s", text);
    out->source = b.source;
    out->kind = MUTANT_MODEL;
    out->area = behaviour_area(b.name);
    out->modelled = true;
    return true;
}

unsigned mutant_count(void)
{
    struct vm_behaviour b;
    unsigned n = 0;

    for (size_t t = 0; t < NTABLE; t++)
        for (const struct mutant_row *r = tables[t]; r->id != NULL; r++)
            n += variants(r);
    for (unsigned k = 0; vm_behaviour_at(k, &b); k++)
        n += behaviour_is_wrong(&b);
    return n;
}

unsigned mutant_find(const char *id, size_t n)
{
    struct mutant_info m;
    unsigned i = 0;

    while (mutant_at(i, &m) && (strlen(m.id) != n || memcmp(m.id, id, n) != 0))
        i++;
    return i;
}

static enum tsp_status refuse(struct tsp_error *err, enum tsp_status code, const char *id, size_t n,
                              const char *text)
{
    if (err != NULL) {
        *err = (struct tsp_error){.code = code};
        snprintf(err->text, sizeof(err->text), "mutant:%.*s: %s", (int)(n < 40 ? n : 40), id, text);
    }
    return code;
}

/* The name of what is wrapped; a behaviour of the model is switched on in it. */
static enum tsp_status inner_name(const struct mutant_info *info, const char *args, size_t n,
                                  char *out, size_t max, struct tsp_error *err)
{
    const char *given = args[n] == '+' ? args + n + 1 : "model:kvm";
    bool model = strncmp(given, "model:", 6) == 0;
    int len;

    if (info->kind != MUTANT_MODEL)
        len = snprintf(out, max, "%s", given);
    else if (model)
        len = snprintf(out, max, "%s+%s", given, info->id);
    else
        return refuse(err, TSP_ENOTSUP, args, n, "a behaviour of the model wraps model:* only");
    if (len < 0 || (size_t)len >= max)
        return refuse(err, TSP_EARG, args, n, "the name is too long");
    if (strncmp(given, "mutant:", 7) == 0)
        return refuse(err, TSP_EARG, args, n, "a mutant does not wrap another");
    return TSP_OK;
}

static enum tsp_status open_inner(struct mutant *m, const char *args, struct tsp_error *err)
{
    static const struct mutant_row none = {.id = ""};
    size_t n = strcspn(args, "+");
    unsigned i = mutant_find(args, n);
    struct mutant_info info;
    char name[2048]; /* may hold a path */
    enum tsp_status st;

    if (!mutant_at(i, &info))
        return refuse(err, TSP_EARG, args, n, "no such mutant; trapspec mutants --list names them");
    if (!info.modelled)
        return refuse(err, TSP_ENOTSUP, args, n, "no target here has what it is about");
    st = inner_name(&info, args, n, name, sizeof(name), err);
    if (st != TSP_OK)
        return st;
    m->row = row_at(&i);
    m->i = i;
    if (m->row == NULL)
        m->row = &none;
    return target_open(&m->inner, name, err);
}

static enum tsp_status mutant_open(void **self, const char *args, struct tsp_error *err)
{
    struct mutant *m = calloc(1, sizeof(*m));
    enum tsp_status st;

    *self = NULL;
    if (m == NULL)
        return refuse(err, TSP_ENOMEM, "", 0, "out of memory");
    st = open_inner(m, args, err);
    if (st != TSP_OK) {
        free(m);
        return st;
    }
    *self = m;
    return TSP_OK;
}

static void mutant_close(void *self)
{
    struct mutant *m = self;

    if (m == NULL)
        return;
    target_close(&m->inner);
    free(m);
}

static enum tsp_status mutant_reset(void *self, const struct tsp_setup *setup,
                                    struct tsp_event *out)
{
    struct mutant *m = self;
    enum tsp_status st;

    m->given = setup;
    m->counter = 0;
    m->kept = 0;
    m->moved = false;
    memset(m->patched, 0, sizeof(m->patched));
    if (m->row->setup == NULL) {
        st = m->inner.ops->reset(m->inner.self, setup, out);
    } else {
        m->setup = *setup;
        m->row->setup(m);
        st = m->inner.ops->reset(m->inner.self, &m->setup, out);
        /* A set-up that only the change made impossible is run as it was. */
        if (st != TSP_OK)
            st = m->inner.ops->reset(m->inner.self, setup, out);
    }
    if (st == TSP_OK && m->row->verdict != NULL && setup->npolicy > 1)
        m->row->verdict(m, out);
    if (st == TSP_OK && m->row->answer != NULL && setup->npolicy == 1 &&
        (setup->config & TSP_CFG_ASK) != 0)
        m->row->answer(m, out);
    return st;
}

static uint32_t mutant_runnable(void *self)
{
    struct mutant *m = self;

    return m->inner.ops->runnable(m->inner.self);
}

static bool is_x86_mode(const struct tsp_vcpu_state *s)
{
    return !tsp_mode_is_arm(s->regs.mode);
}

static bool at_trap(struct mutant *m, const struct tsp_vcpu_state *s)
{
    uint64_t lin = s->regs.pc;
    uint8_t text[15];
    size_t n = sizeof(text);

    if (m->given->arch == TSP_ARCH_X86 && s->regs.mode != TSP_MODE_LONG64)
        lin = (uint32_t)(lin + s->x86.seg[TSP_CS].base);
    while (n > 0 && !mutant_read(m, lin, text, n))
        n--;
    m->scan = scan_first((enum tsp_mode)s->regs.mode, text, n);
    /* Among several vCPUs a rewrite may be under way, which setting the state would end. */
    if (m->given->nvcpu > 1 && m->scan.class == SCAN_CALL && is_x86_mode(s) && m->scan.len <= n &&
        text[m->scan.len - 1] != mutant_own_third(m))
        return false;
    return n > 0 && (m->scan.class == SCAN_CPUID || m->scan.class == SCAN_CALL);
}

/* What the instruction did not change is as it really was. */
static void tell_truth(struct mutant *m, const struct tsp_vcpu_state *lie, struct tsp_event *ev)
{
    const struct tsp_vcpu_state *was = &m->start;
    bool done = ev->kind == TSP_EV_CPUID || ev->kind == TSP_EV_HYPERCALL;
    uint32_t results = ev->kind == TSP_EV_CPUID ? 0xf : 0;
    struct tsp_vcpu_state now;

    ev->before = was->regs;
    if (is_x86(ev))
        tsp_x86_sys(&was->x86, ev->sys);
    if (m->inner.ops->get_vcpu(m->inner.self, ev->vcpu, &now) != TSP_OK)
        return;
    for (unsigned i = 0; i < 32; i++)
        if (now.regs.r[i] == lie->regs.r[i] && !(results >> i & 1))
            now.regs.r[i] = was->regs.r[i];
    if (done) {
        now.regs.level = was->regs.level;
        now.regs.mode = was->regs.mode;
        now.regs.flags = now.regs.flags == lie->regs.flags ? was->regs.flags : now.regs.flags;
        memcpy(now.x86.seg, was->x86.seg, sizeof(now.x86.seg));
        now.x86.cr0 = was->x86.cr0;
        now.x86.cr4 = was->x86.cr4;
        now.x86.xcr0 = was->x86.xcr0;
        now.x86.xss = was->x86.xss;
        now.x86.apic_base = was->x86.apic_base;
        now.x86.apic_id = was->x86.apic_id;
        now.x86.cpuid_faulting = was->x86.cpuid_faulting;
    }
    m->inner.ops->set_vcpu(m->inner.self, ev->vcpu, &now);
    ev->after = now.regs;
}

static enum tsp_status one_step(struct mutant *m, unsigned vcpu, struct tsp_event *ev)
{
    struct tsp_vcpu_state lie;
    enum tsp_status st;
    bool lied;

    if (m->inner.ops->get_vcpu(m->inner.self, vcpu, &m->start) != TSP_OK)
        return m->inner.ops->run(m->inner.self, vcpu, 1, ev);
    lie = m->start;
    lied = at_trap(m, &m->start) && m->row->begin(m, &lie);
    if (lied)
        m->inner.ops->set_vcpu(m->inner.self, vcpu, &lie);
    st = m->inner.ops->run(m->inner.self, vcpu, 1, ev);
    if (st == TSP_OK && lied)
        tell_truth(m, &lie, ev);
    return st;
}

/* Instruction by instruction up to the next event. */
static enum tsp_status run_lying(struct mutant *m, unsigned vcpu, uint32_t budget,
                                 struct tsp_event *ev)
{
    enum tsp_status st;

    do {
        st = one_step(m, vcpu, ev);
    } while (st == TSP_OK && --budget > 0 && ev->kind == TSP_EV_STOP &&
             ev->code == TSP_STOP_BUDGET);
    return st;
}

static bool can_reach_in(const struct mutant *m)
{
    const struct tsp_target_ops *ops = m->inner.ops;

    return ops->get_vcpu != NULL && ops->set_vcpu != NULL && ops->peek != NULL && ops->poke != NULL;
}

static enum tsp_status mutant_run(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    struct mutant *m = self;
    enum tsp_status st;

    if (m->row->begin != NULL && budget > 0 && can_reach_in(m)) {
        st = run_lying(m, vcpu, budget, out);
    } else {
        if (m->row->end != NULL && m->inner.ops->get_vcpu != NULL)
            m->inner.ops->get_vcpu(m->inner.self, vcpu, &m->start);
        st = m->inner.ops->run(m->inner.self, vcpu, budget, out);
    }
    if (st != TSP_OK)
        return st;
    if (m->row->end != NULL && m->row->end(m, out))
        mutant_commit(m, out);
    if (vcpu < TSP_MAX_VCPU && out->kind != TSP_EV_STOP)
        m->patched[vcpu] = out->kind == TSP_EV_PATCH ? out->before.pc + 1 : 0;
    return st;
}

static enum tsp_status mutant_peek(void *self, uint64_t gpa, void *buf, size_t len)
{
    struct mutant *m = self;

    return m->inner.ops->peek == NULL ? TSP_ENOTSUP
                                      : m->inner.ops->peek(m->inner.self, gpa, buf, len);
}

static enum tsp_status mutant_poke(void *self, uint64_t gpa, const void *buf, size_t len)
{
    struct mutant *m = self;

    return m->inner.ops->poke == NULL ? TSP_ENOTSUP
                                      : m->inner.ops->poke(m->inner.self, gpa, buf, len);
}

static enum tsp_status mutant_get(void *self, unsigned vcpu, struct tsp_vcpu_state *out)
{
    struct mutant *m = self;

    return m->inner.ops->get_vcpu == NULL ? TSP_ENOTSUP
                                          : m->inner.ops->get_vcpu(m->inner.self, vcpu, out);
}

static enum tsp_status mutant_set(void *self, unsigned vcpu, const struct tsp_vcpu_state *in)
{
    struct mutant *m = self;
    struct tsp_vcpu_state s = *in;

    if (m->inner.ops->set_vcpu == NULL)
        return TSP_ENOTSUP;
    m->moved = true;
    if (m->row->restore != NULL)
        m->row->restore(m, &s);
    return m->inner.ops->set_vcpu(m->inner.self, vcpu, &s);
}

/* The two were added to the end of the table: an older one may not reach them. */
static bool has_hv(const struct tsp_target_ops *ops)
{
    return ops->size >= sizeof(*ops) && ops->get_hv != NULL && ops->set_hv != NULL;
}

static enum tsp_status mutant_get_hv(void *self, unsigned vcpu, struct tsp_hv_state *out)
{
    struct mutant *m = self;

    return has_hv(m->inner.ops) ? m->inner.ops->get_hv(m->inner.self, vcpu, out) : TSP_ENOTSUP;
}

static enum tsp_status mutant_set_hv(void *self, unsigned vcpu, const struct tsp_hv_state *in)
{
    struct mutant *m = self;
    struct tsp_hv_state s = *in;

    if (!has_hv(m->inner.ops))
        return TSP_ENOTSUP;
    if (m->row->restore_hv != NULL && !m->row->restore_hv(m, &s))
        return TSP_EIO;
    return m->inner.ops->set_hv(m->inner.self, vcpu, &s);
}

bool mutant_is_setup(const void *self)
{
    const struct mutant_row *r = ((const struct mutant *)self)->row;

    return r->begin == NULL && r->end == NULL;
}

const struct target *mutant_inner(const void *self)
{
    return &((const struct mutant *)self)->inner;
}

/* caps are the inner target's; target_open puts them in place. */
const struct tsp_target_ops mutant_ops = {
    .size = sizeof(struct tsp_target_ops),
    .abi = TSP_ABI_VERSION,
    .name = "mutant",
    .open = mutant_open,
    .reset = mutant_reset,
    .runnable = mutant_runnable,
    .run = mutant_run,
    .peek = mutant_peek,
    .poke = mutant_poke,
    .get_vcpu = mutant_get,
    .set_vcpu = mutant_set,
    .close = mutant_close,
    .get_hv = mutant_get_hv,
    .set_hv = mutant_set_hv,
};
