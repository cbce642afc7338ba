/* SPDX-License-Identifier: MIT */
/* Targets by name. */
#include "fuzz/target/plugin.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 24u
#define PATH_MAX_LEN 2048u

#ifdef TSP_HAVE_KVM
#define KVM_OPS &live_ops, NULL
#else
#define KVM_OPS NULL, "this build has no target for /dev/kvm; model:kvm is the emulated one"
#endif

#ifdef TSP_HAVE_PLUGIN
#define PLUGIN_OPS &plugin_ops, NULL
#define PLUGIN_PATHS (&plugin_ops)
#else
#define PLUGIN_PATHS NULL
#define PLUGIN_OPS NULL, "this build does not load plug-ins (it is static, or not for Linux)"
#endif

/* What may stand before the colon, who opens it, or why it cannot be opened here. */
static const struct {
    const char *scheme, *usage;
    const struct tsp_target_ops *ops;
    const char *reason;
} scheme[] = {
    {"model", "model:kvm", &model_ops, NULL},
    {"kvm", "kvm", KVM_OPS},
    {"golden", "golden:FILE", NULL, "a recording is opened through the reader of its format"},
    {"dump", "dump:FILE", NULL, "a CPUID dump is opened through the reader of its format"},
    {"plugin", "plugin:FILE", PLUGIN_OPS},
    {"mutant", "mutant:ID", &mutant_ops, NULL},
};
#define NSCHEME (sizeof(scheme) / sizeof(scheme[0]))

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

/* Levenshtein distance of a[0..na) and b, both cut to NAME_MAX_LEN. */
static unsigned distance(const char *a, size_t na, const char *b)
{
    unsigned row[NAME_MAX_LEN + 1];
    size_t nb = strlen(b);

    na = na > NAME_MAX_LEN ? NAME_MAX_LEN : na;
    nb = nb > NAME_MAX_LEN ? NAME_MAX_LEN : nb;
    for (unsigned j = 0; j <= nb; j++)
        row[j] = j;
    for (unsigned i = 1; i <= na; i++) {
        unsigned diag = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= nb; j++) {
            unsigned up = row[j];

            row[j] = min3(up + 1, row[j - 1] + 1, diag + (a[i - 1] != b[j - 1]));
            diag = up;
        }
    }
    return row[nb];
}

/* The scheme that was likely meant; NSCHEME: none is near. */
static size_t nearest(const char *name, size_t n)
{
    size_t best = NSCHEME;
    unsigned least = (unsigned)n / 2 + 1;

    for (size_t i = 0; i < NSCHEME; i++) {
        unsigned d = distance(name, n, scheme[i].scheme);

        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

static enum tsp_status refuse(struct tsp_error *err, enum tsp_status code, const char *name,
                              const char *text)
{
    if (err) {
        *err = (struct tsp_error){.code = code};
        snprintf(err->text, sizeof(err->text), "%.40s: %s", name, text);
    }
    return code;
}

static enum tsp_status refuse_unknown(struct tsp_error *err, const char *name, size_t n)
{
    size_t best = nearest(name, n);
    char text[110];

    if (best < NSCHEME)
        snprintf(text, sizeof(text), "no such target; did you mean %s?", scheme[best].usage);
    else
        snprintf(text, sizeof(text),
                 "no such target; there are model:PROFILE, kvm, golden:FILE, "
                 "dump:FILE, plugin:FILE, mutant:ID");
    return refuse(err, TSP_EARG, name, text);
}

/* Names that hold the path of a file: a plug-in's, or that of one with a mutant around it. */
static bool names_path(const struct tsp_target_ops *ops)
{
    return ops == PLUGIN_PATHS || ops == &mutant_ops;
}

enum tsp_status target_open(struct target *t, const char *name, struct tsp_error *err)
{
    const char *colon = strchr(name, ':');
    size_t n = colon ? (size_t)(colon - name) : strlen(name);
    size_t i = 0;
    enum tsp_status st;

    memset(t, 0, sizeof(*t));
    while (i < NSCHEME && (strlen(scheme[i].scheme) != n || memcmp(scheme[i].scheme, name, n) != 0))
        i++;
    if (i == NSCHEME)
        return refuse_unknown(err, name, n);
    if (scheme[i].reason)
        return refuse(err, TSP_ENOTSUP, name, scheme[i].reason);
    if (strlen(name) >= (names_path(scheme[i].ops) ? PATH_MAX_LEN : sizeof(t->name)))
        return refuse(err, TSP_EARG, name, "name is too long");
    st = scheme[i].ops->open(&t->self, colon ? colon + 1 : "", err);
    if (st != TSP_OK)
        return st;
    t->ops = scheme[i].ops;
    t->looked = t->ops != &model_ops;
    t->caps = t->ops == &mutant_ops ? mutant_inner(t->self)->caps : t->ops->caps;
#ifdef TSP_HAVE_PLUGIN
    if (t->ops == &plugin_ops)
        t->caps = plugin_caps(t->self);
#endif
    if (strlen(name) < sizeof(t->name)) {
        snprintf(t->name, sizeof(t->name), "%s", name);
    } else {
        const char *slash = strrchr(name, '/');

        snprintf(t->name, sizeof(t->name), "%.*s%.60s", (int)n + 1, name, slash ? slash + 1 : "?");
    }
    return TSP_OK;
}

void target_close(struct target *t)
{
    if (t->ops && t->ops->close)
        t->ops->close(t->self);
    memset(t, 0, sizeof(*t));
}

const char *target_why(const struct target *t)
{
    if (t->ops == &mutant_ops)
        return target_why(mutant_inner(t->self));
#ifdef TSP_HAVE_KVM
    if (t->ops == &live_ops)
        return live_target_why(t->self);
#endif
#ifdef TSP_HAVE_PLUGIN
    if (t->ops == &plugin_ops)
        return plugin_why(t->self);
#endif
    (void)t;
    return NULL;
}

#ifdef TSP_HAVE_PLUGIN
const struct tsp_target_ops *builtin_ops(const char *name)
{
    size_t n = strcspn(name, ":");

    for (size_t i = 0; i < NSCHEME; i++)
        if (scheme[i].ops != &plugin_ops && strlen(scheme[i].scheme) == n &&
            memcmp(scheme[i].scheme, name, n) == 0)
            return scheme[i].ops;
    return NULL;
}
#else
bool plugin_looks(const struct target *t)
{
    (void)t;
    return false;
}

void plugin_look_next(const struct target *t)
{
    (void)t;
}

bool plugin_look_take(const struct target *t, struct tsp_look *out)
{
    (void)t;
    (void)out;
    return false;
}

void target_plugin_options(bool inside, unsigned ms)
{
    (void)inside;
    (void)ms;
}
#endif

bool target_host(const struct target *t, struct target_host *out)
{
    memset(out, 0, sizeof(*out));
    if (t->ops == &mutant_ops)
        return target_host(mutant_inner(t->self), out);
#ifdef TSP_HAVE_KVM
    if (t->ops == &live_ops) {
        live_target_host(t->self, out);
        return true;
    }
#endif
    (void)t;
    return false;
}

enum tsp_status target_threads(struct target *t, const uint32_t delay[TSP_MAX_VCPU], uint32_t ms,
                               uint32_t stop[TSP_MAX_VCPU])
{
#ifdef TSP_HAVE_KVM
    if (t->ops == &live_ops)
        return live_threads(t->self, delay, ms, stop);
#endif
    (void)t;
    (void)delay;
    (void)ms;
    (void)stop;
    return TSP_ENOTSUP;
}
