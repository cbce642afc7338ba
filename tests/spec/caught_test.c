/* SPDX-License-Identifier: MIT */
/*
 * Model and judge meet in each named behaviour: what shipped code does against a document has to be
 * flagged, by the rules that fuzz/known/caught.csv says; what documents leave open must not be; and
 * besides its named behaviours a profile is the documented model, event by event.
 */
#include "fuzz/run/run.h"

#include "emu/emu.h"

#include "tests/test_main.h"

#include <dirent.h>
#include <stdlib.h>

#define LIST TSP_SOURCE_DIR "/fuzz/known/caught.csv"
#define CORPUS TSP_SOURCE_DIR "/corpora/text"
#define RULES_MAX 8192u
#define NAME_MAX_LEN 2048u
#define BUDGET 4096u

/* One target and what has been seen of it. */
struct judged {
    struct target t;
    unsigned failed[RULES_MAX]; /* per rule: how often the target was to blame */
    unsigned rule;              /* of the first one, ~0u: none */
    unsigned cases;
};

static size_t base_policy(const struct scenario *s, struct tsp_leaf *leaf)
{
    static const enum tsp_vendor vendor[INPUT_POLICY_COUNT] = {
        TSP_VENDOR_OTHER, TSP_VENDOR_INTEL, TSP_VENDOR_AMD, TSP_VENDOR_HYGON, TSP_VENDOR_CENTAUR};

    if (s->arch != TSP_ARCH_X86 || s->policy == INPUT_POLICY_NONE)
        return 0;
    return vm_default_policy(vendor[s->policy], (enum tsp_persona)s->persona[0], s->hv_base[0],
                             leaf, TSP_MAX_LEAF);
}

static const struct tsp_setup *build(const struct scenario *s)
{
    static struct input_image image;
    static struct tsp_setup setup;
    static struct tsp_leaf leaf[TSP_MAX_LEAF];

    input_build(s, leaf, base_policy(s, leaf), &image, &setup);
    return &setup;
}

static void count(void *ctx, const struct finding *f)
{
    struct judged *j = ctx;

    if (f->verdict != VERDICT_FAIL || f->subject != SUBJECT_TARGET)
        return;
    assert_true(f->rule < RULES_MAX);
    j->failed[f->rule]++;
    if (j->rule == ~0u)
        j->rule = f->rule;
}

static bool judge(void *ctx, const struct scenario *s)
{
    static struct tsp_trace trace;
    struct judged *j = ctx;
    const struct tsp_setup *setup = build(s);
    struct spec_options opt = {
        .caps = j->t.caps, .least = VERDICT_FAIL, .found = count, .ctx = ctx};

    enum tsp_status st = exec_run(&j->t, setup, s->sched, s->nsched, BUDGET, &trace);

    if (st == TSP_ENOTSUP)
        return true; /* such a machine is not made */
    assert_int_equal(st, TSP_OK);
    spec_check(spec_builtin(), setup, &trace, &opt);
    j->cases++;
    return true;
}

static void judge_profile(struct judged *j, const char *profile)
{
    char name[NAME_MAX_LEN];
    struct tsp_error err;

    memset(j, 0, sizeof(*j));
    j->rule = ~0u;
    snprintf(name, sizeof(name), "model:%s", profile);
    if (target_open(&j->t, name, &err) != TSP_OK)
        fail_msg("%s: %s", name, err.text);
    for (unsigned a = 0; a < TSP_ARCH_COUNT; a++)
        probe_each(spec_builtin(), (enum tsp_arch)a, judge, j);
    target_close(&j->t);
}

static const char *rule_name(unsigned i)
{
    struct spec_rule r;

    return spec_rule_at(spec_builtin(), i, &r) ? r.id : "none";
}

static bool is_open(const struct vm_behaviour *b)
{
    return strncmp(b->text, "open:", 5) == 0;
}

static struct known *open_list(void)
{
    struct tsp_error err;
    struct known *k;

    if (known_load(&k, LIST, &err) != TSP_OK)
        fail_msg("%s", err.text);
    return k;
}

/* Each rule of the line breaks with the behaviour and not without it. */
static void line_holds(const char *names, const char *rules)
{
    static struct judged with, without;
    const char *context = strchr(names, '+');
    char text[512], profile[NAME_MAX_LEN];

    snprintf(profile, sizeof(profile), "kvm+%s", names);
    judge_profile(&with, profile);
    snprintf(profile, sizeof(profile), "kvm%s", context ? context : "");
    judge_profile(&without, profile);
    snprintf(text, sizeof(text), "%s", rules);
    for (char *id = strtok(text, " "); id; id = strtok(NULL, " ")) {
        unsigned rule = spec_rule_find(spec_builtin(), id);

        if (rule >= RULES_MAX)
            fail_msg("%s: no rule %s", names, id);
        if (!with.failed[rule] || without.failed[rule])
            fail_msg("%s: rule %s fails %u times with it, %u times without (first with: %s)", names,
                     id, with.failed[rule], without.failed[rule], rule_name(with.rule));
    }
}

static void listed_rules_flag_their_behaviours(void **state)
{
    struct known *k = open_list();
    const char *rules;

    (void)state;
    assert_true(known_count(k) > 30);
    for (size_t i = 0; i < known_count(k); i++) {
        assert_true(known_has(k, known_rule_at(k, i), &rules));
        line_holds(known_rule_at(k, i), rules);
    }
    known_free(k);
}

