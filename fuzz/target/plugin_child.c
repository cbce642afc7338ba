/* SPDX-License-Identifier: MIT */
/*
 * The plug-in's own process. It was forked off a program that may be a fuzzer; nothing of that
 * program is used here but this file, plugin_load.c and the built-in targets a plug-in may wrap.
 */
#define _GNU_SOURCE
#include "fuzz/target/plugin.h"

#include "fuzz/target/look.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* For the handlers that fork() runs. */
static struct plugin_shared *shared;

static void fork_seen(void)
{
    shared->forked = 1;
}

/* A second process would answer for the first. */
static void fork_ends(void)
{
    _exit(0);
}

static bool fresh; /* nothing ran since the reset */

static enum tsp_status call_reset(struct plugin_code *c, struct plugin_shared *sh)
{
    memset(&sh->ev, 0, sizeof(sh->ev));
    fresh = true;
    return c->ops.reset(c->self, &sh->setup, &sh->ev);
}

/* What `run` and a look at it take; the machine's looker is opened at the first one. */
static enum tsp_status run_looked(struct plugin_code *c, struct plugin_shared *sh)
{
    static struct looker looker;
    static struct target here;
    enum tsp_status st;

    if (fresh) {
        here = (struct target){.ops = &c->ops, .self = c->self, .caps = c->ops.caps};
        here.looked = true;
        look_open(&looker, &here, &sh->setup);
    }
    fresh = false;
    sh->budget = look_before(&looker, sh->vcpu, sh->budget);
    st = c->ops.run(c->self, sh->vcpu, sh->budget, &sh->ev);
    if (st != TSP_OK)
        return st;
    look_after(&looker, &sh->ev, 0, true);
    sh->looked = looker.looks.n == 1;
    if (sh->looked)
        sh->look = looker.looks.look[0];
    looker.looks.n = 0;
    return st;
}

static enum tsp_status call_run(struct plugin_code *c, struct plugin_shared *sh)
{
    memset(&sh->ev, 0, sizeof(sh->ev));
    sh->looked = 0;
    if (sh->look_next)
        return run_looked(c, sh);
    return c->ops.run(c->self, sh->vcpu, sh->budget, &sh->ev);
}

static enum tsp_status call_memory(struct plugin_code *c, struct plugin_shared *sh)
{
    if (sh->op == PLUGIN_PEEK)
        return c->ops.peek != NULL ? c->ops.peek(c->self, sh->gpa, sh->bulk, sh->len) : TSP_ENOTSUP;
    return c->ops.poke != NULL ? c->ops.poke(c->self, sh->gpa, sh->bulk, sh->len) : TSP_ENOTSUP;
}

static enum tsp_status call_vcpu(struct plugin_code *c, struct plugin_shared *sh)
{
    const struct tsp_target_ops *o = &c->ops;

    switch (sh->op) {
    case PLUGIN_GET:
        return o->get_vcpu != NULL ? o->get_vcpu(c->self, sh->vcpu, &sh->state) : TSP_ENOTSUP;
    case PLUGIN_SET:
        return o->set_vcpu != NULL ? o->set_vcpu(c->self, sh->vcpu, &sh->state) : TSP_ENOTSUP;
    case PLUGIN_GET_HV:
        return o->get_hv != NULL ? o->get_hv(c->self, sh->vcpu, &sh->hv) : TSP_ENOTSUP;
    default:
        return o->set_hv != NULL ? o->set_hv(c->self, sh->vcpu, &sh->hv) : TSP_ENOTSUP;
    }
}

static enum tsp_status serve(struct plugin_code *c, struct plugin_shared *sh)
{
    enum tsp_status st;

    switch (sh->op) {
    case PLUGIN_RESET:
        st = call_reset(c, sh);
        break;
    case PLUGIN_RUN:
        st = call_run(c, sh);
        break;
    case PLUGIN_PEEK:
    case PLUGIN_POKE:
        st = call_memory(c, sh);
        break;
    default:
        st = call_vcpu(c, sh);
    }
    if (c->ops.runnable != NULL && sh->op != PLUGIN_PEEK && sh->op != PLUGIN_GET)
        sh->runnable = c->ops.runnable(c->self);
    return st;
}

/* system(), posix_spawn() and clone() leave fork's handlers out: a child, running or dead, tells.
 */
static void look_for_children(struct plugin_shared *sh)
{
    siginfo_t info;

    memset(&info, 0, sizeof(info));
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        sh->forked = 1;
}

static bool heard(int channel)
{
    char token;
    ssize_t n;

    do
        n = read(channel, &token, 1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        _exit(PLUGIN_EXIT_CLOSED);
    return n == 1;
}

static void answer(int channel)
{
    ssize_t n;

    do
        n = write(channel, "", 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        _exit(errno == EBADF ? PLUGIN_EXIT_CLOSED : 0);
}

_Noreturn void plugin_serve(struct plugin_shared *sh, int channel, const char *path,
                            const char *args)
{
    static struct plugin_code code;

    shared = sh;
    pthread_atfork(fork_seen, NULL, fork_ends);
    /* A line must not wait in a buffer until nobody knows which call wrote it. */
    setvbuf(stdout, NULL, _IONBF, 0);
    sh->status = plugin_load(&code, path, args, &sh->err);
    sh->caps = code.ops.caps;
    sh->has_hv = code.ops.get_hv != NULL && code.ops.set_hv != NULL;
    look_for_children(sh);
    answer(channel);
    while (sh->status == TSP_OK && heard(channel)) {
        if (sh->op == PLUGIN_CLOSE) {
            code.ops.close(code.self);
            sh->status = TSP_OK;
            look_for_children(sh);
            answer(channel);
            break;
        }
        sh->answer = serve(&code, sh);
        look_for_children(sh);
        answer(channel);
    }
    _exit(0);
}
