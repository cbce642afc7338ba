/* SPDX-License-Identifier: MIT */
/* Loads a plug-in and checks it against the interface. Runs in the plug-in's own process, or in
 * ours when that was asked for. */
#include "fuzz/target/plugin.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A table reaches to `close` at least; what it lacks behind that is taken as NULL. */
#define OPS_LEAST (offsetof(struct tsp_target_ops, close) + sizeof(void (*)(void)))
#define OPS_MOST 4096u
#define NAME_MOST 64u
#define CAPS_KNOWN                                                                                 \
    (TSP_CAP_X86 | TSP_CAP_ARM64 | TSP_CAP_EXEC | TSP_CAP_SMP | TSP_CAP_DETERMINISTIC |            \
     TSP_CAP_PEEK | TSP_CAP_STEPS | TSP_CAP_POOLS | TSP_CAP_AARCH32)

__attribute__((format(printf, 3, 4))) static enum tsp_status
refuse(struct tsp_error *err, enum tsp_status code, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    *err = (struct tsp_error){.code = code};
    vsnprintf(err->text, sizeof(err->text), format, ap);
    va_end(ap);
    return code;
}

/* builtin() hands out the built-in targets; each name gets an `open` of its own that knows it. */
#define BUILTINS 4u
static struct {
    char name[96];
    struct tsp_target_ops ops;
    enum tsp_status (*open)(void **self, const char *args, struct tsp_error *err);
} builtins[BUILTINS];

static enum tsp_status open_builtin(unsigned i, void **self, const char *args,
                                    struct tsp_error *err)
{
    const char *colon = strchr(builtins[i].name, ':');

    if (args == NULL || args[0] == 0)
        args = colon != NULL ? colon + 1 : "";
    return builtins[i].open(self, args, err);
}

#define OPEN_BUILTIN(i)                                                                            \
    static enum tsp_status open_builtin_##i(void **self, const char *args, struct tsp_error *err)  \
    {                                                                                              \
        return open_builtin(i, self, args, err);                                                   \
    }
OPEN_BUILTIN(0)
OPEN_BUILTIN(1)
OPEN_BUILTIN(2)
OPEN_BUILTIN(3)

static const struct tsp_target_ops *host_builtin(const char *name)
{
    static enum tsp_status (*const open[])(void **, const char *, struct tsp_error *) = {
        open_builtin_0, open_builtin_1, open_builtin_2, open_builtin_3};
    const struct tsp_target_ops *ops = name != NULL ? builtin_ops(name) : NULL;
    unsigned i = 0;

    if (ops == NULL || strlen(name) >= sizeof(builtins[0].name))
        return NULL;
    while (i < BUILTINS && builtins[i].open != NULL && strcmp(builtins[i].name, name) != 0)
        i++;
    if (i == BUILTINS)
        return NULL;
    if (builtins[i].open == NULL) {
        snprintf(builtins[i].name, sizeof(builtins[i].name), "%s", name);
        builtins[i].ops = *ops;
        builtins[i].ops.open = open[i];
        builtins[i].open = ops->open;
    }
    return &builtins[i].ops;
}

static bool printable(const char *s)
{
    size_t n = 0;

    while (n < NAME_MOST && s[n] > ' ' && s[n] <= '~')
        n++;
    return n > 0 && n < NAME_MOST && s[n] == 0;
}

/* The first mandatory member that is NULL, or NULL. */
static const char *missing(const struct tsp_target_ops *o)
{
    if (o->open == NULL)
        return "open";
    if (o->reset == NULL)
        return "reset";
    if (o->run == NULL)
        return "run";
    if (o->close == NULL)
        return "close";
    if (o->runnable == NULL && (o->caps & TSP_CAP_EXEC) != 0)
        return "runnable, which TSP_CAP_EXEC needs,";
    if (o->peek == NULL && (o->caps & TSP_CAP_PEEK) != 0)
        return "peek, which TSP_CAP_PEEK needs,";
    return NULL;
}

