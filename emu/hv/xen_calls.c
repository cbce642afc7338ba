/* SPDX-License-Identifier: MIT */
/* Xen's calls about itself: version, console, timer, assistance, parameters of the domain. */
#include "emu/hv/xen.h"

#include "emu/policy/lookup.h"
#include "trapspec/bits.h"

#define PAGE_SIZE 4096u
#define PIECE 256u

/* xen/include/public/version.h */
enum xenver {
    XENVER_VERSION = 0,
    XENVER_EXTRAVERSION,
    XENVER_COMPILE_INFO,
    XENVER_CAPABILITIES,
    XENVER_CHANGESET,
    XENVER_PLATFORM,
    XENVER_FEATURES,
    XENVER_PAGESIZE,
    XENVER_HANDLE,
    XENVER_COMMANDLINE,
    XENVER_BUILD_ID
};

/* Texts at their place in the structure, zeroes around them. */
struct xen_text {
    uint16_t at;
    const char *text;
};

#define CAPABILITIES "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 "

static const struct {
    uint8_t cmd;
    uint16_t size;
    struct xen_text text[4];
} answers[] = {
    {XENVER_EXTRAVERSION, 16, {{0, ".0"}}},
    {XENVER_COMPILE_INFO, 144, {{0, "C11"}, {64, "trapspec"}, {80, "local"}, {112, "none"}}},
    {XENVER_CAPABILITIES, 1024, {{0, CAPABILITIES}}},
    {XENVER_CHANGESET, 64, {{0, "unavailable"}}},
    {XENVER_HANDLE, 16, {{0, NULL}}},
    {XENVER_COMMANDLINE, 9, {{0, "<denied>"}}},
};

/* Features of HVM guests: page tables of their own, translated frames, safe clocks, callbacks by
 * vector, frames that are not the machine's (xen/include/public/features.h). */
#define FEATURES (1u << 0 | 1u << 2 | 1u << 8 | 1u << 9 | 1u << 16)

static uint32_t version(const struct vm *vm)
{
    const struct tsp_leaf *e = NULL;

    if (vm->hv_state[XEN_VM_BASE] != 0 && vm->setup->arch == TSP_ARCH_X86)
        e = policy_first(&vm->setup->policy[0], (uint32_t)vm->hv_state[XEN_VM_BASE] + 1);
    return e != NULL ? e->reg[0] : XEN_VERSION;
}

static uint8_t text_byte(const struct xen_text *t, unsigned at)
{
    for (unsigned i = 0; i < 4 && t[i].text != NULL; i++) {
        const char *s = t[i].text;

        for (unsigned k = 0; s[k] != '\0'; k++)
            if (t[i].at + k == at)
                return (uint8_t)s[k];
    }
    return 0;
}

static enum step tell(struct vm *vm, struct vcpu *vc, struct hv_call *call, unsigned which)
{
    unsigned size = answers[which].size;
    uint8_t buf[PIECE];

    for (unsigned at = 0; at < size; at += PIECE) {
        unsigned n = size - at < PIECE ? size - at : PIECE;

        for (unsigned i = 0; i < n; i++)
            buf[i] = text_byte(answers[which].text, at + i);
        if (!xen_write(vm, vc, call->arg[1] + at, buf, n))
            return xen_error(call, XEN_EFAULT);
    }
    return xen_answer(call, 0);
}

static enum step features(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint8_t fi[8]; /* sub-map, bits */

    if (!xen_read(vm, vc, call->arg[1], fi, sizeof(fi)))
        return xen_error(call, XEN_EFAULT);
    if (le_load(fi, 4) != 0)
        return xen_error(call, XEN_EINVAL);
    le_store(fi + 4, FEATURES, 4);
    return xen_write(vm, vc, call->arg[1], fi, sizeof(fi)) ? xen_answer(call, 0)
                                                           : xen_error(call, XEN_EFAULT);
}

/* Where Xen begins: nothing that an HVM guest could use. As wide as its pointers. */
static enum step platform(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    static const uint8_t none[8];

    return xen_write(vm, vc, call->arg[1], none, call->wide ? 8 : 4) ? xen_answer(call, 0)
                                                                     : xen_error(call, XEN_EFAULT);
}

enum step xen_version_call(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    uint32_t cmd = xen_cmd(call);

    for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (answers[i].cmd == cmd)
            return tell(vm, vc, call, i);
    switch (cmd) {
    case XENVER_VERSION:
        return xen_answer(call, version(vm));
    case XENVER_FEATURES:
        return features(vm, vc, call);
    case XENVER_PLATFORM:
        return platform(vm, vc, call);
    case XENVER_PAGESIZE:
        return call->arg[1] != 0 ? xen_error(call, XEN_EINVAL) : xen_answer(call, PAGE_SIZE);
    case XENVER_BUILD_ID:
        return xen_error(call, XEN_EPERM);
    default:
        return xen_error(call, XEN_ENOSYS);
    }
}

/* Ordinary domains may neither write nor read this console. */
enum step xen_console(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    return xen_error(call, XEN_EPERM);
}

/* No interrupt arrives here, so a timer is set and never heard of. */
enum step xen_timer(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    return xen_answer(call, 0);
}

#define ASSIST_RUNSTATE 5u

enum step xen_assist(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    (void)vm;
    (void)vc;
    if ((uint32_t)call->arg[1] != ASSIST_RUNSTATE)
        return xen_error(call, XEN_EINVAL);
    return xen_cmd(call) > 1 ? xen_error(call, XEN_ENOSYS) : xen_answer(call, 0);
}

#define HVMOP_SET_PARAM 0u
#define HVMOP_GET_PARAM 1u
#define HVMOP_FLUSH_TLBS 5u
#define PARAM_CALLBACK 0u
#define PARAMS 39u

/* struct xen_hvm_param: domain 15:0, index at 4, value at 8. */
static enum step param(struct vm *vm, struct vcpu *vc, struct hv_call *call, bool set)
{
    uint8_t a[16];
    uint64_t domain, index;

    if (!xen_read(vm, vc, call->arg[1], a, sizeof(a)))
        return xen_error(call, XEN_EFAULT);
    domain = le_load(a, 2);
    index = le_load(a + 4, 4);
    if (index >= PARAMS)
        return xen_error(call, XEN_EINVAL);
    if (domain != XEN_DOMID_SELF && domain != XEN_DOMID)
        return xen_error(call, XEN_ESRCH);
    if (index != PARAM_CALLBACK)
        return xen_error(call, XEN_EPERM);
    if (set) {
        vm->hv_state[XEN_VM_CALLBACK] = le_load(a + 8, 8);
        return xen_answer(call, 0);
    }
    le_store(a + 8, vm->hv_state[XEN_VM_CALLBACK], 8);
    return xen_write(vm, vc, call->arg[1], a, sizeof(a)) ? xen_answer(call, 0)
                                                         : xen_error(call, XEN_EFAULT);
}

enum step xen_hvm_op(struct vm *vm, struct vcpu *vc, struct hv_call *call)
{
    switch (call->arg[0]) {
    case HVMOP_SET_PARAM:
        return param(vm, vc, call, true);
    case HVMOP_GET_PARAM:
        return param(vm, vc, call, false);
    case HVMOP_FLUSH_TLBS:
        return call->arg[1] != 0 ? xen_error(call, XEN_EINVAL) : xen_answer(call, 0);
    default:
        return xen_error(call, XEN_ENOSYS);
    }
}
