/* SPDX-License-Identifier: MIT */
/* Several of Xen's calls in one: a list of number, result and six arguments, each as wide as the
 * caller's registers (Xen public/xen.h multicall_entry; xen/common/multicall.c). */
#include "emu/hv/xen.h"

#include "trapspec/bits.h"

#define MULTICALL 13u
#define ENTRY_WORDS 8u
#define ARGS 5u
/* Xen comes back to the instruction when a list takes long; here it ends with an error. */
#define CALLS_MAX 64u

static enum step one(struct vm *vm, struct vcpu *vc, struct hv_call *sub, uint64_t at,
                     unsigned width)
{
    uint8_t entry[ENTRY_WORDS * 8], result[8];
    enum step end;

    if (!xen_read(vm, vc, at, entry, ENTRY_WORDS * width))
        return STEP_FAULT;
    sub->nr = le_load(entry, width);
    for (unsigned i = 0; i < ARGS; i++)
        sub->arg[i] = le_load(entry + (size_t)(2 + i) * width, width);
    end = sub->nr == MULTICALL ? xen_error(sub, XEN_EINVAL) : xen_call(vm, vc, sub);
    if (sub->nret == 0)
        return end;
    le_store(result, sub->ret[0], 8);
    return xen_write(vm, vc, at + width, result, width) ? end : STEP_FAULT;
}

/* A call that ends the vCPU ends the list as well. */
enum step xen_multicall(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    unsigned width = call->wide ? 8 : 4;

    for (uint64_t i = 0; i < call->arg[1]; i++) {
        struct hv_call sub = {.wide = call->wide};
        uint64_t at = call->arg[0] + i * ENTRY_WORDS * width;
        enum step end;

        if (i == CALLS_MAX)
            return xen_error(call, XEN_EINVAL);
        end = one(vm, vc, &sub, call->wide ? at : (uint32_t)at, width);
        if (end == STEP_FAULT)
            return xen_error(call, XEN_EFAULT);
        if (end != STEP_STOP)
            continue;
        if (sub.nret != 0)
            xen_answer(call, 0);
        return end;
    }
    return xen_answer(call, 0);
}
