/* SPDX-License-Identifier: MIT */
/* KVM on AArch64: Linux Documentation/virt/kvm/api.rst, arm/hypercalls.rst and arm/psci.rst. */
#define _GNU_SOURCE
#include "fuzz/target/kvm_live.h"

#include "trapspec/bits.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CORE(member)                                                                               \
    (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(member))
#define FEATURES(n) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | (0x16ull << 16) | (n))
#ifndef KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3
#define KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3 KVM_REG_ARM_FW_REG(3)
#endif
#ifndef KVM_CAP_ARM_SYSTEM_SUSPEND
#define KVM_CAP_ARM_SYSTEM_SUSPEND 219
#endif
#ifndef KVM_MP_STATE_SUSPENDED
#define KVM_MP_STATE_SUSPENDED 10
#endif

#define MPIDR_EL1 ARM64_SYS_REG(3, 0, 0, 0, 5)
#define MIDR_EL1 ARM64_SYS_REG(3, 0, 0, 0, 0)

static const uint64_t workaround_reg[3] = {KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1,
                                           KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2,
                                           KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3};

/* EL1 registers of the set-up, where they are in it (Arm ARM D19.2). */
static const struct {
    uint64_t reg;
    size_t at;
} sys_reg[] = {
    {ARM64_SYS_REG(3, 0, 12, 0, 0), offsetof(struct tsp_arm64_state, vbar_el1)},
    {ARM64_SYS_REG(3, 0, 5, 2, 0), offsetof(struct tsp_arm64_state, esr_el1)},
    {ARM64_SYS_REG(3, 0, 6, 0, 0), offsetof(struct tsp_arm64_state, far_el1)},
    {ARM64_SYS_REG(3, 0, 1, 0, 0), offsetof(struct tsp_arm64_state, sctlr_el1)},
    {ARM64_SYS_REG(3, 3, 13, 0, 2), offsetof(struct tsp_arm64_state, tpidr_el0)},
    {ARM64_SYS_REG(3, 0, 13, 0, 4), offsetof(struct tsp_arm64_state, tpidr_el1)},
    {ARM64_SYS_REG(3, 0, 14, 1, 0), offsetof(struct tsp_arm64_state, cntkctl_el1)},
    {CORE(sp_el1), offsetof(struct tsp_arm64_state, sp_el1)},
    {CORE(regs.sp), offsetof(struct tsp_arm64_state, sp_el0)},
    {CORE(elr_el1), offsetof(struct tsp_arm64_state, elr_el1)},
    {CORE(spsr[KVM_SPSR_EL1]), offsetof(struct tsp_arm64_state, spsr_el1)},
};
#define NSYS (sizeof(sys_reg) / sizeof(sys_reg[0]))

static bool set_reg(int fd, uint64_t id, uint64_t value)
{
    struct kvm_one_reg r = {.id = id, .addr = (uint64_t)(uintptr_t)&value};

    return live_call(fd, KVM_SET_ONE_REG, &r) == 0;
}

static bool get_reg(int fd, uint64_t id, uint64_t *value)
{
    struct kvm_one_reg r = {.id = id, .addr = (uint64_t)(uintptr_t)value};

    *value = 0;
    return live_call(fd, KVM_GET_ONE_REG, &r) == 0;
}

/* Changes what is not so already: a kernel refuses some values even when they are no change. */
static bool want_reg(int fd, uint64_t id, uint64_t value)
{
    uint64_t now;

    if (get_reg(fd, id, &now) && now == value)
        return true;
    return set_reg(fd, id, value);
}

static uint64_t core_x(unsigned i)
{
    return CORE(regs.regs[0]) + 2u * i;
}

static bool init_core(int vm, int fd, uint32_t features)
{
    struct kvm_vcpu_init init;

    memset(&init, 0, sizeof(init));
    if (live_call(vm, KVM_ARM_PREFERRED_TARGET, &init) != 0)
        return false;
    init.features[0] |= features;
    return live_call(fd, KVM_ARM_VCPU_INIT, &init) == 0;
}

