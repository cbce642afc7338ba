/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own KVM as a target. A set-up gets a machine of its own, unless the one before it
 * ran a single known instruction and could not have left anything behind: nothing of one run can be
 * seen by the next. Linux Documentation/virt/kvm/api.rst describes every call used here.
 */
#define _GNU_SOURCE
#include "fuzz/target/kvm_live.h"

#include "trapspec/bits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
#if defined(__x86_64__)
#define LIVE_ARCH_CAP TSP_CAP_X86
#else
#define LIVE_ARCH_CAP TSP_CAP_ARM64
#endif
#define LIMIT_MS 1000u /* of one vCPU, unless the target's name says otherwise */
#define LIMIT_MAX 60000u
#define SLICE_MS 2u  /* of one of several vCPUs */
#define SLOT_MAX 64u /* read-only and writable ranges of RAM */

enum tsp_status live_refuse(struct live_machine *k, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(k->why, sizeof(k->why), format, ap);
    va_end(ap);
    return TSP_ENOTSUP;
}

int live_call(int fd, unsigned long request, void *arg)
{
    int r;

    do
        r = ioctl(fd, request, arg);
    while (r < 0 && errno == EINTR);
    return r;
}

int live_enable(int fd, uint32_t cap, uint64_t arg)
{
    struct kvm_enable_cap c = {.cap = cap, .args = {arg}};

    return live_call(fd, KVM_ENABLE_CAP, &c);
}

int live_has(const struct live_machine *k, int cap)
{
    int fd = k->vm >= 0 ? k->vm : k->kvm;

    return ioctl(fd, KVM_CHECK_EXTENSION, (long)cap);
}

/* [gpa, gpa + len) is RAM of the set-up. */
static bool live_in_ram(const struct live_machine *k, uint64_t gpa, uint64_t len)
{
    const struct tsp_setup *s = k->setup;

    return s && gpa >= s->ram_base && range_ok(gpa - s->ram_base, len, s->ram_size);
}

bool live_read_linear(struct live_machine *k, uint64_t lin, uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t gpa;
        uint8_t text;

        if (!initial_translate(k->setup, lin + i, &gpa, &text) || !live_in_ram(k, gpa, 1))
            return false;
        buf[i] = k->ram[gpa - k->setup->ram_base];
    }
    return true;
}

/* Stores the piece once more, a byte at a time. An emulated processor below (QEMU 7.2, AArch64) can
 * go on with what it translated of the last run's code when a whole block was stored over it. */
static void store_again(uint8_t *at, uint32_t len)
{
    volatile uint8_t *p = at;

    for (uint32_t i = 0; i < len; i++)
        p[i] = at[i];
}

/* What the last run left behind, for the same reason a byte at a time where there is something. */
static void clear_again(uint8_t *at, size_t len)
{
    volatile uint8_t *p = at;
    uint64_t word;

    for (size_t i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
        memcpy(&word, at + i, sizeof(word));
        for (size_t b = 0; word != 0 && b < sizeof(word); b++)
            p[i + b] = 0;
    }
}

static void load_memory(struct live_machine *k)
{
    const struct tsp_setup *s = k->setup;

    if (s->arch == TSP_ARCH_ARM64)
        clear_again(k->ram, k->ram_used);
    else
        memset(k->ram, 0, k->ram_used);
    k->ram_used = s->ram_size;
    for (uint32_t i = 0; i < s->npage; i++) {
        const struct tsp_page *p = &s->page[i];

        if (!live_in_ram(k, p->gpa, p->len))
            continue;
        if (p->data)
            memcpy(k->ram + (p->gpa - s->ram_base), p->data, p->len);
        else
            memset(k->ram + (p->gpa - s->ram_base), 0, p->len);
        if (s->arch == TSP_ARCH_ARM64)
            store_again(k->ram + (p->gpa - s->ram_base), p->len);
    }
}

static bool page_is_rom(const struct tsp_setup *s, uint64_t gpa)
{
    for (uint32_t i = 0; i < s->npage; i++) {
        const struct tsp_page *p = &s->page[i];

        if ((p->flags & TSP_PAGE_ROM) && p->len && p->gpa < gpa + PAGE && p->gpa + p->len > gpa)
            return true;
    }
    return false;
}

