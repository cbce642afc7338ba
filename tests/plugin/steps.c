/* SPDX-License-Identifier: MIT */
/*
 * A plug-in that takes micro-steps: the model, wrapped. What is wrong with it is named behind the
 * comma: "" nothing; no-hold: it does not keep guest stores from text that it rewrites; swaps: it
 * stores another opcode than the processor's; dies: at its first rewrite; forgets: it does not do
 * the same again; refuses: no set-up with a protocol.
 */
#include <trapspec/target.h>

#include <signal.h>
#include <string.h>

static const struct tsp_target_ops *base;
static struct tsp_target_ops mine;
static char wrong[16];
static unsigned runs;

static int is(const char *what)
{
    return strcmp(wrong, what) == 0;
}

static enum tsp_status steps_open(void **self, const char *args, struct tsp_error *err)
{
    strncpy(wrong, args, sizeof(wrong) - 1);
    return base->open(self, "", err);
}

static enum tsp_status steps_reset(void *self, const struct tsp_setup *setup, struct tsp_event *out)
{
    static struct tsp_setup own;

    own = *setup;
    if (is("refuses") && setup->protocol != TSP_PROTOCOL_NONE)
        return TSP_ENOTSUP;
    if (is("no-hold"))
        own.how |= TSP_HOW_NO_HOLD;
    return base->reset(self, &own, out);
}

static enum tsp_status steps_run(void *self, unsigned vcpu, uint32_t step, struct tsp_event *out)
{
    enum tsp_status st = base->run(self, vcpu, step, out);

    if (st != TSP_OK || out->kind != TSP_EV_PATCH)
        return st;
    if (is("dies"))
        raise(SIGSEGV);
    if (is("forgets") && ++runs % 5 == 0)
        out->info[1]++;
    if (is("swaps")) {
        uint8_t nop = 0x90;
        uint64_t gpa = out->info[0]; /* these machines map one to one */

        st = base->poke(self, gpa, &nop, 1);
        out->stored[gpa - out->addr] = nop;
    }
    return st;
}

const struct tsp_target_ops *tsp_plugin(uint32_t abi, const struct tsp_host *host)
{
    if (abi != TSP_ABI_VERSION || (base = host->builtin("model:kvm")) == NULL)
        return NULL;
    mine = *base;
    mine.size = sizeof(mine);
    mine.name = "steps";
    mine.open = steps_open;
    mine.reset = steps_reset;
    mine.run = steps_run;
    return &mine;
}
