/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "cli/explained.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define POOL_MAX 4096u
#define PROBE_STRIDE 9u /* every so many scenarios made from the rules are seeds */
#define KINDS_MAX 256u  /* kinds of difference that are kept apart */
#define SAME_KIND 256u  /* differences of one kind that are made small: causes can share a kind */
#define LONG_BUDGET 5000000u   /* for a model that is not through when B is */
#define LAST_BUDGET 200000000u /* the same, and B did come to an end */
#define WHY_MAX 48u
#define REFUSALS_MAX 24u
#define REFUSAL_LEN 80u
#define TABLES_AT 0x4000u /* page tables of every mode (docs/INPUT.md section 3) */
#define TABLES_BYTES 0x6000u
#define CR0_PG 0x80000000u
#define TABLES_AD 0x60u /* accessed and dirty, in the lowest byte of an entry */

struct seed {
    uint8_t *bytes;
    uint32_t n;
};

struct side {
    struct target *a, *b;
    const struct side_options *o;
    struct seed pool[POOL_MAX];
    unsigned npool, taken;
    uint64_t behaved[KINDS_MAX * 4]; /* hashes of how B ended, to tell what is new */
    unsigned nbehaved;
    struct {
        uint64_t hash;
        unsigned small;
    } kind[KINDS_MAX];
    unsigned nkind;
    struct {
        const char *why;
        unsigned n;
    } why[WHY_MAX];
    struct {
        char why[REFUSAL_LEN];
        unsigned n;
    } refusal[REFUSALS_MAX];
    uint64_t shown[KINDS_MAX]; /* hashes of findings in text form */
    uint32_t rng;
    struct timespec start;
    unsigned runs, compared, refused, differ, open;
};

static bool out_of_budget(const struct tsp_trace *trace)
{
    const struct tsp_event *e = trace->n > 0 ? &trace->ev[trace->n - 1] : NULL;

    return e != NULL && e->kind == TSP_EV_STOP && e->code == TSP_STOP_BUDGET;
}

/* What was run last, as the target still has it. */
struct last_run {
    struct input_image image;
    struct tsp_setup setup;
    struct tsp_trace trace;
};

static bool outcome_within(struct target *t, const struct scenario *s, uint32_t budget,
                           struct last_run *run, struct side_result *out, struct outcome *o)
{
    enum tsp_status st;

    cli_build(s, &run->image, &run->setup);
    st = exec_scenario(t, s, &run->setup, budget, &run->trace);
    if (st != TSP_OK) {
        snprintf(out->why, sizeof(out->why), "%.50s: %.60s", t->name, cli_refusal(t));
        return false;
    }
    exec_outcome(t, s, &run->setup, &run->trace, o);
    if (o->exit == OUTCOME_UNSUPPORTED)
        snprintf(out->why, sizeof(out->why), "%.60s: outside the subset", t->name);
    return o->exit != OUTCOME_UNSUPPORTED;
}

static bool outcome_on(struct target *t, const struct scenario *s, struct side_result *out,
                       struct outcome *o)
{
    static struct last_run run;

    if (!outcome_within(t, s, GOLDEN_BUDGET, &run, out, o))
        return false;
    return !out_of_budget(&run.trace) || outcome_within(t, s, LONG_BUDGET, &run, out, o);
}

static uint32_t raised_in(const struct tsp_trace *trace)
{
    uint32_t raised = 0;

    for (size_t i = 0; i < trace->n; i++)
        if (trace->ev[i].kind == TSP_EV_FAULT && trace->ev[i].code < 32)
            raised |= (uint32_t)1 << trace->ev[i].code;
    return raised;
}

/* Whether the guest's page tables are others than those it began with. */
static bool tables_changed(struct target *t, const struct tsp_setup *setup)
{
    static uint8_t was[TABLES_BYTES], is[TABLES_BYTES];

    if ((setup->vcpu[0].x86.cr0 & CR0_PG) == 0)
        return false;
    memset(was, 0, sizeof(was));
    for (uint32_t i = 0; i < setup->npage; i++) {
        const struct tsp_page *p = &setup->page[i];

        for (uint32_t k = 0; k < p->len; k++)
            if (p->gpa + k - TABLES_AT < TABLES_BYTES)
                was[p->gpa + k - TABLES_AT] = p->data == NULL ? 0 : p->data[k];
    }
    if (t->ops->peek(t->self, TABLES_AT, is, sizeof(is)) != TSP_OK)
        return false;
    for (uint32_t i = 0; i < TABLES_BYTES; i++)
        if (((was[i] ^ is[i]) & ~(i % 4 == 0 ? TABLES_AD : 0u)) != 0)
            return true;
    return false;
}

