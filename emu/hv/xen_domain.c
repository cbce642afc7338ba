/* SPDX-License-Identifier: MIT */
/* Xen's calls about the domain: scheduling, memory, event channels, vCPUs. */
#include "emu/hv/xen.h"

#include "trapspec/bits.h"

/* xen/include/public/sched.h */
enum schedop {
    SCHEDOP_YIELD = 0,
    SCHEDOP_BLOCK,
    SCHEDOP_SHUTDOWN,
    SCHEDOP_POLL,
    SCHEDOP_REMOTE_SHUTDOWN,
    SCHEDOP_SHUTDOWN_CODE,
    SCHEDOP_WATCHDOG,
    SCHEDOP_PIN
};
#define SHUTDOWN_REBOOT 1u
#define SHUTDOWN_SUSPEND 2u
#define POLL_PORTS_MAX 128u

/* The whole machine: no vCPU goes on. */
static enum step shut_down(struct vm *vm, struct vcpu *vc, uint32_t reason)
{
    for (unsigned i = 0; i < vm->nvcpu; i++) {
        vm->vcpu[i].s.run_state = TSP_RUN_STOPPED;
        vm->vcpu[i].stop_code = TSP_STOP_SHUTDOWN;
    }
    if (reason == SHUTDOWN_SUSPEND)
        vm->ev->info[0] = 1;
    if (reason == SHUTDOWN_REBOOT)
        return step_stop(vm, vc, TSP_STOP_RESET);
    return step_stop(vm, vc, reason == SHUTDOWN_SUSPEND ? TSP_STOP_SUSPEND : TSP_STOP_SHUTDOWN);
}

/* Pointer, number of ports, time: 24 bytes for 64-bit callers, 16 for others. */
static enum step poll(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint8_t a[24];
    uint64_t n;

    if (!xen_read(vm, vc, call->arg[1], a, call->wide ? 24 : 16))
        return xen_error(call, XEN_EFAULT);
    n = le_load(a + (call->wide ? 8 : 4), 4);
    return n > POLL_PORTS_MAX ? xen_error(call, XEN_EINVAL) : xen_answer(call, 0);
}

/* Nothing wakes a vCPU that blocks, as nothing does after HLT. The call is done then. */
static enum step block(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    xen_answer(call, 0);
    return step_stop(vm, vc, TSP_STOP_HALT);
}

/* A call whose buffer names somebody else, or a watchdog that nobody keeps. */
static enum step sched_with(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint8_t a[8];

    if (!xen_read(vm, vc, call->arg[1], a, sizeof(a)))
        return xen_error(call, XEN_EFAULT);
    return xen_error(call, xen_cmd(call) == SCHEDOP_WATCHDOG ? XEN_EINVAL : XEN_EPERM);
}

enum step xen_sched(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint8_t reason[4];

    switch (xen_cmd(call)) {
    case SCHEDOP_YIELD:
        return xen_answer(call, 0);
    case SCHEDOP_BLOCK:
        return block(vm, vc, call);
    case SCHEDOP_SHUTDOWN:
    case SCHEDOP_SHUTDOWN_CODE:
        if (!xen_read(vm, vc, call->arg[1], reason, sizeof(reason)))
            return xen_error(call, XEN_EFAULT);
        if (xen_cmd(call) == SCHEDOP_SHUTDOWN_CODE)
            return xen_answer(call, 0);
        return shut_down(vm, vc, reason[0]); /* reasons are cut to 8 bits */
    case SCHEDOP_POLL:
        return poll(vm, vc, call);
    case SCHEDOP_REMOTE_SHUTDOWN:
    case SCHEDOP_WATCHDOG:
        return sched_with(vm, vc, call);
    case SCHEDOP_PIN:
        return xen_error(call, XEN_EPERM);
    default:
        return xen_error(call, XEN_ENOSYS);
    }
}

/* xen/include/public/memory.h: command 5:0, extents that are done above. */
#define MEM_CMD 0x3fu
#define MEM_DONE 6
enum memop {
    XENMEM_INCREASE = 0,
    XENMEM_DECREASE,
    XENMEM_MAX_RAM_PAGE,
    XENMEM_CURRENT,
    XENMEM_MAXIMUM,
    XENMEM_POPULATE = 6,
    XENMEM_ADD = 7,
    XENMEM_MAX_GPFN = 14,
    XENMEM_REMOVE = 15
};
#define SPACE_FOREIGN 4u

