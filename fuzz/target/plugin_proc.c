/* SPDX-License-Identifier: MIT */
/*
 * The process of a plug-in, from outside. A byte on a socket says "go", a byte back says "done";
 * everything else is in shared memory. Its end closes the socket, so death is seen at once, and a
 * call that does not return is seen by the socket's own time limit.
 */
#define _GNU_SOURCE
#include "fuzz/target/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOAD_MS 10000u /* constructors, tsp_plugin and open together */
#define CLOSE_MS 500u
#define GRACE_MS 200u /* from the end of the socket to the end of the process */

static const int watched[PLUGIN_LIMITS] = {RLIMIT_AS,    RLIMIT_CORE,   RLIMIT_CPU,  RLIMIT_DATA,
                                           RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_STACK};

static void wait_at_most(const struct plugin_proc *p, unsigned ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (long)(ms % 1000) * 1000};

    setsockopt(p->channel, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static void on_exit_leave(int status, void *arg)
{
    (void)arg;
    _exit(status);
}

/* What the program above set up for itself must not act here: a fuzzer's signal handlers and exit
 * hooks, a core file for each crash, the terminal. */
static void leave_parent(int out)
{
    static const int fatal[] = {SIGSEGV, SIGABRT, SIGBUS,  SIGILL,  SIGFPE,  SIGTRAP, SIGSYS,
                                SIGINT,  SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGXFSZ, SIGXCPU};
    struct rlimit none = {0, 0};
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t all;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        signal(fatal[i], SIG_DFL);
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setrlimit(RLIMIT_CORE, &none);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
#ifdef __GLIBC__
    on_exit(on_exit_leave, NULL);
#else
    (void)on_exit_leave;
#endif
}

static enum tsp_status cannot(struct tsp_error *err, const char *what)
{
    *err = (struct tsp_error){.code = TSP_EIO};
    snprintf(err->text, sizeof(err->text), "%s: %s", what, strerror(errno));
    return TSP_EIO;
}

static void discard(struct plugin_proc *p)
{
    if (p->channel >= 0)
        close(p->channel);
    if (p->out >= 0)
        close(p->out);
    p->channel = p->out = -1;
    p->pid = 0;
}

static enum tsp_status spawn(struct plugin_proc *p, const char *path, const char *args,
                             struct tsp_error *err)
{
    int pair[2];

    p->out = memfd_create("trapspec-plugin-stdout", MFD_CLOEXEC);
    if (p->out < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        discard(p);
        return cannot(err, "no channel to a plug-in's process");
    }
    p->channel = pair[0];
    fflush(NULL);
    p->owner = getpid();
    p->pid = fork();
    if (p->pid == 0) {
        close(pair[0]);
        leave_parent(p->out);
        plugin_serve(p->sh, pair[1], path, args);
    }
    close(pair[1]);
    if (p->pid > 0)
        return TSP_OK;
    discard(p);
    return cannot(err, "no process for a plug-in");
}

/* How it ended; -1: it runs. */
static int ended(const struct plugin_proc *p, unsigned grace_ms)
{
    struct timespec ms = {.tv_nsec = 1000000};
    int status;

    for (unsigned i = 0; i <= grace_ms; i++) {
        if (waitpid(p->pid, &status, WNOHANG) == p->pid)
            return status;
        if (i < grace_ms)
            nanosleep(&ms, NULL);
    }
    return -1;
}

static void kill_all(struct plugin_proc *p)
{
    kill(-p->pid, SIGKILL);
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    discard(p);
}

/* The socket has ended: dead, or alive and without it. */
static struct plugin_wrong how_it_ended(struct plugin_proc *p)
{
    struct plugin_wrong w = {TSP_WRONG_CLOSED, 0};
    int status = ended(p, GRACE_MS);

    if (status == -1) {
        kill_all(p);
        return w;
    }
    if (WIFSIGNALED(status))
        w = (struct plugin_wrong){TSP_WRONG_SIGNAL, (uint64_t)WTERMSIG(status)};
    else if (WEXITSTATUS(status) != PLUGIN_EXIT_CLOSED)
        w = (struct plugin_wrong){TSP_WRONG_EXIT, (uint64_t)WEXITSTATUS(status)};
    /* What it may have left in its process group. */
    kill(-p->pid, SIGKILL);
    discard(p);
    return w;
}

static struct plugin_wrong listen_for(struct plugin_proc *p, unsigned ms)
{
    char token;
    ssize_t n;

    do
        n = recv(p->channel, &token, 1, 0);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        return (struct plugin_wrong){TSP_WRONG_UNKNOWN, 0};
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        kill_all(p);
        return (struct plugin_wrong){TSP_WRONG_HANG, ms};
    }
    return how_it_ended(p);
}

static bool same_limit(const struct plugin_proc *p, unsigned i)
{
    struct rlimit now;

    if (prlimit(p->pid, (enum __rlimit_resource)watched[i], NULL, &now) != 0)
        return true;
    return (uint64_t)now.rlim_cur == p->limit[i][0] && (uint64_t)now.rlim_max == p->limit[i][1];
}

