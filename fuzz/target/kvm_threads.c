/* SPDX-License-Identifier: MIT */
/*
 * All vCPUs of a machine at once, each on a thread of its own: what processors and the kernel do
 * then is up to them. Threads that do not come back by themselves are fetched by a signal, which
 * ends a KVM_RUN under way, and immediate_exit, which ends one that is about to begin.
 */
#define _GNU_SOURCE
#include "fuzz/target/kvm_live.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define FETCH_SIGNAL (SIGRTMIN + 6)
#define FETCH_MS 5u      /* between two signals */
#define GIVE_UP_MS 2000u /* a kernel that does not let go by then never will */

struct part {
    pthread_t id;
    struct live_core *core;
    uint16_t end_port;
    uint32_t delay; /* empty turns before it begins */
    bool on;        /* it has a thread */
    enum tsp_stop stop;
};

/* A thread that is never let go keeps what it works on. */
static struct part part[TSP_MAX_VCPU];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned waiting, running;

static void on_fetch(int sig)
{
    (void)sig;
}

/* false: it stopped, as p->stop says. */
static bool after_exit(struct part *p)
{
    struct kvm_run *run = p->core->run;

    p->core->incomplete = run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO;
    switch (run->exit_reason) {
    case KVM_EXIT_HLT:
        p->stop = TSP_STOP_HALT;
        return false;
    case KVM_EXIT_SHUTDOWN:
        p->stop = TSP_STOP_TRIPLE;
        return false;
    case KVM_EXIT_IO:
        p->stop = TSP_STOP_END;
        return run->io.direction != KVM_EXIT_IO_OUT || run->io.port != p->end_port;
    case KVM_EXIT_MMIO:
        memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
        return true;
    case KVM_EXIT_INTR:
        return true;
    default:
        p->stop = TSP_STOP_ERROR;
        return false;
    }
}

/* All begin together, once the last of them is here. */
static void gather(const struct part *p)
{
    pthread_mutex_lock(&lock);
    waiting--;
    pthread_cond_broadcast(&changed);
    while (waiting > 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    for (volatile uint32_t turn = 0; turn < p->delay;)
        turn = turn + 1;
}

static void *run_part(void *arg)
{
    struct part *p = arg;
    bool on = true;

    gather(p);
    while (on) {
        if (ioctl(p->core->fd, KVM_RUN, 0) == 0) {
            on = after_exit(p) && !p->core->run->immediate_exit;
        } else {
            on = (errno == EINTR || errno == EAGAIN) && !p->core->run->immediate_exit;
            p->stop = errno == EINTR || errno == EAGAIN ? TSP_STOP_LIVELOCK : TSP_STOP_ERROR;
        }
        if (on)
            continue;
        if (p->core->run->immediate_exit && p->stop != TSP_STOP_HALT)
            p->stop = TSP_STOP_LIVELOCK;
    }
    pthread_mutex_lock(&lock);
    running--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Until all have stopped, at most so long. */
static bool wait_all(uint32_t ms)
{
    struct timespec until;
    int e = 0;
    bool all;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&lock);
    while (running > 0 && e != ETIMEDOUT)
        e = pthread_cond_timedwait(&changed, &lock, &until);
    all = running == 0;
    pthread_mutex_unlock(&lock);
    return all;
}

static bool fetch_all(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (part[i].on)
            part[i].core->run->immediate_exit = 1;
    for (unsigned spent = 0; spent < GIVE_UP_MS; spent += FETCH_MS) {
        for (unsigned i = 0; i < n; i++)
            if (part[i].on)
                pthread_kill(part[i].id, FETCH_SIGNAL);
        if (wait_all(FETCH_MS))
            return true;
    }
    return false;
}

/* Those that wait for one that cannot be started would do so for ever. */
static bool start_failed(unsigned started, unsigned missing)
{
    pthread_mutex_lock(&lock);
    waiting -= missing;
    running -= missing;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    fetch_all(started);
    return false;
}

static bool start_all(struct live_machine *k, unsigned n, const uint32_t *delay,
                      const uint32_t *stop)
{
    struct sigaction sa = {.sa_handler = on_fetch};
    unsigned left = 0;

    if (sigaction(FETCH_SIGNAL, &sa, NULL) != 0)
        return false;
    for (unsigned i = 0; i < n; i++) {
        part[i] = (struct part){.core = &k->core[i],
                                .end_port = k->setup->end_port,
                                .delay = delay[i],
                                .on = stop[i] == TSP_STOP_BUDGET,
                                .stop = TSP_STOP_LIVELOCK};
        k->core[i].run->immediate_exit = 0;
        left += part[i].on;
    }
    waiting = running = left;
    for (unsigned i = 0; i < n; i++) {
        if (!part[i].on)
            continue;
        if (pthread_create(&part[i].id, NULL, run_part, &part[i]) != 0) {
            part[i].on = false;
            return start_failed(i, left);
        }
        left--;
    }
    return true;
}

enum tsp_status live_threads(void *self, const uint32_t delay[TSP_MAX_VCPU], uint32_t ms,
                             uint32_t stop[TSP_MAX_VCPU])
{
    struct live_machine *k = self;
    unsigned n = k->setup != NULL ? k->setup->nvcpu : 0;

    if (n == 0 || k->core[n - 1].fd < 0)
        return TSP_EARG;
    if (!start_all(k, n, delay, stop))
        return TSP_ENOMEM;
    if (!wait_all(ms) && !fetch_all(n))
        return TSP_EIO;
    for (unsigned i = 0; i < n; i++) {
        if (!part[i].on)
            continue;
        pthread_join(part[i].id, NULL);
        part[i].core->run->immediate_exit = 0;
        stop[i] = part[i].stop;
    }
    return TSP_OK;
}