/* The levels of the firmware's workarounds are the host's, and known to a vCPU only. */
void live_arch_probe(struct live_machine *k)
{
    uint64_t v;
    int vm = ioctl(k->kvm, KVM_CREATE_VM, 0L);
    int fd = vm >= 0 ? ioctl(vm, KVM_CREATE_VCPU, 0L) : -1;

    k->host.vendor = TSP_VENDOR_INTEL; /* what a set-up says that has no x86 processor */
    if (fd >= 0 && init_core(vm, fd, 1u << KVM_ARM_VCPU_PSCI_0_2)) {
        k->host.firmware = true;
        for (unsigned i = 0; i < 3; i++)
            if (get_reg(fd, workaround_reg[i], &v))
                k->host.workaround[i] = (uint32_t)v;
    }
    if (fd >= 0)
        close(fd);
    if (vm >= 0)
        close(vm);
}

enum tsp_status live_arch_check(struct live_machine *k)
{
    const struct tsp_setup *s = k->setup;

    if (s->arch != TSP_ARCH_ARM64)
        return live_refuse(k, "this is an AArch64 machine");
    if (s->persona[0] != TSP_PERSONA_KVM)
        return live_refuse(k, "KVM offers its own interface, no other");
    return TSP_OK;
}

enum tsp_status live_arch_machine(struct live_machine *k)
{
    if ((k->setup->config & TSP_CFG_SYS_SUSPEND) &&
        live_enable(k->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, 0) != 0)
        return live_refuse(k, "this kernel does not hand SYSTEM_SUSPEND to user space");
    return TSP_OK;
}

unsigned long live_arch_id(const struct live_machine *k, unsigned i)
{
    (void)k;
    return i;
}

static enum tsp_status set_firmware(struct live_machine *k, int fd)
{
    const struct tsp_setup *s = k->setup;

    if (s->psci != 0x01 &&
        !want_reg(fd, KVM_REG_ARM_PSCI_VERSION, (uint64_t)(s->psci >> 4) << 16 | (s->psci & 15)))
        return live_refuse(k, "PSCI %u.%u is not offered", s->psci >> 4, s->psci & 15);
    for (unsigned i = 0; i < 3; i++)
        if (!want_reg(fd, FEATURES(i), s->fw_bitmap[i]))
            return live_refuse(k, "firmware bitmap %u cannot be 0x%x", i, s->fw_bitmap[i]);
    for (unsigned i = 0; i < 3; i++)
        if (!want_reg(fd, workaround_reg[i], s->workaround[i]))
            return live_refuse(k, "workaround %u cannot be 0x%x on this host", i + 1,
                               s->workaround[i]);
    return TSP_OK;
}

static enum tsp_status set_pvtime(struct live_machine *k, int fd)
{
    uint64_t ipa = k->setup->pvtime_ipa;
    struct kvm_device_attr a = {.group = KVM_ARM_VCPU_PVTIME_CTRL,
                                .attr = KVM_ARM_VCPU_PVTIME_IPA,
                                .addr = (uint64_t)(uintptr_t)&ipa};

    if (!(k->setup->config & TSP_CFG_PVTIME))
        return TSP_OK;
    if (live_call(fd, KVM_SET_DEVICE_ATTR, &a) != 0)
        return live_refuse(k, "stolen time at 0x%llx: %s", (unsigned long long)ipa,
                           strerror(errno));
    return TSP_OK;
}

enum tsp_status live_arch_vcpu(struct live_machine *k, unsigned i)
{
    const struct tsp_vcpu_state *v = &k->setup->vcpu[i];
    uint32_t features = k->setup->psci == 0x01 ? 0 : 1u << KVM_ARM_VCPU_PSCI_0_2;
    int fd = k->core[i].fd;
    enum tsp_status st;

    if (v->run_state != TSP_RUN_READY)
        features |= 1u << KVM_ARM_VCPU_POWER_OFF;
    if (!init_core(k->vm, fd, features))
        return live_refuse(k, "KVM_ARM_VCPU_INIT: %s", strerror(errno));
    st = set_firmware(k, fd);
    if (st == TSP_OK)
        st = set_pvtime(k, fd);
    return st == TSP_OK ? live_arch_set(k, i, v) : st;
}

enum tsp_status live_arch_set(struct live_machine *k, unsigned i, const struct tsp_vcpu_state *in)
{
    int fd = k->core[i].fd;
    bool ok =
        set_reg(fd, CORE(regs.pc), in->regs.pc) && set_reg(fd, CORE(regs.pstate), in->regs.flags);