static enum tsp_status set_slot(struct live_machine *k, uint32_t slot, uint64_t from, uint64_t to,
                                bool rom)
{
    struct kvm_userspace_memory_region r = {
        .slot = slot,
        .flags = rom ? KVM_MEM_READONLY : 0,
        .guest_phys_addr = from,
        .memory_size = to - from,
        .userspace_addr = (uint64_t)(uintptr_t)(k->ram + (from - k->setup->ram_base)),
    };

    if (slot >= SLOT_MAX)
        return live_refuse(k, "more than %u ranges of read-only memory", SLOT_MAX);
    if (live_call(k->vm, KVM_SET_USER_MEMORY_REGION, &r) != 0)
        return live_refuse(k, "memory at 0x%llx: %s", (unsigned long long)from, strerror(errno));
    return TSP_OK;
}

/* One slot for each run of pages of the same kind. */
static enum tsp_status set_memory(struct live_machine *k)
{
    const struct tsp_setup *s = k->setup;
    uint64_t from = s->ram_base, end = s->ram_base + s->ram_size;
    bool rom = page_is_rom(s, from);
    enum tsp_status st = TSP_OK;
    uint32_t slot = 0;

    for (uint64_t at = from + PAGE; at <= end && st == TSP_OK; at += PAGE) {
        if (at < end && page_is_rom(s, at) == rom)
            continue;
        st = set_slot(k, slot++, from, at, rom);
        from = at;
        rom = !rom;
    }
    return st;
}

static void core_close(struct live_machine *k, struct live_core *c)
{
    if (c->run)
        munmap(c->run, k->run_size);
    if (c->fd >= 0)
        close(c->fd);
    *c = (struct live_core){.fd = -1};
}

static void machine_close(struct live_machine *k)
{
    for (unsigned i = 0; i < TSP_MAX_VCPU; i++)
        core_close(k, &k->core[i]);
    if (k->vm >= 0)
        close(k->vm);
    k->vm = -1;
}

static enum tsp_status make_core(struct live_machine *k, unsigned i, unsigned long id)
{
    struct live_core *c = &k->core[i];
    void *run;

    c->fd = ioctl(k->vm, KVM_CREATE_VCPU, id);
    if (c->fd < 0)
        return live_refuse(k, "vCPU %u: %s", i, strerror(errno));
    run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
    if (run == MAP_FAILED)
        return live_refuse(k, "vCPU %u: %s", i, strerror(errno));
    c->run = run;
    return TSP_OK;
}

static enum tsp_status machine_make(struct live_machine *k)
{
    enum tsp_status st;

    /* A signal can interrupt the making of a machine; it is only late then. */
    do
        k->vm = ioctl(k->kvm, KVM_CREATE_VM, 0L);
    while (k->vm < 0 && errno == EINTR);
    if (k->vm < 0)
        return live_refuse(k, "no machine: %s", strerror(errno));
    live_shape_take(k);
    k->shape.cores = 1;
    st = live_arch_machine(k);
    if (st == TSP_OK)
        st = set_memory(k);
    for (unsigned i = 0; i < k->setup->nvcpu && st == TSP_OK; i++)
        st = make_core(k, i, live_arch_id(k, i));
    for (unsigned i = 0; i < k->setup->nvcpu && st == TSP_OK; i++)
        st = live_arch_vcpu(k, i);
    return st;
}

/* The same machine once more, its vCPU set anew; or with a new vCPU, for another CPUID table. */
static enum tsp_status machine_again(struct live_machine *k, enum live_keep keep)
{
    struct live_core *c = &k->core[0];
    enum tsp_status st;

    if (keep == LIVE_KEEP_ALL) {
        live_complete(k, 0);
        c->stopped = false;
        c->used_ms = 0;
        c->last_pc = 0;
        return live_arch_set(k, 0, &k->setup->vcpu[0]);
    }
    core_close(k, c);
    live_shape_take(k);
    st = make_core(k, 0, k->shape.cores++);
    return st == TSP_OK ? live_arch_vcpu(k, 0) : st;
}

/* A machine that never runs. The kernel switches the processor's virtualization on with the first
 * machine and off with the last one, and patches itself with the first vCPU that has no interrupt
 * controller: both take longer than a whole run. */
static void keep_one(struct live_machine *k)
{
    k->kept_vm = ioctl(k->kvm, KVM_CREATE_VM, 0L);
    if (k->kept_vm >= 0)
        k->kept_core = ioctl(k->kept_vm, KVM_CREATE_VCPU, 0L);
}

