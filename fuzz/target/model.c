/* SPDX-License-Identifier: MIT */
/* The model behind the interface that every target has. */
#include "fuzz/target/builtin.h"

#include "emu/emu.h"

static enum tsp_status model_open(void **self, const char *args, struct tsp_error *err)
{
    struct vm *vm = NULL;
    enum tsp_status st = vm_open(&vm, args && args[0] ? args : "kvm", err);

    *self = vm;
    return st;
}

static enum tsp_status model_reset(void *self, const struct tsp_setup *setup, struct tsp_event *out)
{
    return vm_reset(self, setup, out);
}

static uint32_t model_runnable(void *self)
{
    return vm_runnable(self);
}

static enum tsp_status model_run(void *self, unsigned vcpu, uint32_t budget, struct tsp_event *out)
{
    return vm_run(self, vcpu, budget, out);
}

static enum tsp_status model_peek(void *self, uint64_t gpa, void *buf, size_t len)
{
    return vm_peek(self, gpa, buf, len);
}

static enum tsp_status model_poke(void *self, uint64_t gpa, const void *buf, size_t len)
{
    return vm_poke(self, gpa, buf, len);
}

static enum tsp_status model_get(void *self, unsigned vcpu, struct tsp_vcpu_state *out)
{
    return vm_get_vcpu(self, vcpu, out);
}

static enum tsp_status model_set(void *self, unsigned vcpu, const struct tsp_vcpu_state *in)
{
    return vm_set_vcpu(self, vcpu, in);
}

enum tsp_status target_cpuid(struct target *t, const uint32_t in[3], uint32_t (*out)[4])
{
    if (t->ops != &model_ops)
        return TSP_ENOTSUP;
    return vm_cpuid(t->self, 0, in, out);
}

bool target_is_empty(const struct target *t, uint64_t gpa, size_t len)
{
    return t->ops == &model_ops && vm_is_empty(t->self, gpa, len);
}

static enum tsp_status model_get_hv(void *self, unsigned vcpu, struct tsp_hv_state *out)
{
    return vm_get_hv(self, vcpu, out);
}

static enum tsp_status model_set_hv(void *self, unsigned vcpu, const struct tsp_hv_state *in)
{
    return vm_set_hv(self, vcpu, in);
}

static void model_close(void *self)
{
    vm_close(self);
}

const struct tsp_target_ops model_ops = {
    .size = sizeof(struct tsp_target_ops),
    .abi = TSP_ABI_VERSION,
    .name = "model",
    .caps = TSP_CAP_X86 | TSP_CAP_ARM64 | TSP_CAP_AARCH32 | TSP_CAP_EXEC | TSP_CAP_SMP |
            TSP_CAP_DETERMINISTIC | TSP_CAP_PEEK | TSP_CAP_STEPS | TSP_CAP_POOLS,
    .open = model_open,
    .reset = model_reset,
    .runnable = model_runnable,
    .run = model_run,
    .peek = model_peek,
    .poke = model_poke,
    .get_vcpu = model_get,
    .set_vcpu = model_set,
    .close = model_close,
    .get_hv = model_get_hv,
    .set_hv = model_set_hv,
};
