/* SPDX-License-Identifier: MIT */
/* Target, tables and the run that all harnesses share. */
#include "fuzz/harness/harness.h"

#include "emu/emu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct harness harness;

/* Base policies are computed once for each combination a scenario can name. */
#define BASES 32u
#define LOOK_EVERY 4u /* of the model, whose runs are short, as many inputs are looked at */
static struct {
    bool used;
    uint8_t policy, persona;
    uint32_t hv_base;
    size_t n;
    struct tsp_leaf leaf[TSP_MAX_LEAF];
} bases[BASES];

_Noreturn void harness_fail(const char *what, const char *detail)
{
    fprintf(stderr, "violation: %s, %s\n", what, detail);
    fflush(stderr);
    abort();
}

/* Takes --name=VALUE out of the arguments: engines warn about words they do not know. */
static const char *take_argument(int *argc, char **argv, const char *name)
{
    size_t len = strlen(name);
    const char *value = NULL;
    int n = 0;

    for (int i = 0; i < *argc; i++) {
        if (strncmp(argv[i], name, len) == 0)
            value = argv[i] + len;
        else
            argv[n++] = argv[i];
    }
    if (n < *argc)
        argv[n] = NULL;
    *argc = n;
    return value;
}

static _Noreturn void stop_start(const char *what, const struct tsp_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->text);
    exit(2);
}

static void accept_known(const char *file)
{
    struct tsp_error err = {.text = ""};
    struct known *known;

    if (file == NULL)
        return;
    if (known_load(&known, file, &err) != TSP_OK)
        stop_start(file, &err);
    judge_accept(known);
}

/* The program hands its options of plug-ins on by the environment. */
static void plugin_options(bool inside)
{
    const char *ms = getenv("TRAPSPEC_PLUGIN_TIMEOUT");

    target_plugin_options(inside || getenv("TRAPSPEC_IN_PROCESS") != NULL,
                          ms != NULL ? (unsigned)strtoul(ms, NULL, 10) : 0);
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct tsp_error err = {.text = ""};
    const char *name = take_argument(argc, *argv, "--target=");
    const char *known = take_argument(argc, *argv, "--known=");
    const char *inside = take_argument(argc, *argv, "--in-process");

    if (harness.spec != NULL)
        return 0;
    if (name == NULL)
        name = getenv("TRAPSPEC_TARGET");
    if (name == NULL || name[0] == 0)
        name = "model:kvm";
    plugin_options(inside != NULL);
    if (target_open(&harness.target, name, &err) != TSP_OK)
        stop_start(name, &err);
    accept_known(known != NULL ? known : getenv("TRAPSPEC_KNOWN"));
    harness.spec = spec_builtin();
    harness.bare = !harness.target.looked;
    harness.options.caps = harness.target.caps;
    harness.options.least = VERDICT_FAIL;
    return 0;
}

bool harness_read(const uint8_t *data, size_t size, struct scenario *s)
{
    if (input_is_text(data, size) && input_text_parse((const char *)data, size, s, NULL) != TSP_OK)
        return false;
    if (!input_is_text(data, size))
        input_parse(data, size, s);
    input_whole_steps(s);
    return true;
}

static size_t base_policy(const struct scenario *s, const struct tsp_leaf **leaf)
{
    static const enum tsp_vendor vendor[INPUT_POLICY_COUNT] = {
        TSP_VENDOR_OTHER, TSP_VENDOR_INTEL, TSP_VENDOR_AMD, TSP_VENDOR_HYGON, TSP_VENDOR_CENTAUR};
    unsigned i = (s->policy * 7u + s->persona[0] * 3u + (s->hv_base[0] >> 8)) % BASES;

    *leaf = bases[i].leaf;
    if (s->policy == INPUT_POLICY_NONE || s->policy >= INPUT_POLICY_COUNT)
        return 0;
    if (!bases[i].used || bases[i].policy != s->policy || bases[i].persona != s->persona[0] ||
        bases[i].hv_base != s->hv_base[0]) {
        bases[i].used = true;
        bases[i].policy = s->policy;
        bases[i].persona = s->persona[0];
        bases[i].hv_base = s->hv_base[0];
        bases[i].n = vm_default_policy(vendor[s->policy], (enum tsp_persona)s->persona[0],
                                       s->hv_base[0], bases[i].leaf, TSP_MAX_LEAF);
    }
    return bases[i].n;
}

void harness_build(const struct scenario *s)
{
    const struct tsp_leaf *base;
    size_t n = base_policy(s, &base);

    input_build(s, base, n, &harness.image, &harness.setup);
}

bool harness_run(const struct scenario *s)
{
    harness_build(s);
    harness.target.looked = !harness.bare || s->ncode[0] % LOOK_EVERY == 0;
    return exec_scenario(&harness.target, s, &harness.setup, HARNESS_BUDGET, &harness.trace) ==
           TSP_OK;
}

void harness_judge(const struct scenario *s)
{
    if (!harness_run(s))
        return;
    state_show(&harness.trace);
    judge_stop(harness.spec, &harness.target, &harness.setup, &harness.trace, &harness.options);
}

static bool judge_one(void *ctx, const struct scenario *s)
{
    (void)ctx;
    harness_judge(s);
    return true;
}

void harness_derive(enum derive how, const uint8_t *data, size_t size)
{
    derive_each(how, data, size, &harness.setup.policy[0], judge_one, NULL);
}
