/* SPDX-License-Identifier: MIT */
/*
 * A plug-in as a target. Whatever it does becomes an event: one that fails in a way no guest can
 * cause ends its case with TSP_STOP_ERROR, and the next reset starts it anew.
 */
#define _GNU_SOURCE
#include "fuzz/target/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TIMEOUT_MS 3000u
/* Each call that did not return halves the patience, down to this; after so many it is not asked
 * any more. */
#define TIMEOUT_LEAST_MS 100u
#define HANGS_MOST 48u

struct plugin {
    char path[PLUGIN_PATH], args[PLUGIN_PATH];
    bool inside; /* in this process */
    struct plugin_code code;
    struct plugin_proc proc;
    uint32_t caps;
    bool has_hv;
    bool look_next, looked; /* the next run is looked at; the last one was */
    const struct tsp_setup *setup;
    uint32_t runnable;
    bool broken;                /* this case is over */
    struct plugin_wrong untold; /* why, when no event has said it yet */
    unsigned hangs;
    struct tsp_event ev; /* of the call that ended last */
    const char *why;
};

static bool in_process;
static unsigned timeout_ms = TIMEOUT_MS;

void target_plugin_options(bool inside, unsigned ms)
{
    in_process = inside;
    timeout_ms = ms != 0 ? ms : TIMEOUT_MS;
}

static enum tsp_status refuse(struct tsp_error *err, enum tsp_status code, const char *path,
                              const char *text)
{
    struct tsp_error told = {.code = code};
    const char *slash = strrchr(path, '/');

    if (err == NULL)
        return code;
    snprintf(told.text, sizeof(told.text), "%.48s: %.108s", slash != NULL ? slash + 1 : path, text);
    *err = told;
    return code;
}

/* FILE, or FILE,ARGS: the first comma ends the name. Without a slash it is in this directory. */
static bool split(struct plugin *p, const char *name)
{
    const char *comma = strchr(name, ',');
    size_t n = comma != NULL ? (size_t)(comma - name) : strlen(name);
    const char *here = memchr(name, '/', n) != NULL ? "" : "./";

    if (n == 0 || n + 3 > sizeof(p->path))
        return false;
    snprintf(p->path, sizeof(p->path), "%s%.*s", here, (int)n, name);
    return snprintf(p->args, sizeof(p->args), "%s", comma != NULL ? comma + 1 : "") <
           (int)sizeof(p->args);
}

static enum tsp_status start_outside(struct plugin *p, struct tsp_error *err)
{
    enum tsp_status st;

