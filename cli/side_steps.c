/* SPDX-License-Identifier: MIT */
/*
 * Whether a guest ran code that it had changed itself. The model goes one instruction at a time and
 * each is held against what memory had there at the start; what the hypervisor rewrote counts as
 * having been there. Processors see such stores at the next instruction (Intel SDM Vol. 3A 11.6);
 * an emulated one may be behind.
 */
#include "cli/side.h"

#include <string.h>

#define STEPS_MAX 400000u
#define X86_RAM 0x40000u
#define JUMP_BYTES 2u /* of an instruction that does not simply end only these are looked at */

struct steps {
    struct target *t;
    const struct scenario *s;
    struct tsp_event ev;
    uint8_t was[X86_RAM];
};

static uint64_t pc_of(struct steps *x, uint64_t *lin)
{
    static struct tsp_vcpu_state v;

    if (x->t->ops->get_vcpu(x->t->self, 0, &v) != TSP_OK)
        memset(&v, 0, sizeof(v));
    *lin = v.regs.pc + (v.regs.mode == TSP_MODE_LONG64 ? 0 : v.x86.seg[TSP_CS].base);
    if (v.regs.mode != TSP_MODE_LONG64)
        *lin = (uint32_t)*lin;
    return v.regs.pc;
}

/* What the hypervisor stored is the code from now on. */
static void learn(struct steps *x, uint64_t at, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t gpa = input_gpa(x->s, at + i);

        if (gpa < X86_RAM)
            x->t->ops->peek(x->t->self, gpa, &x->was[gpa], 1);
    }
}

static bool changed(struct steps *x, const uint8_t *is, uint64_t lin, uint64_t len)
{
    for (uint64_t i = 0; i < len; i++) {
        uint64_t gpa = input_gpa(x->s, lin + i);

        if (gpa < X86_RAM && is[i] != x->was[gpa])
            return true;
    }
    return false;
}

static void look(struct steps *x, uint64_t lin, uint8_t is[TSP_INSN_BYTES])
{
    memset(is, 0, TSP_INSN_BYTES);
    for (uint64_t i = 0; i < TSP_INSN_BYTES; i++)
        x->t->ops->peek(x->t->self, input_gpa(x->s, lin + i), &is[i], 1);
}

/* One instruction. true: it was not what the memory began with. */
static bool step(struct steps *x, bool *ended)
{
    uint8_t is[TSP_INSN_BYTES];
    uint64_t lin, next_lin, pc = pc_of(x, &lin), len;

    look(x, lin, is);
    *ended = x->t->ops->run(x->t->self, 0, 1, &x->ev) != TSP_OK ||
             (x->ev.kind == TSP_EV_STOP && x->ev.code != TSP_STOP_BUDGET);
    len = pc_of(x, &next_lin) - pc;
    if (x->ev.kind == TSP_EV_PATCH)
        learn(x, x->ev.info[0], x->ev.info[1]);
    else if (changed(x, is, lin, len > 0 && len <= TSP_INSN_BYTES ? len : JUMP_BYTES))
        return true;
    return false;
}

bool side_ran_own_code(struct target *a, const struct scenario *s)
{
    static struct steps x;
    static struct input_image image;
    static struct tsp_setup setup;
    bool ended = false, found = false;

    if (s->arch != TSP_ARCH_X86)
        return false;
    x.t = a;
    x.s = s;
    cli_build(s, &image, &setup);
    if (a->ops->reset(a->self, &setup, &x.ev) != TSP_OK || x.ev.code != 0 ||
        a->ops->peek(a->self, 0, x.was, sizeof(x.was)) != TSP_OK)
        return false;
    for (uint32_t i = 0; i < STEPS_MAX && !ended && !found; i++)
        found = step(&x, &ended);
    return found;
}