static bool setup_ok(const struct tsp_setup *s)
{
    return s->nvcpu >= 1 && s->nvcpu <= TSP_MAX_VCPU && s->ram_size && s->ram_size <= TSP_MAX_RAM &&
           s->ram_size % PAGE == 0 && s->ram_base % PAGE == 0 &&
           s->ram_base + s->ram_size > s->ram_base;
}

/* The lowest of the bits is the question. */
static void answer(struct live_machine *k, struct tsp_event *out)
{
    uint32_t what = k->setup->config & TSP_CFG_ASK;
    bool granted = false;

    what &= ~what + 1;
    if (!live_arch_ask(k, what, &granted))
        return;
    out->code = !granted;
    out->info[1] = what;
}

static enum tsp_status live_reset(void *self, const struct tsp_setup *setup, struct tsp_event *out)
{
    struct live_machine *k = self;
    enum live_keep keep;
    enum tsp_status st;

    *out = (struct tsp_event){.kind = TSP_EV_POLICY};
    k->nqueue = k->at = 0;
    k->why[0] = 0;
    k->setup = NULL;
    if (!setup_ok(setup)) {
        machine_close(k);
        live_refuse(k, "a number of vCPUs or a size of RAM out of range");
        return TSP_EARG;
    }
    k->setup = setup;
    st = live_arch_check(k);
    keep = st == TSP_OK ? live_shape_keep(k) : LIVE_KEEP_NOTHING;
    if (keep != LIVE_KEEP_NOTHING) {
        load_memory(k);
        st = machine_again(k, keep);
    } else {
        machine_close(k);
        load_memory(k);
        st = st == TSP_OK ? machine_make(k) : st;
    }
    k->clean = false;
    if (st != TSP_OK)
        machine_close(k);
    else if (setup->npolicy == 1 && (setup->config & TSP_CFG_ASK) != 0)
        answer(k, out);
    return st;
}

static uint32_t live_runnable(void *self)
{
    const struct live_machine *k = self;
    uint32_t mask = 0;

    /* Events that wait are fetched before anything runs on. */
    if (k->at < k->nqueue)
        return 1u << k->queue[k->at].vcpu;
    for (unsigned i = 0; i < TSP_MAX_VCPU; i++)
        if (k->core[i].fd >= 0 && !k->core[i].stopped)
            mask |= 1u << i;
    return mask;
}

static enum tsp_status live_run_target(void *self, unsigned vcpu, uint32_t budget,
                                       struct tsp_event *out)
{
    struct live_machine *k = self;
    bool single = k->setup && k->setup->nvcpu == 1;

    (void)budget; /* KVM cannot count instructions: time is the limit */
    *out = (struct tsp_event){.kind = TSP_EV_STOP, .code = TSP_STOP_BUDGET};
    out->vcpu = (uint16_t)vcpu;
    if (vcpu >= TSP_MAX_VCPU || k->core[vcpu].fd < 0)
        return TSP_EARG;
    if (k->at == k->nqueue) {
        k->at = k->nqueue = 0;
        if (k->core[vcpu].stopped)
            return TSP_EARG;
        live_run_core(k, vcpu, single ? 0 : SLICE_MS);
        if (k->nqueue && k->core[vcpu].stopped)
            live_tell(k);
    }
    if (k->at < k->nqueue)
        *out = k->queue[k->at++];
    return TSP_OK;
}

static enum tsp_status live_peek(void *self, uint64_t gpa, void *buf, size_t len)
{
    const struct live_machine *k = self;

    if (!live_in_ram(k, gpa, len))
        return TSP_EARG;
    memcpy(buf, k->ram + (gpa - k->setup->ram_base), len);
    return TSP_OK;
}

static enum tsp_status live_poke(void *self, uint64_t gpa, const void *buf, size_t len)
{
    struct live_machine *k = self;

    if (!live_in_ram(k, gpa, len))
        return TSP_EARG;
    memcpy(k->ram + (gpa - k->setup->ram_base), buf, len);
    return TSP_OK;
}

static enum tsp_status live_get(void *self, unsigned vcpu, struct tsp_vcpu_state *out)
{
    struct live_machine *k = self;

    memset(out, 0, sizeof(*out));
    if (vcpu >= TSP_MAX_VCPU || k->core[vcpu].fd < 0)
        return TSP_EARG;
    return live_arch_get(k, vcpu, out);
}

static enum tsp_status live_set(void *self, unsigned vcpu, const struct tsp_vcpu_state *in)
{
    struct live_machine *k = self;