static void note_limits(struct plugin_proc *p)
{
    for (unsigned i = 0; i < PLUGIN_LIMITS; i++) {
        struct rlimit now = {0, 0};

        getrlimit((enum __rlimit_resource)watched[i], &now);
        p->limit[i][0] = watched[i] == RLIMIT_CORE ? 0 : now.rlim_cur;
        p->limit[i][1] = watched[i] == RLIMIT_CORE ? 0 : now.rlim_max;
    }
}

/* What it must not do and came back from. */
static struct plugin_wrong behaved(struct plugin_proc *p)
{
    struct plugin_wrong w = {TSP_WRONG_UNKNOWN, 0};
    struct stat st;

    if (p->sh->forked != 0) {
        kill_all(p);
        w.what = TSP_WRONG_FORK;
    } else if (fstat(p->out, &st) == 0 && st.st_size > 0) {
        w = (struct plugin_wrong){TSP_WRONG_STDOUT, (uint64_t)st.st_size};
        if (ftruncate(p->out, 0) == 0)
            lseek(p->out, 0, SEEK_SET);
    } else if (p->sh->op == PLUGIN_RESET || p->sh->op == PLUGIN_RUN) {
        for (unsigned i = 0; i < PLUGIN_LIMITS && w.what == TSP_WRONG_UNKNOWN; i++)
            if (!same_limit(p, i))
                w = (struct plugin_wrong){TSP_WRONG_LIMITS, (uint64_t)watched[i]};
        if (w.what != TSP_WRONG_UNKNOWN)
            kill_all(p);
    }
    return w;
}

struct plugin_wrong plugin_call(struct plugin_proc *p)
{
    struct plugin_wrong w;
    ssize_t n;

    do
        n = send(p->channel, "", 1, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        return how_it_ended(p);
    w = listen_for(p, p->timeout_ms);
    return w.what == TSP_WRONG_UNKNOWN ? behaved(p) : w;
}

static enum tsp_status load_failed(const struct plugin_wrong *w, struct tsp_error *err)
{
    *err = (struct tsp_error){.code = TSP_EIO};
    switch (w->what) {
    case TSP_WRONG_SIGNAL:
        snprintf(err->text, sizeof(err->text), "killed by signal %u while it was loaded",
                 (unsigned)w->more);
        break;
    case TSP_WRONG_HANG:
        snprintf(err->text, sizeof(err->text), "loading it did not end within %u s",
                 LOAD_MS / 1000);
        break;
    case TSP_WRONG_EXIT:
        snprintf(err->text, sizeof(err->text),
                 "it ended the process with status %u while it was "
                 "loaded",
                 (unsigned)w->more);
        break;
    default:
        snprintf(err->text, sizeof(err->text), "%s while it was loaded",
                 w->what == TSP_WRONG_FORK     ? "it made another process"
                 : w->what == TSP_WRONG_STDOUT ? "it wrote to standard output"
                                               : "it closed descriptors that are not its own");
    }
    return TSP_EIO;
}

enum tsp_status plugin_start(struct plugin_proc *p, const char *path, const char *args,
                             struct tsp_error *err)
{
    unsigned ms = p->load_ms != 0 ? p->load_ms : LOAD_MS;
    struct plugin_wrong w;
    enum tsp_status st;

    p->sh->op = PLUGIN_READY;
    p->sh->forked = 0;
    p->sh->status = TSP_EIO;
    note_limits(p);
    st = spawn(p, path, args, err);
    if (st != TSP_OK)
        return st;
    wait_at_most(p, ms);
    w = listen_for(p, ms);
    if (w.what == TSP_WRONG_UNKNOWN)
        w = behaved(p);
    if (w.what != TSP_WRONG_UNKNOWN) {
        if (p->pid > 0)
            kill_all(p);
        return load_failed(&w, err);
    }
    if (p->sh->status != TSP_OK) {
        *err = p->sh->err;
        err->text[sizeof(err->text) - 1] = 0;
        kill_all(p);
        return err->code < 0 && err->code >= TSP_EABI ? err->code : TSP_EIO;
    }
    wait_at_most(p, p->timeout_ms);
    return TSP_OK;
}

void plugin_patience(struct plugin_proc *p, unsigned ms)
{
    p->timeout_ms = ms;
    if (p->channel >= 0)
        wait_at_most(p, ms);
}

bool plugin_alive(const struct plugin_proc *p)
{
    return p->pid > 0 && p->owner == getpid();
}

void plugin_stop(struct plugin_proc *p)
{
    if (p->pid > 0 && p->owner != getpid()) {
        discard(p); /* the child of another */
        return;
    }
    if (p->pid <= 0)
        return;
    p->sh->op = PLUGIN_CLOSE;
    wait_at_most(p, CLOSE_MS);
    if (send(p->channel, "", 1, MSG_NOSIGNAL) == 1)
        listen_for(p, CLOSE_MS);
    if (p->pid > 0)
        kill_all(p);
}