/* A, which is a model: what it went through besides its end. */
static bool model_within(struct target *a, const struct scenario *s, uint32_t budget,
                         struct side_result *out, bool *spent)
{
    static struct last_run run;
    bool x86 = s->arch == TSP_ARCH_X86;

    if (!outcome_within(a, s, budget, &run, out, &out->a))
        return false;
    *spent = out_of_budget(&run.trace);
    out->cut = run.trace.truncated;
    out->raised = x86 ? raised_in(&run.trace) : 0;
    out->tables = x86 && tables_changed(a, &run.setup);
    out->own_code = false;
    return true;
}

bool side_model(struct target *a, const struct scenario *s, struct side_result *out)
{
    bool spent;

    if (!model_within(a, s, GOLDEN_BUDGET, out, &spent))
        return false;
    return !spent || model_within(a, s, LONG_BUDGET, out, &spent);
}

/* The model stopped counting where B came to an end: it gets the steps for that. */
static bool go_on(struct target *a, const struct scenario *s, struct side_result *out)
{
    bool spent;

    if (out->a.exit != OUTCOME_TIMEOUT || out->b.exit == OUTCOME_TIMEOUT)
        return true;
    return model_within(a, s, LAST_BUDGET, out, &spent);
}

static void compare(const struct explained *below, const struct scenario *s,
                    struct side_result *out)
{
    out->n = diff_outcome((enum tsp_arch)s->arch, &out->a, &out->b, out->d, DIFF_MAX);
    explained_drop(below, s, out);
}

bool side_run(struct target *a, struct target *b, const struct explained *below,
              const struct scenario *s, struct side_result *out)
{
    static struct outcome again;

    out->n = 0;
    if (!side_model(a, s, out))
        return false;
    if (out->cut) {
        snprintf(out->why, sizeof(out->why), "%.60s: more happens than a trace holds", a->name);
        return false;
    }
    if (!outcome_on(b, s, out, &out->b) || !go_on(a, s, out))
        return false;
    cli_mark_clock(s, &out->b);
    compare(below, s, out);
    if (out->n == 0)
        return true;
    /* Clocks and the like: what B does not repeat, A need not match. */
    if (!outcome_on(b, s, out, &again))
        return false;
    for (unsigned i = 0; i < 32; i++)
        if (again.out.r[i] != out->b.out.r[i])
            out->b.vary |= (uint32_t)1 << i;
    if (again.exit != out->b.exit || again.out.pc != out->b.out.pc) {
        snprintf(out->why, sizeof(out->why), "%.60s does not repeat it", b->name);
        return false;
    }
    compare(below, s, out);
    return true;
}

const char *side_below(struct target *a, const struct explained *below, const struct scenario *s,
                       struct side_result *r)
{
    if (below == NULL || !side_model(a, s, r))
        return NULL;
    compare(below, s, r);
    return r->n > 0 ? explained_why(below, s, r, false) : NULL;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    return (h ^ v) * 0x100000001b3ull;
}

static uint64_t ends(uint64_t h, const struct outcome *o)
{
    h = mix(h, o->exit);
    h = mix(h, o->exc ? o->exc_vector + 1 : 0);
    return mix(h, o->has_mmio);
}

static uint64_t kind_of(const struct side_result *r)
{
    uint64_t h = ends(ends(0xcbf29ce484222325ull, &r->a), &r->b);

    for (const char *p = r->n > 0 ? r->d[0].field : ""; *p != 0; p++)
        h = mix(h, (uint8_t)*p);
    return h;
}

bool side_same(const struct side_result *x, const struct side_result *y)
{
    return kind_of(x) == kind_of(y);
}