    if (vcpu >= TSP_MAX_VCPU || k->core[vcpu].fd < 0)
        return TSP_EARG;
    live_complete(k, vcpu);
    return live_arch_set(k, vcpu, in);
}

static void live_close(void *self)
{
    struct live_machine *k = self;

    if (!k)
        return;
    machine_close(k);
    if (k->ram)
        munmap(k->ram, TSP_MAX_RAM);
    if (k->kept_core >= 0)
        close(k->kept_core);
    if (k->kept_vm >= 0)
        close(k->kept_vm);
    if (k->kvm >= 0)
        close(k->kvm);
    free(k);
}

static enum tsp_status fail(struct tsp_error *err, enum tsp_status code, const char *text, int e)
{
    if (err) {
        *err = (struct tsp_error){.code = code};
        snprintf(err->text, sizeof(err->text), "kvm: %.60s%s%.60s", text, e ? ": " : "",
                 e ? strerror(e) : "");
    }
    return code;
}

/* "" or a time limit in milliseconds. */
static bool read_limit(const char *args, uint32_t *ms)
{
    char *end;
    unsigned long v;

    *ms = LIMIT_MS;
    if (!args || !args[0])
        return true;
    v = args[0] >= '0' && args[0] <= '9' ? strtoul(args, &end, 10) : 0;
    if (v == 0 || v > LIMIT_MAX || *end)
        return false;
    *ms = (uint32_t)v;
    return true;
}

static enum tsp_status open_device(struct live_machine *k, struct tsp_error *err)
{
    int size;

    k->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (k->kvm < 0)
        return fail(err, TSP_ENOTSUP, "/dev/kvm", errno);
    if (ioctl(k->kvm, KVM_GET_API_VERSION, 0L) != KVM_API_VERSION)
        return fail(err, TSP_ENOTSUP, "/dev/kvm speaks another version of its interface", 0);
    if (live_has(k, KVM_CAP_IMMEDIATE_EXIT) <= 0)
        return fail(err, TSP_ENOTSUP, "this kernel cannot take a vCPU back (immediate_exit)", 0);
    size = ioctl(k->kvm, KVM_GET_VCPU_MMAP_SIZE, 0L);
    if (size < (int)sizeof(struct kvm_run))
        return fail(err, TSP_EIO, "KVM_GET_VCPU_MMAP_SIZE", errno);
    k->run_size = (size_t)size;
    k->ram = mmap(NULL, TSP_MAX_RAM, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (k->ram == MAP_FAILED) {
        k->ram = NULL;
        return fail(err, TSP_ENOMEM, "memory", errno);
    }
    if (!live_timer_open())
        return fail(err, TSP_EIO, "timer", errno);
    return TSP_OK;
}

static enum tsp_status live_open(void **self, const char *args, struct tsp_error *err)
{
    struct live_machine *k = calloc(1, sizeof(*k));
    enum tsp_status st;

    *self = NULL;
    if (!k)
        return fail(err, TSP_ENOMEM, "memory", 0);
    k->kvm = k->vm = k->kept_vm = k->kept_core = -1;
    for (unsigned i = 0; i < TSP_MAX_VCPU; i++)
        k->core[i].fd = -1;
    if (!read_limit(args, &k->limit_ms))
        st = fail(err, TSP_EARG, "kvm:MS, a time limit of 1 to 60000 milliseconds", 0);
    else
        st = open_device(k, err);
    if (st != TSP_OK) {
        live_close(k);
        return st;
    }
    live_arch_probe(k);
    keep_one(k);
    *self = k;
    return TSP_OK;
}

const char *live_target_why(const void *self)
{
    const struct live_machine *k = self;

    return k->why[0] ? k->why : NULL;
}

void live_target_host(const void *self, struct target_host *out)
{
    const struct live_machine *k = self;

    *out = k->host;
}

const struct tsp_target_ops live_ops = {
    .size = sizeof(struct tsp_target_ops),
    .abi = TSP_ABI_VERSION,
    .name = "kvm",
    .caps = LIVE_ARCH_CAP | TSP_CAP_EXEC | TSP_CAP_PEEK | TSP_CAP_SMP,
    .open = live_open,
    .reset = live_reset,
    .runnable = live_runnable,
    .run = live_run_target,
    .peek = live_peek,
    .poke = live_poke,
    .get_vcpu = live_get,
    .set_vcpu = live_set,
    .close = live_close,
};
