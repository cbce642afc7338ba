/* SPDX-License-Identifier: MIT */
/*
 * A plug-in as a target. plugin.c is the target's face and keeps what a plug-in says within the
 * interface; plugin_load.c loads and checks the file; plugin_child.c serves it in a process of its
 * own; plugin_proc.c is that process as its parent sees it.
 */
#ifndef TSP_FUZZ_TARGET_PLUGIN_H
#define TSP_FUZZ_TARGET_PLUGIN_H

#include "fuzz/target/builtin.h"

#include <sys/types.h>

#define PLUGIN_PATH 1024u
#define PLUGIN_BULK (1u << 16)                /* bytes of one peek or poke */
#define PLUGIN_DATA ((size_t)2 * TSP_MAX_RAM) /* initial memory of one set-up */

/* What the loaded file is, checked. */
struct plugin_code {
    void *handle;
    struct tsp_target_ops ops; /* members it does not have are NULL */
    void *self;
};
/* dlopen, tsp_plugin, check of what it returned, open. err says in one line what is wrong. */
enum tsp_status plugin_load(struct plugin_code *c, const char *path, const char *args,
                            struct tsp_error *err);
void plugin_unload(struct plugin_code *c);
/* open.c: a built-in target by its full name, or NULL. */
const struct tsp_target_ops *builtin_ops(const char *name);

enum plugin_op {
    PLUGIN_READY = 0, /* the child's first word: loaded or not */
    PLUGIN_RESET,
    PLUGIN_RUN,
    PLUGIN_PEEK,
    PLUGIN_POKE,
    PLUGIN_GET,
    PLUGIN_SET,
    PLUGIN_GET_HV,
    PLUGIN_SET_HV,
    PLUGIN_CLOSE
};

/* Exit status of a plug-in's process that found its channel closed. */
#define PLUGIN_EXIT_CLOSED 121

/* What both processes see, at one address in both: the set-up's pointers point into it. */
struct plugin_shared {
    uint32_t op, vcpu, budget, len;
    uint64_t gpa;
    int32_t status;    /* of loading */
    int32_t answer;    /* of the call */
    uint32_t runnable; /* comes with every reset, run and poke */
    uint32_t forked;
    struct tsp_event ev;
    struct tsp_vcpu_state state;
    struct tsp_hv_state hv;
    struct tsp_look look; /* of the last run, where `looked` */
    uint32_t look_next, looked;
    struct tsp_error err;
    uint32_t caps, has_hv;
    struct tsp_setup setup;
    struct tsp_page page[TSP_MAX_PAGE];
    struct tsp_leaf leaf[4][TSP_MAX_LEAF];
    uint8_t bulk[PLUGIN_BULK];
    uint8_t data[PLUGIN_DATA];
};

/* Serves the plug-in until the other side goes away. */
_Noreturn void plugin_serve(struct plugin_shared *sh, int channel, const char *path,
                            const char *args);

/* A call's end: TSP_WRONG_UNKNOWN when the plug-in came back; else why not. */
struct plugin_wrong {
    uint32_t what; /* enum tsp_wrong */
    uint64_t more;
};

#define PLUGIN_LIMITS 7u
struct plugin_proc {
    struct plugin_shared *sh;
    pid_t pid, owner; /* owner: a process that was forked off the one that started it starts anew */
    int channel, out; /* out: what it writes to standard output; -1 when it does not run */
    unsigned timeout_ms, load_ms; /* load_ms 0: the default */
    uint64_t limit[PLUGIN_LIMITS][2];
};
/* Starts it and waits until it is loaded. TSP_OK, or what plugin_load said in err. */
enum tsp_status plugin_start(struct plugin_proc *p, const char *path, const char *args,
                             struct tsp_error *err);
/* Has it do what p->sh->op says. */
struct plugin_wrong plugin_call(struct plugin_proc *p);
/* How long a call may take from now on. */
void plugin_patience(struct plugin_proc *p, unsigned ms);
/* Ends it, whatever it is doing. */
void plugin_stop(struct plugin_proc *p);
bool plugin_alive(const struct plugin_proc *p);

/* plugin_answer.c: completes an event of a plug-in that only answers CPUID, and finds what no
 * target may answer. */
void plugin_complete_cpuid(const struct tsp_setup *setup, struct tsp_event *ev);
struct plugin_wrong plugin_judge_event(const struct tsp_setup *setup, unsigned vcpu,
                                       uint32_t budget, const struct tsp_event *ev);
struct plugin_wrong plugin_judge_state(const struct tsp_setup *setup,
                                       const struct tsp_vcpu_state *s);
/* Such a plug-in can be asked this set-up. */
bool plugin_asks_cpuid(const struct tsp_setup *setup);

extern const struct tsp_target_ops plugin_ops;
uint32_t plugin_caps(const void *self);
const char *plugin_why(const void *self);

#endif