/* True the first time. A full list takes everything for known. */
static bool behaves_anew(struct side *x, uint64_t h)
{
    for (unsigned i = 0; i < x->nbehaved; i++)
        if (x->behaved[i] == h)
            return false;
    if (x->nbehaved == KINDS_MAX * 4)
        return false;
    x->behaved[x->nbehaved++] = h;
    return true;
}

/* Whether to make this one small: there is room in the list, and not enough of its kind. */
static bool worth_a_look(struct side *x, uint64_t h)
{
    unsigned i = 0;

    while (i < x->nkind && x->kind[i].hash != h)
        i++;
    if (i == KINDS_MAX)
        return false;
    if (i == x->nkind) {
        x->kind[x->nkind].hash = h;
        x->nkind++;
    }
    if (x->kind[i].small == SAME_KIND)
        return false;
    x->kind[i].small++;
    return true;
}

static void pool_add(struct side *x, const struct scenario *s)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    size_t n = input_write(s, bytes, sizeof(bytes));
    struct seed *p;

    if (n == 0 || s->nvcpu != 1)
        return;
    /* A full pool loses its oldest entry. */
    p = &x->pool[x->npool < POOL_MAX ? x->npool++ : x->taken++ % POOL_MAX];
    free(p->bytes);
    p->bytes = malloc(n);
    p->n = p->bytes != NULL ? (uint32_t)n : 0;
    if (p->n > 0)
        memcpy(p->bytes, bytes, n);
}

static bool probe_seed(void *ctx, const struct scenario *s)
{
    struct side *x = ctx;

    if (x->taken++ % PROBE_STRIDE == 0)
        pool_add(x, s);
    return !cli_interrupted() && x->npool < POOL_MAX / 2;
}

static void path_seeds(struct side *x, const char *path, unsigned depth)
{
    static struct scenario s;
    struct dirent **list;
    struct tsp_error err;
    struct stat sb;
    char inner[1024];
    int n;

    if (stat(path, &sb) != 0 || !S_ISDIR(sb.st_mode)) {
        if (cli_scenario(path, &s, &err) == TSP_OK)
            pool_add(x, &s);
        return;
    }
    n = depth < 8 ? scandir(path, &list, NULL, alphasort) : -1;
    for (int i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.' &&
            snprintf(inner, sizeof(inner), "%s/%s", path, list[i]->d_name) < (int)sizeof(inner))
            path_seeds(x, inner, depth + 1);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

static uint32_t next(struct side *x)
{
    x->rng ^= x->rng << 13;
    x->rng ^= x->rng >> 17;
    x->rng ^= x->rng << 5;
    return x->rng;
}

uint32_t side_end_mark(const struct scenario *s)
{
    const uint8_t *end = s->code[0] + s->ncode[0];

    if (s->arch != TSP_ARCH_X86)
        return 0;
    if (s->ncode[0] >= 2 && end[-2] == 0xe6 && end[-1] == INPUT_END_PORT)
        return 2;
    return s->ncode[0] >= 1 && end[-1] == 0xf4 ? 1 : 0;
}

/* Code that ends nowhere runs through zeroes into whatever lies behind them: hardly ever worth its
 * time. */
static void mark_end(struct scenario *s)
{
    bool out = s->level != 0 || (s->config & TSP_CFG_IRQCHIP) != 0;
    uint32_t n = out ? 2 : 1;

    if (s->arch != TSP_ARCH_X86 || side_end_mark(s) >= n || s->ncode[0] + n > INPUT_CODE_MAX)
        return;
    if (out)
        s->code[0][s->ncode[0]] = 0xe6;
    s->code[0][s->ncode[0] + n - 1] = 0xf4;
    s->ncode[0] += n;
}

/* On a real KVM most of what seeds have besides its own interfaces would only be refused. */
static void for_real(const struct target *t, struct scenario *s)
{
    struct target_host h;

    if (!target_host(t, &h))
        return;
    if (s->persona[0] != TSP_PERSONA_KVM && s->persona[1] != TSP_PERSONA_KVM)
        s->persona[0] = TSP_PERSONA_KVM;
    for (unsigned i = 0; i < 2; i++)
        if (s->persona[i] != TSP_PERSONA_KVM && s->persona[i] != TSP_PERSONA_HYPERV)
            s->persona[i] = TSP_PERSONA_NONE;
    if (s->patch == TSP_PATCH_EMULATE)
        s->patch = TSP_PATCH_REWRITE;
    s->config &= ~(uint32_t)(TSP_CFG_ASK_AGAIN | TSP_CFG_ASK_CHANGED);
}

/* A mutated seed of an architecture both have; false: not this time. */
static bool invent(struct side *x, struct scenario *s)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    const struct seed *p = &x->pool[next(x) % x->npool], *q = &x->pool[next(x) % x->npool];
    uint32_t caps = x->a->caps & x->b->caps, times = 1 + next(x) % 4;
    size_t n = p->n;

    if (n == 0 || q->n == 0)
        return false;
    memcpy(bytes, p->bytes, n);
    if (next(x) % 8 == 0)
        n = input_crossover(p->bytes, p->n, q->bytes, q->n, bytes, sizeof(bytes), next(x));
    for (uint32_t i = 0; i < times; i++)
        n = input_mutate(bytes, n, sizeof(bytes), next(x));
    input_parse(bytes, n, s);
    s->nvcpu = 1;
    for_real(x->a, s);
    for_real(x->b, s);
    input_fold(s);
    if (next(x) % 8 != 0)
        mark_end(s);
    cli_fit(x->a, s);
    cli_fit(x->b, s);
    if (!(caps & (s->arch == TSP_ARCH_X86 ? TSP_CAP_X86 : TSP_CAP_ARM64)))
        return false;
    if (tsp_mode_is_aarch32(s->mode) && !(caps & TSP_CAP_AARCH32))
        return false;
    return !cli_seen(s);
}