static enum tsp_status check(struct plugin_code *c, const struct tsp_target_ops *given,
                             struct tsp_error *err)
{
    const char *name;

    if (given->size < OPS_LEAST || given->size > OPS_MOST) {
        return refuse(err, TSP_EABI,
                      "its table is %u bytes, not %zu: size is not filled in, or "
                      "it was built with other headers",
                      given->size, sizeof(struct tsp_target_ops));
    }
    if (given->abi != TSP_ABI_VERSION)
        return refuse(err, TSP_EABI, "built for ABI %u, this is ABI %u", given->abi,
                      TSP_ABI_VERSION);
    memset(&c->ops, 0, sizeof(c->ops));
    memcpy(&c->ops, given, given->size < sizeof(c->ops) ? given->size : sizeof(c->ops));
    if (c->ops.name == NULL || !printable(c->ops.name))
        return refuse(err, TSP_EABI, "its name is missing, or not 1 to 63 printable characters");
    if ((c->ops.caps & ~CAPS_KNOWN) != 0)
        return refuse(err, TSP_EABI, "caps 0x%x has bits that are not defined", c->ops.caps);
    if ((c->ops.caps & (TSP_CAP_X86 | TSP_CAP_ARM64)) == 0)
        return refuse(err, TSP_EABI, "caps 0x%x names no architecture", c->ops.caps);
    if ((c->ops.caps & (TSP_CAP_EXEC | TSP_CAP_X86)) == 0)
        return refuse(err, TSP_EABI, "caps 0x%x: without TSP_CAP_EXEC only x86 can be asked",
                      c->ops.caps);
    name = missing(&c->ops);
    if (name != NULL)
        return refuse(err, TSP_EABI, "%s is NULL", name);
    return TSP_OK;
}

static enum tsp_status open_code(struct plugin_code *c, const char *args, struct tsp_error *err)
{
    struct tsp_error said = {.code = TSP_OK, .text = ""};
    enum tsp_status st = c->ops.open(&c->self, args, &said);

    said.text[sizeof(said.text) - 1] = 0;
    if (st == TSP_OK)
        return TSP_OK;
    return refuse(err, TSP_EIO, "its open failed with %d%s%.100s", (int)st,
                  said.text[0] != 0 ? ": " : "", said.text);
}

enum tsp_status plugin_load(struct plugin_code *c, const char *path, const char *args,
                            struct tsp_error *err)
{
    static const struct tsp_host host = {.size = sizeof(host), .builtin = host_builtin};
    /* ISO C has no conversion from an object pointer to a function's; POSIX dlsym asks for one. */
    union {
        void *object;
        const struct tsp_target_ops *(*call)(uint32_t, const struct tsp_host *);
    } entry;
    const struct tsp_target_ops *given;
    enum tsp_status st;

    memset(c, 0, sizeof(*c));
    c->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (c->handle == NULL) {
        const char *why = dlerror();

        return refuse(err, TSP_EIO, "cannot be loaded: %.130s", why != NULL ? why : "?");
    }
    entry.object = dlsym(c->handle, "tsp_plugin");
    given = entry.object != NULL ? entry.call(TSP_ABI_VERSION, &host) : NULL;
    if (entry.object == NULL) {
        st = refuse(err, TSP_EABI,
                    "it has no symbol tsp_plugin (C++ needs extern \"C\": include "
                    "trapspec/target.h)");
    } else if (given == NULL) {
        st = refuse(err, TSP_EABI, "its tsp_plugin returned NULL for ABI %u", TSP_ABI_VERSION);
    } else {
        st = check(c, given, err);
    }
    if (st == TSP_OK)
        st = open_code(c, args, err);
    if (st != TSP_OK)
        plugin_unload(c);
    return st;
}

/* The file stays mapped: what it left behind (threads, handlers) would run into a hole. */
void plugin_unload(struct plugin_code *c)
{
    memset(c, 0, sizeof(*c));
}