static enum step add_to_physmap(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint8_t a[8]; /* domain, size, space; index and frame behind them differ by width */
    uint64_t domain;

    if (!xen_read(vm, vc, call->arg[1], a, sizeof(a)))
        return xen_error(call, XEN_EFAULT);
    domain = le_load(a, 2);
    if (le_load(a + 4, 4) == SPACE_FOREIGN)
        return xen_error(call, XEN_ENOSYS);
    if (domain != XEN_DOMID_SELF && domain != XEN_DOMID)
        return xen_error(call, XEN_ESRCH);
    return xen_error(call, XEN_EINVAL); /* no frames of Xen's to map here */
}

/* Domain, frame: nothing is mapped that could be removed. */
static enum step remove_from_physmap(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint8_t a[16];
    uint64_t domain;

    if (!xen_read(vm, vc, call->arg[1], a, call->wide ? 16 : 8))
        return xen_error(call, XEN_EFAULT);
    domain = le_load(a, 2);
    if (domain != XEN_DOMID_SELF && domain != XEN_DOMID)
        return xen_error(call, XEN_ESRCH);
    return xen_error(call, XEN_EINVAL);
}

/* How much memory the domain of this id has, in pages. */
static enum step memory_size(struct vm *vm, struct vcpu *vc, struct hv_call *call, uint64_t pages)
{
    uint8_t id[2];
    uint64_t domain;

    if (!xen_read(vm, vc, call->arg[1], id, sizeof(id)))
        return xen_error(call, XEN_EFAULT);
    domain = le_load(id, 2);
    if (domain != XEN_DOMID_SELF && domain != XEN_DOMID)
        return xen_error(call, XEN_ESRCH);
    return xen_answer(call, pages);
}

enum step xen_memory(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    const struct tsp_setup *s = vm->setup;

    switch (call->arg[0] & MEM_CMD) {
    case XENMEM_INCREASE:
    case XENMEM_DECREASE:
    case XENMEM_POPULATE: /* whatever is wrong, so many extents are done */
        return xen_answer(call, call->arg[0] >> MEM_DONE);
    case XENMEM_MAX_RAM_PAGE:
        return xen_answer(call, (s->ram_base + s->ram_size) / MEM_PAGE);
    case XENMEM_CURRENT:
    case XENMEM_MAXIMUM:
        return memory_size(vm, vc, call, s->ram_size / MEM_PAGE);
    case XENMEM_MAX_GPFN:
        return memory_size(vm, vc, call, (s->ram_base + s->ram_size) / MEM_PAGE - 1);
    case XENMEM_ADD:
        return add_to_physmap(vm, vc, call);
    case XENMEM_REMOVE:
        return remove_from_physmap(vm, vc, call);
    default:
        return xen_error(call, XEN_ENOSYS);
    }
}

/* xen/include/public/event_channel.h */
#define EVTCHNOPS 14u
#define EVTCHNOP_CLOSE 3u
#define EVTCHNOP_SEND 4u
#define EVTCHNOP_ALLOC_UNBOUND 6u
#define EVTCHNOP_BIND_IPI 7u
#define EVTCHNOP_BIND_VCPU 8u
#define EVTCHNOP_UNMASK 9u
#define PORTS 64u
#define PORTS_MAX 1024u /* of a 32-bit guest */

static unsigned free_port(const struct vm *vm)
{
    unsigned port = 1;

    while (port < PORTS && bits_test(vm->hv_state[XEN_VM_PORTS], port))
        port++;
    return port;
}