static void explained(struct side *x, const char *why)
{
    unsigned i = 0;

    while (i < WHY_MAX - 1 && x->why[i].why != NULL && strcmp(x->why[i].why, why) != 0)
        i++;
    x->why[i].why = why;
    x->why[i].n++;
}

/* Numbers differ from case to case: reasons are told apart by what stands before the first. */
static void refused(struct side *x, const char *why)
{
    const char *reason = strstr(why, ": "); /* behind the target's name */
    size_t n = reason == NULL ? 0 : (size_t)(reason - why);
    unsigned i = 0;

    n += strcspn(why + n, "0123456789");
    n = n < REFUSAL_LEN - 1 ? n : REFUSAL_LEN - 1;
    x->refused++;
    while (i < REFUSALS_MAX && x->refusal[i].n > 0 &&
           (strncmp(x->refusal[i].why, why, n) != 0 || x->refusal[i].why[n] != 0))
        i++;
    if (i == REFUSALS_MAX)
        return;
    snprintf(x->refusal[i].why, REFUSAL_LEN, "%.*s", (int)n, why);
    x->refusal[i].n++;
}

/* The scenario as text, the difference as comments behind its first line. */
static void print_finding(FILE *f, const struct side *x, const struct side_result *r,
                          const char *text)
{
    const char *nl = strchr(text, '\n');
    size_t first = nl == NULL ? strlen(text) : (size_t)(nl - text) + 1;

    fwrite(text, 1, first, f);
    for (size_t i = 0; i < r->n && i < DIFF_MAX; i++)
        fprintf(f, "# %s: %s has %s, %s has %s\n", r->d[i].field, x->b->name, r->d[i].expected,
                x->a->name, r->d[i].got);
    fputs(text + first, f);
}

static bool shown_before(struct side *x, const char *text)
{
    uint64_t h = 0xcbf29ce484222325ull;

    for (const char *p = text; *p != 0; p++)
        h = mix(h, (uint8_t)*p);
    for (unsigned i = 0; i < x->open && i < KINDS_MAX; i++)
        if (x->shown[i] == h)
            return true;
    if (x->open < KINDS_MAX)
        x->shown[x->open] = h;
    return false;
}