    for (unsigned n = 0; n < 31 && ok; n++)
        ok = set_reg(fd, core_x(n), in->regs.r[n]);
    for (size_t n = 0; n < NSYS && ok; n++) {
        uint64_t v;

        memcpy(&v, (const uint8_t *)&in->arm64 + sys_reg[n].at, sizeof(v));
        ok = set_reg(fd, sys_reg[n].reg, v);
    }
    return ok ? TSP_OK : live_refuse(k, "registers of vCPU %u: %s", i, strerror(errno));
}

void live_arch_regs(struct live_machine *k, unsigned i, struct tsp_regs *out)
{
    int fd = k->core[i].fd;

    memset(out, 0, sizeof(*out));
    for (unsigned n = 0; n < 31; n++)
        get_reg(fd, core_x(n), &out->r[n]);
    get_reg(fd, CORE(regs.pc), &out->pc);
    get_reg(fd, CORE(regs.pstate), &out->flags);
    out->mode = TSP_MODE_A64;
    /* PSTATE: EL 3:2, SP of EL1 in use bit 0 (Arm ARM C5.2.19). */
    out->level = (uint32_t)(out->flags >> 2) & 3;
    get_reg(fd, out->flags & 1 ? CORE(sp_el1) : CORE(regs.sp), &out->r[31]);
}

/* Nothing can be asked here. */
bool live_arch_ask(struct live_machine *k, uint32_t what, bool *granted)
{
    (void)k;
    (void)what;
    (void)granted;
    return false;
}

enum tsp_status live_arch_get(struct live_machine *k, unsigned i, struct tsp_vcpu_state *out)
{
    int fd = k->core[i].fd;

    live_arch_regs(k, i, &out->regs);
    for (size_t n = 0; n < NSYS; n++) {
        uint64_t v;

        get_reg(fd, sys_reg[n].reg, &v);
        memcpy((uint8_t *)&out->arm64 + sys_reg[n].at, &v, sizeof(v));
    }
    get_reg(fd, MPIDR_EL1, &out->arm64.mpidr);
    get_reg(fd, MIDR_EL1, &out->arm64.midr);
    out->run_state = k->core[i].stopped ? TSP_RUN_STOPPED : TSP_RUN_READY;
    return TSP_OK;
}

bool live_arch_exit(struct live_machine *k, unsigned i)
{
    const struct kvm_run *run = k->core[i].run;

    if (run->exit_reason == KVM_EXIT_HYPERCALL)
        live_stop(k, i, TSP_STOP_EXIT, run->hypercall.nr);
    else
        live_stop(k, i, TSP_STOP_ERROR, run->exit_reason);
    return true;
}

const uint32_t live_arch_patience = 1;

/* A signal ends the wait of CPU_SUSPEND and WFI: the vCPU would go on as if an interrupt had come.
 * It is taken back once. */
uint32_t live_arch_tick(const struct live_machine *k)
{
    return k->limit_ms;
}

/* Switched off or suspended, it only comes back when another vCPU wants it to. */
enum tsp_stop live_arch_stuck(struct live_machine *k, unsigned i, bool *final)
{
    struct kvm_mp_state m = {.mp_state = KVM_MP_STATE_RUNNABLE};

    *final =
        live_call(k->core[i].fd, KVM_GET_MP_STATE, &m) == 0 && m.mp_state != KVM_MP_STATE_RUNNABLE;
    if (m.mp_state == KVM_MP_STATE_SUSPENDED)
        return TSP_STOP_SUSPEND;
    return *final ? TSP_STOP_OFF : TSP_STOP_LIVELOCK;
}

/* 0x80 bytes a vector (Arm ARM D1.3.1.5). */
bool live_arch_exception(struct live_machine *k, struct outcome *o)
{
    struct tsp_vcpu_state v;
    uint64_t off;

    memset(&v, 0, sizeof(v));
    if (live_arch_get(k, 0, &v) != TSP_OK || v.regs.level != 1)
        return false;
    off = v.regs.pc - v.arm64.vbar_el1;
    if (off >= 0x800)
        return false;
    o->exc_vector = (uint32_t)off & ~0x7fu;
    o->exc_has_error = true;
    o->exc_error = v.arm64.esr_el1;
    o->exc_rip = v.arm64.elr_el1;
    o->exc_rflags = v.arm64.spsr_el1;
    return true;
}