/* A channel without another end (domains, port), or to a vCPU of one's own (vCPU, port). */
static enum step new_port(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    unsigned port = free_port(vm);
    uint8_t a[8];

    if (!xen_read(vm, vc, call->arg[1], a, sizeof(a)))
        return xen_error(call, XEN_EFAULT);
    if (xen_cmd(call) == EVTCHNOP_BIND_IPI && le_load(a, 4) >= vm->nvcpu)
        return xen_error(call, XEN_ENOENT);
    if (xen_cmd(call) == EVTCHNOP_ALLOC_UNBOUND && le_load(a, 2) != XEN_DOMID_SELF &&
        le_load(a, 2) != XEN_DOMID)
        return xen_error(call, XEN_ESRCH);
    if (port == PORTS)
        return xen_error(call, XEN_ENOSPC);
    le_store(a + 4, port, 4);
    if (!xen_write(vm, vc, call->arg[1], a, sizeof(a)))
        return xen_error(call, XEN_EFAULT);
    vm->hv_state[XEN_VM_PORTS] |= (uint64_t)1 << port;
    return xen_answer(call, 0);
}

static enum step with_port(struct vm *vm, struct hv_call *call, uint64_t port)
{
    bool used = port != 0 && port < PORTS && bits_test(vm->hv_state[XEN_VM_PORTS], (unsigned)port);

    if (xen_cmd(call) == EVTCHNOP_UNMASK && port < PORTS_MAX)
        return xen_answer(call, 0);
    if (!used)
        return xen_error(call, XEN_EINVAL);
    if (xen_cmd(call) == EVTCHNOP_CLOSE)
        vm->hv_state[XEN_VM_PORTS] &= ~((uint64_t)1 << port);
    return xen_answer(call, 0);
}

enum step xen_event(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t cmd = xen_cmd(call);
    uint8_t a[8] = {0}; /* port, vCPU */
    unsigned size = cmd == EVTCHNOP_BIND_VCPU ? 8 : 4;

    if (cmd >= EVTCHNOPS)
        return xen_error(call, XEN_ENOSYS);
    if (cmd == EVTCHNOP_ALLOC_UNBOUND || cmd == EVTCHNOP_BIND_IPI)
        return new_port(vm, vc, call);
    if (!xen_read(vm, vc, call->arg[1], a, size))
        return xen_error(call, XEN_EFAULT);
    if (cmd == EVTCHNOP_CLOSE || cmd == EVTCHNOP_SEND || cmd == EVTCHNOP_UNMASK)
        return with_port(vm, call, le_load(a, 4));
    if (cmd == EVTCHNOP_BIND_VCPU && le_load(a + 4, 4) >= vm->nvcpu)
        return xen_error(call, XEN_ENOENT);
    return xen_error(call, XEN_EINVAL); /* nothing to bind to here */
}

/* xen/include/public/vcpu.h */
enum vcpuop {
    VCPUOP_INITIALISE = 0,
    VCPUOP_UP,
    VCPUOP_DOWN,
    VCPUOP_IS_UP,
    VCPUOP_RUNSTATE,
    VCPUOP_NMI = 11,
    VCPUOP_PHYSID
};
#define RUNSTATE 48u

static bool is_up(const struct vcpu *v)
{
    return v->s.run_state == TSP_RUN_READY || v->s.run_state == TSP_RUN_HALTED;
}

static enum step run_state(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    static const uint8_t running[RUNSTATE];

    /* 64-bit fields are aligned to four bytes for 32-bit callers. */
    return xen_write(vm, vc, call->arg[2], running, call->wide ? RUNSTATE : RUNSTATE - 4)
               ? xen_answer(call, 0)
               : xen_error(call, XEN_EFAULT);
}

enum step xen_vcpu(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t who = (uint32_t)call->arg[1];

    if (who >= vm->nvcpu)
        return xen_error(call, XEN_ENOENT);
    switch (xen_cmd(call)) {
    case VCPUOP_UP:
        return is_up(&vm->vcpu[who]) ? xen_answer(call, 0) : xen_error(call, XEN_EINVAL);
    case VCPUOP_IS_UP:
        return xen_answer(call, is_up(&vm->vcpu[who]));
    case VCPUOP_RUNSTATE:
        return run_state(vm, vc, call);
    case VCPUOP_NMI:
        if (call->arg[2] != 0)
            return xen_error(call, XEN_EINVAL);
        hv_pend(&vm->vcpu[who], HV_PENDING_NMI);
        return xen_answer(call, 0);
    case VCPUOP_PHYSID:
    case VCPUOP_INITIALISE:
        return xen_error(call, XEN_EINVAL);
    default:
        return xen_error(call, XEN_ENOSYS);
    }
}