    if (p->proc.sh == NULL) {
        void *at = mmap(NULL, sizeof(struct plugin_shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (at == MAP_FAILED) {
            snprintf(err->text, sizeof(err->text), "out of memory");
            return TSP_ENOMEM;
        }
        p->proc.sh = at;
        p->proc.channel = p->proc.out = -1;
        p->proc.timeout_ms = timeout_ms;
    }
    st = plugin_start(&p->proc, p->path, p->args, err);
    p->caps = p->proc.sh->caps;
    p->has_hv = p->proc.sh->has_hv != 0;
    return st;
}

static enum tsp_status start_inside(struct plugin *p, struct tsp_error *err)
{
    enum tsp_status st = plugin_load(&p->code, p->path, p->args, err);

    p->caps = p->code.ops.caps;
    p->has_hv = p->code.ops.get_hv != NULL && p->code.ops.set_hv != NULL;
    return st;
}

static void close_plugin(void *self)
{
    struct plugin *p = self;

    if (p == NULL)
        return;
    if (p->inside && p->code.ops.close != NULL)
        p->code.ops.close(p->code.self);
    if (!p->inside)
        plugin_stop(&p->proc);
    if (p->proc.sh != NULL)
        munmap(p->proc.sh, sizeof(*p->proc.sh));
    free(p);
}

static enum tsp_status open_plugin(void **self, const char *args, struct tsp_error *err)
{
    struct plugin *p = calloc(1, sizeof(*p));
    struct tsp_error why = {.code = TSP_OK, .text = ""};
    enum tsp_status st;

    *self = NULL;
    if (p == NULL)
        return refuse(err, TSP_ENOMEM, args, "out of memory");
    if (!split(p, args)) {
        free(p);
        return refuse(err, TSP_EARG, "plugin",
                      "the name of a file is needed: plugin:FILE or "
                      "plugin:FILE,ARGUMENTS");
    }
    p->inside = in_process;
    st = p->inside ? start_inside(p, &why) : start_outside(p, &why);
    if (st != TSP_OK) {
        st = refuse(err, st == TSP_EARG ? TSP_EIO : st, p->path, why.text);
        p->inside = false; /* nothing to close */
        close_plugin(p);
        return st;
    }
    *self = p;
    return TSP_OK;
}

/* This case is over; the event that says so. */
static void broke(struct plugin *p, struct plugin_wrong w, unsigned vcpu, struct tsp_event *out)
{
    p->broken = true;
    p->runnable = 0;
    if (w.what == TSP_WRONG_HANG && p->untold.what == TSP_WRONG_UNKNOWN) {
        unsigned ms = timeout_ms >> (p->hangs < 8 ? p->hangs + 1 : 8);

        p->hangs++;
        plugin_patience(&p->proc, ms > TIMEOUT_LEAST_MS ? ms : TIMEOUT_LEAST_MS);
    }
    p->untold = w;
    if (out == NULL)
        return;
    p->untold.what = TSP_WRONG_UNKNOWN;
    memset(out, 0, sizeof(*out));
    out->kind = TSP_EV_STOP;
    out->code = TSP_STOP_ERROR;
    out->vcpu = (uint16_t)vcpu;
    out->info[0] = w.what;
    out->info[1] = w.more;
    if (p->setup != NULL && vcpu < TSP_MAX_VCPU)
        out->before = out->after = p->setup->vcpu[vcpu].regs;
}

/* Copies the set-up to where both processes see it. false: it does not fit. */
static bool share_setup(struct plugin_shared *sh, const struct tsp_setup *s)
{
    size_t used = 0;

    if (s->npage > TSP_MAX_PAGE || s->npolicy > 4 || s->nvcpu > TSP_MAX_VCPU)
        return false;
    sh->setup = *s;
    sh->setup.page = sh->page;
    for (uint32_t i = 0; i < s->npage; i++) {
        sh->page[i] = s->page[i];
        if (s->page[i].data == NULL)
            continue;
        if (s->page[i].len > PLUGIN_DATA - used)
            return false;
        memcpy(sh->data + used, s->page[i].data, s->page[i].len);
        sh->page[i].data = sh->data + used;
        used += s->page[i].len;
    }
    for (uint32_t i = 0; i < s->npolicy; i++) {
        if (s->policy[i].n > TSP_MAX_LEAF)
            return false;
        sh->setup.policy[i].leaf = sh->leaf[i];
        if (s->policy[i].n != 0)
            memcpy(sh->leaf[i], s->policy[i].leaf, s->policy[i].n * sizeof(sh->leaf[i][0]));
    }
    return true;
}

/* Only what the interface lets a call return; the rest is a finding. */
static bool status_ok(int32_t st)
{
    return st == TSP_OK || st == TSP_EARG || st == TSP_EIO || st == TSP_ENOMEM || st == TSP_ENOTSUP;
}

static struct plugin_wrong call_inside(struct plugin *p, enum plugin_op op, unsigned vcpu,
                                       uint32_t budget, int32_t *st)
{
    const struct tsp_target_ops *o = &p->code.ops;

    memset(&p->ev, 0, sizeof(p->ev));
    *st = op == PLUGIN_RESET ? o->reset(p->code.self, p->setup, &p->ev)
                             : o->run(p->code.self, vcpu, budget, &p->ev);
    p->runnable = o->runnable != NULL ? o->runnable(p->code.self) : 0;
    return (struct plugin_wrong){TSP_WRONG_UNKNOWN, 0};
}

/* Reset or run, inside or outside; the event is in p->ev. */
static struct plugin_wrong call(struct plugin *p, enum plugin_op op, unsigned vcpu, uint32_t budget,
                                int32_t *st)
{
    struct plugin_shared *sh = p->proc.sh;
    struct plugin_wrong w;

    if (p->inside)
        return call_inside(p, op, vcpu, budget, st);
    sh->op = op;
    sh->vcpu = vcpu;
    sh->budget = budget;
    sh->look_next = op == PLUGIN_RUN && p->look_next;
    p->look_next = p->looked = false;
    w = plugin_call(&p->proc);
    p->looked = w.what == TSP_WRONG_UNKNOWN && op == PLUGIN_RUN && sh->looked;
    p->ev = sh->ev;
    *st = sh->answer;
    p->runnable = sh->runnable;
    return w;
}

static struct plugin_wrong judge_call(struct plugin *p, int32_t st)
{
    struct plugin_wrong w = {TSP_WRONG_UNKNOWN, 0};

    if (!status_ok(st))
        w = (struct plugin_wrong){TSP_WRONG_STATUS, (uint64_t)(int64_t)st};
    else if (st == TSP_OK && (p->caps & TSP_CAP_EXEC) != 0 && (p->runnable >> p->setup->nvcpu) != 0)
        w = (struct plugin_wrong){TSP_WRONG_RUNNABLE, p->runnable};
    return w;
}

static struct plugin_wrong judge_reset(struct plugin *p, int32_t st)
{
    struct plugin_wrong w = judge_call(p, st);

    if (w.what != TSP_WRONG_UNKNOWN || st != TSP_OK)
        return w;
    if (p->ev.kind != TSP_EV_POLICY)
        return (struct plugin_wrong){TSP_WRONG_KIND, p->ev.kind};
    if (p->ev.code > 1)
        return (struct plugin_wrong){TSP_WRONG_CODE, p->ev.code};
    return w;
}

/* A new process when the last one ended. false: there is none, w says why. */
static bool revive(struct plugin *p, struct plugin_wrong *w)
{
    struct tsp_error err = {.code = TSP_OK, .text = ""};

    if (p->hangs > HANGS_MOST) {
        *w = (struct plugin_wrong){TSP_WRONG_GAVE_UP, p->hangs};
        return false;
    }
    if (p->inside || plugin_alive(&p->proc))
        return true;
    plugin_stop(&p->proc);
    if (start_outside(p, &err) == TSP_OK)
        return true;
    *w = (struct plugin_wrong){TSP_WRONG_GAVE_UP, 1};
    return false;
}

static enum tsp_status reset_plugin(void *self, const struct tsp_setup *setup,
                                    struct tsp_event *out)
{
    struct plugin *p = self;
    struct plugin_wrong w = {TSP_WRONG_UNKNOWN, 0};
    int32_t st = TSP_OK;

    p->setup = setup;
    p->broken = false;
    p->untold.what = TSP_WRONG_UNKNOWN;
    p->why = NULL;
    if ((p->caps & TSP_CAP_EXEC) == 0 && !plugin_asks_cpuid(setup)) {
        p->why = "the plug-in answers CPUID only, and this begins with something else";
        return TSP_ENOTSUP;
    }
    if (!p->inside && !share_setup(p->proc.sh, setup))
        return TSP_EARG;
    if (revive(p, &w)) {
        w = call(p, PLUGIN_RESET, 0, 0, &st);
        if (w.what == TSP_WRONG_UNKNOWN)
            w = judge_reset(p, st);
    }
    if (w.what != TSP_WRONG_UNKNOWN) {
        broke(p, w, 0, out);
        return TSP_OK;
    }
    if (st != TSP_OK) {
        p->why = st == TSP_ENOTSUP ? "the plug-in cannot make this machine (TSP_ENOTSUP)"
                                   : "the plug-in's reset refused it";
        p->broken = true;
        return (enum tsp_status)st;
    }
    *out = p->ev;
    if ((p->caps & TSP_CAP_EXEC) == 0)
        p->runnable = 1;
    return TSP_OK;
}

static uint32_t runnable_plugin(void *self)
{
    const struct plugin *p = self;

    if (p->broken)
        return p->untold.what != TSP_WRONG_UNKNOWN;
    return p->runnable;
}

/* Of a target that only answers: one CPUID, then the end. */
static void finish_query(struct plugin *p)
{
    p->runnable = p->ev.kind == TSP_EV_CPUID;
    if (p->ev.kind == TSP_EV_CPUID)
        plugin_complete_cpuid(p->setup, &p->ev);
}

static enum tsp_status run_plugin(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    struct plugin *p = self;
    struct plugin_wrong w;
    int32_t st = TSP_OK;

    if (p->setup == NULL || vcpu >= p->setup->nvcpu)
        return TSP_EARG;
    if (p->broken && p->untold.what != TSP_WRONG_UNKNOWN) {
        broke(p, p->untold, vcpu, out);
        return TSP_OK;
    }
    if (p->broken) {
        memset(out, 0, sizeof(*out));
        out->kind = TSP_EV_STOP;
        out->code = TSP_STOP_DONE;
        return TSP_OK;
    }
    w = call(p, PLUGIN_RUN, vcpu, budget, &st);
    if (w.what == TSP_WRONG_UNKNOWN)
        w = judge_call(p, st);
    if (w.what == TSP_WRONG_UNKNOWN && st != TSP_OK)
        w = (struct plugin_wrong){TSP_WRONG_STATUS, (uint64_t)(int64_t)st};
    if (w.what == TSP_WRONG_UNKNOWN && (p->caps & TSP_CAP_EXEC) == 0)
        finish_query(p);
    if (w.what == TSP_WRONG_UNKNOWN)
        w = plugin_judge_event(p->setup, vcpu, budget, &p->ev);
    if (w.what != TSP_WRONG_UNKNOWN)
        broke(p, w, vcpu, out);
    else
        *out = p->ev;
    return TSP_OK;
}

/* The rest of the calls give no event: what goes wrong in them is told by the next run. */
static enum tsp_status other(struct plugin *p, enum plugin_op op)
{
    struct plugin_wrong w;

    if (p->broken || p->setup == NULL)
        return TSP_EIO;
    p->proc.sh->op = op;
    w = plugin_call(&p->proc);
    if (w.what != TSP_WRONG_UNKNOWN) {
        broke(p, w, 0, NULL);
        return TSP_EIO;
    }
    if (op != PLUGIN_PEEK && op != PLUGIN_GET && op != PLUGIN_GET_HV &&
        (p->caps & TSP_CAP_EXEC) != 0)
        p->runnable = p->proc.sh->runnable & (uint32_t)((1u << p->setup->nvcpu) - 1);
    return status_ok(p->proc.sh->answer) ? (enum tsp_status)p->proc.sh->answer : TSP_EIO;
}

static enum tsp_status memory(struct plugin *p, bool write, uint64_t gpa, uint8_t *buf, size_t len)
{
    const struct tsp_target_ops *o = &p->code.ops;
    enum tsp_status st = TSP_OK;

    if (p->inside && write)
        return o->poke != NULL ? o->poke(p->code.self, gpa, buf, len) : TSP_ENOTSUP;
    if (p->inside)
        return o->peek != NULL ? o->peek(p->code.self, gpa, buf, len) : TSP_ENOTSUP;
    for (size_t at = 0; at < len && st == TSP_OK; at += PLUGIN_BULK) {
        size_t n = len - at < PLUGIN_BULK ? len - at : PLUGIN_BULK;

        p->proc.sh->gpa = gpa + at;
        p->proc.sh->len = (uint32_t)n;
        if (write)
            memcpy(p->proc.sh->bulk, buf + at, n);
        st = other(p, write ? PLUGIN_POKE : PLUGIN_PEEK);
        if (!write && st == TSP_OK)
            memcpy(buf + at, p->proc.sh->bulk, n);
    }
    return st;
}

static enum tsp_status peek_plugin(void *self, uint64_t gpa, void *buf, size_t len)
{
    return memory(self, false, gpa, buf, len);
}

static enum tsp_status poke_plugin(void *self, uint64_t gpa, const void *buf, size_t len)
{
    return memory(self, true, gpa, (uint8_t *)(uintptr_t)buf, len);
}

static enum tsp_status get_plugin(void *self, unsigned vcpu, struct tsp_vcpu_state *out)
{
    struct plugin *p = self;
    const struct tsp_target_ops *o = &p->code.ops;
    enum tsp_status st;

    if (p->inside) {
        st = o->get_vcpu != NULL ? o->get_vcpu(p->code.self, vcpu, out) : TSP_ENOTSUP;
    } else {
        p->proc.sh->vcpu = vcpu;
        st = other(p, PLUGIN_GET);
        if (st == TSP_OK)
            *out = p->proc.sh->state;
    }
    if (st == TSP_OK && plugin_judge_state(p->setup, out).what != TSP_WRONG_UNKNOWN)
        st = TSP_EIO;
    return st;
}

static enum tsp_status set_plugin(void *self, unsigned vcpu, const struct tsp_vcpu_state *in)
{
    struct plugin *p = self;
    const struct tsp_target_ops *o = &p->code.ops;

    if (p->inside)
        return o->set_vcpu != NULL ? o->set_vcpu(p->code.self, vcpu, in) : TSP_ENOTSUP;
    p->proc.sh->vcpu = vcpu;
    p->proc.sh->state = *in;
    return other(p, PLUGIN_SET);
}

static enum tsp_status get_hv_plugin(void *self, unsigned vcpu, struct tsp_hv_state *out)
{
    struct plugin *p = self;
    enum tsp_status st = TSP_ENOTSUP;

    if (!p->has_hv)
        return st;
    if (p->inside) {
        st = p->code.ops.get_hv(p->code.self, vcpu, out);
    } else {
        p->proc.sh->vcpu = vcpu;
        st = other(p, PLUGIN_GET_HV);
        if (st == TSP_OK)
            *out = p->proc.sh->hv;
    }
    return st == TSP_OK && out->nmsr > TSP_MAX_HV_MSR ? TSP_EIO : st;
}

static enum tsp_status set_hv_plugin(void *self, unsigned vcpu, const struct tsp_hv_state *in)
{
    struct plugin *p = self;

    if (!p->has_hv)
        return TSP_ENOTSUP;
    if (p->inside)
        return p->code.ops.set_hv(p->code.self, vcpu, in);
    p->proc.sh->vcpu = vcpu;
    p->proc.sh->hv = *in;
    return other(p, PLUGIN_SET_HV);
}

bool plugin_looks(const struct target *t)
{
    return t->ops == &plugin_ops && !((const struct plugin *)t->self)->inside;
}

void plugin_look_next(const struct target *t)
{
    ((struct plugin *)t->self)->look_next = true;
}

/* The plug-in's process can write what it likes there: no length is believed. */
static void bound(struct tsp_look_mem *m, uint32_t most)
{
    m->n = m->n < most ? m->n : most;
}

bool plugin_look_take(const struct target *t, struct tsp_look *out)
{
    const struct plugin *p = t->self;
    uint8_t watched;

    if (p->broken || !p->looked)
        return false;
    *out = p->proc.sh->look;
    memcpy(&watched, &p->proc.sh->look.watched, 1);
    out->watched = watched == 1;
    out->vcpu = p->ev.vcpu;
    bound(&out->text[0], TSP_INSN_BYTES);
    bound(&out->text[1], TSP_INSN_BYTES);
    bound(&out->stack, TSP_LOOK_BYTES);
    bound(&out->arg[0], TSP_LOOK_BYTES);
    bound(&out->arg[1], TSP_LOOK_BYTES);
    return true;
}

uint32_t plugin_caps(const void *self)
{
    return ((const struct plugin *)self)->caps;
}

const char *plugin_why(const void *self)
{
    return ((const struct plugin *)self)->why;
}

const struct tsp_target_ops plugin_ops = {
    .size = sizeof(struct tsp_target_ops),
    .abi = TSP_ABI_VERSION,
    .name = "plugin",
    .caps = TSP_CAP_X86,
    .open = open_plugin,
    .reset = reset_plugin,
    .runnable = runnable_plugin,
    .run = run_plugin,
    .peek = peek_plugin,
    .poke = poke_plugin,
    .get_vcpu = get_plugin,
    .set_vcpu = set_plugin,
    .close = close_plugin,
    .get_hv = get_hv_plugin,
    .set_hv = set_hv_plugin,
};