static void finding(struct side *x, const struct scenario *s, const struct side_result *r)
{
    static char text[65536];
    struct file_out out;
    struct tsp_error err;
    char path[1024];

    if (input_text_write(s, text, sizeof(text)) >= sizeof(text) || shown_before(x, text)) {
        explained(x, "shown above");
        return;
    }
    x->open++;
    cli_progress_done();
    printf("differ %u: %s\n", x->open, r->d[0].field);
    print_finding(stdout, x, r, text);
    fputc('\n', stdout);
    fflush(stdout);
    if (x->o->findings == NULL)
        return;
    snprintf(path, sizeof(path), "%.960s/differ-%03u.tst", x->o->findings, x->open);
    if (file_mkdirs(x->o->findings, &err) != TSP_OK || file_begin(&out, path, &err) != TSP_OK) {
        cli_fail("diff", &err);
        return;
    }
    print_finding(out.f, x, r, text);
    if (file_commit(&out, &err) != TSP_OK)
        cli_fail("diff", &err);
}

/* A difference: counted under its reason, or made small and shown. */
static void differs(struct side *x, struct scenario *s, struct side_result *r)
{
    const char *why = explained_why(x->o->below, s, r, false);

    x->differ++;
    if (why == NULL && !worth_a_look(x, kind_of(r)))
        why = "of a kind of which enough were looked at";
    if (why == NULL) {
        side_minimise(x->a, x->b, x->o->below, s, r);
        r->own_code = side_ran_own_code(x->a, s);
        why = explained_why(x->o->below, s, r, true);
    }
    if (why != NULL)
        explained(x, why);
    else
        finding(x, s, r);
}

static void one(struct side *x)
{
    static struct scenario s;
    static struct side_result r;

    if (!invent(x, &s))
        return;
    x->runs++;
    if (!side_run(x->a, x->b, x->o->below, &s, &r)) {
        refused(x, r.why);
        return;
    }
    x->compared++;
    if (behaves_anew(
            x, mix(ends(mix(mix(1, s.mode), s.level), &r.b), r.b.out.r[TSP_RAX] >> 4 & 0xfff)))
        pool_add(x, &s);
    if (r.n > 0)
        differs(x, &s, &r);
}

static uint64_t elapsed(const struct side *x)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)(now.tv_sec - x->start.tv_sec);
}

static void seeds(struct side *x)
{
    uint32_t caps = x->a->caps & x->b->caps;

    for (unsigned i = 0; i < x->o->ncorpus; i++)
        path_seeds(x, x->o->corpus[i], 0);
    if ((caps & TSP_CAP_X86) != 0)
        probe_each(spec_builtin(), TSP_ARCH_X86, probe_seed, x);
    if ((caps & TSP_CAP_ARM64) != 0)
        probe_each(spec_builtin(), TSP_ARCH_ARM64, probe_seed, x);
    x->taken = 0;
}

int side_by_side(struct target *a, struct target *b, const struct side_options *o)
{
    static struct side x;

    memset(&x, 0, sizeof(x));
    x.a = a;
    x.b = b;
    x.o = o;
    x.rng = (uint32_t)o->seed * 2654435761u + 1;
    seeds(&x);
    clock_gettime(CLOCK_MONOTONIC, &x.start);
    while (x.npool > 0 && !cli_interrupted() && elapsed(&x) < o->seconds) {
        one(&x);
        if (x.runs % 16 == 0)
            cli_progress("%u s: %u compared, %u differ, %u kinds", (unsigned)elapsed(&x),
                         x.compared, x.differ, x.open);
    }
    cli_progress_done();
    printf("%u scenarios in %u s: %u compared, %u not possible, %u differ, %u to be explained\n",
           x.runs, (unsigned)elapsed(&x), x.compared, x.refused, x.differ, x.open);
    for (unsigned i = 0; i < WHY_MAX && x.why[i].why != NULL; i++)
        printf("  %u: %s\n", x.why[i].n, x.why[i].why);
    for (unsigned i = 0; i < REFUSALS_MAX && x.refusal[i].n > 0; i++)
        printf("  %u not possible: %s\n", x.refusal[i].n, x.refusal[i].why);
    for (unsigned i = 0; i < POOL_MAX; i++)
        free(x.pool[i].bytes);
    if (x.compared == 0)
        return EXIT_NOTHING;
    return x.open > 0 ? EXIT_FINDINGS : EXIT_CONFORMS;
}