/* Alone or in company: the list has a line that begins with the name. */
static bool listed(const struct known *k, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < known_count(k); i++) {
        const char *r = known_rule_at(k, i);

        if (strncmp(r, name, n) == 0 && (r[n] == 0 || r[n] == '+'))
            return true;
    }
    return false;
}

static void every_behaviour_is_listed_or_open(void **state)
{
    struct known *k = open_list();
    struct vm_behaviour b;

    (void)state;
    for (unsigned i = 0; vm_behaviour_at(i, &b); i++) {
        if (listed(k, b.name) == is_open(&b)) {
            fail_msg("%s: %s", b.name,
                     is_open(&b) ? "open, but a rule is said to flag it"
                                 : "neither open nor flagged by a rule");
        }
    }
    known_free(k);
}

static void open_behaviours_pass(void **state)
{
    static struct judged j;
    struct vm_behaviour b;
    unsigned open = 0;

    (void)state;
    for (unsigned i = 0; vm_behaviour_at(i, &b); i++) {
        char profile[NAME_MAX_LEN];

        if (!is_open(&b))
            continue;
        snprintf(profile, sizeof(profile), "kvm+%s", b.name);
        judge_profile(&j, profile);
        if (j.rule != ~0u)
            fail_msg("%s is open, yet %s fails", b.name, rule_name(j.rule));
        open++;
    }
    assert_true(open > 5);
}

static void documented_model_breaks_nothing(void **state)
{
    static struct judged j;

    (void)state;
    judge_profile(&j, "kvm");
    if (j.rule != ~0u)
        fail_msg("%s fails", rule_name(j.rule));
    assert_true(j.cases > 20000);
}

/* Two targets that have to be one. */
struct pair {
    struct target a, b;
    const char *what;
    unsigned cases, refused;
};

static bool same(void *ctx, const struct scenario *s)
{
    static struct tsp_trace a, b;
    struct pair *p = ctx;
    const struct tsp_setup *setup = build(s);

    enum tsp_status st = exec_run(&p->b, setup, s->sched, s->nsched, BUDGET, &b);

    if (st == TSP_ENOTSUP) { /* a profile may make some machines only */
        p->refused++;
        return true;
    }
    assert_int_equal(st, TSP_OK);
    assert_int_equal(exec_run(&p->a, setup, s->sched, s->nsched, BUDGET, &a), TSP_OK);
    if (a.n != b.n || memcmp(a.ev, b.ev, a.n * sizeof(a.ev[0])) != 0)
        fail_msg("%s: case %u (%s) differs", p->what, p->cases, s->arch ? "arm64" : "x86");
    p->cases++;
    return true;
}

static void same_seed(struct pair *p, const char *dir, const char *name)
{
    static char text[65536];
    static struct scenario s;
    struct tsp_error err;
    char path[1024];
    size_t n;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "rb");
    assert_non_null(f);
    n = fread(text, 1, sizeof(text), f);
    fclose(f);
    if (input_text_parse(text, n, &s, &err) != TSP_OK)
        fail_msg("%s:%u: %s", path, err.line, err.text);
    p->what = name;
    same(p, &s);
}

static void same_seeds(struct pair *p, const char *dir, unsigned depth)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d))) {
        size_t n = strlen(e->d_name);
        char inner[1024];

        if (n > 4 && strcmp(e->d_name + n - 4, ".tst") == 0) {
            same_seed(p, dir, e->d_name);
        } else if (depth == 0 && e->d_name[0] != '.' && !strchr(e->d_name, '.')) {
            snprintf(inner, sizeof(inner), "%s/%s", dir, e->d_name);
            same_seeds(p, inner, 1);
        }
    }
    closedir(d);
}

/* The profile with each of its behaviours switched off again. */
static void strip(const char *profile, char *out, size_t max)
{
    size_t at = (size_t)snprintf(out, max, "model:%s", profile);
    struct vm_behaviour b;

    for (unsigned i = 0; vm_behaviour_at(i, &b); i++)
        if (vm_profile_has(profile, i))
            at += (size_t)snprintf(out + at, max - at, "-%s", b.name);
    assert_true(at < max);
}

static void profiles_are_the_documents_and_their_behaviours(void **state)
{
    const char *profile, *text;
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; vm_profile_at(i, &profile, &text); i++, n++) {
        static struct pair p;
        char name[NAME_MAX_LEN];
        struct tsp_error err;

        memset(&p, 0, sizeof(p));
        p.what = profile;
        strip(profile, name, sizeof(name));
        assert_int_equal(target_open(&p.a, "model:kvm", &err), TSP_OK);
        if (target_open(&p.b, name, &err) != TSP_OK)
            fail_msg("%s: %s", name, err.text);
        for (unsigned a = 0; a < TSP_ARCH_COUNT; a++)
            probe_each(spec_builtin(), (enum tsp_arch)a, same, &p);
        same_seeds(&p, CORPUS, 0);
        /* lguest's make no other guests than its own. */
        assert_true(p.cases > (strncmp(profile, "lguest", 6) == 0 ? 200 : 500));
        assert_true(p.cases + p.refused > 20000);
        target_close(&p.a);
        target_close(&p.b);
    }
    assert_true(n >= 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(documented_model_breaks_nothing),
    cmocka_unit_test(listed_rules_flag_their_behaviours),
    cmocka_unit_test(every_behaviour_is_listed_or_open),
    cmocka_unit_test(open_behaviours_pass),
    cmocka_unit_test(profiles_are_the_documents_and_their_behaviours),
};

TEST_MAIN(tests)
