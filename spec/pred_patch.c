/* SPDX-License-Identifier: MIT */
/* Predicates of rewritten guest text. */
#include "spec/pred.h"

#include <string.h>

#include "trapspec/bits.h"

#define OPCODE_LEN 3u

/* With several vCPUs the store may be one of several, so that a byte may still be the old one; and
 * what is compared before it is the opcode, so that another vCPU may have changed a prefix, which
 * this store then leaves alone. */
static bool others_left(const struct judge *j, size_t i)
{
    const struct tsp_event *ev = j->ev;
    uint64_t off = ev->addr + i - ev->info[0];

    if (j->setup->nvcpu < 2)
        return false;
    if (ev->before.mode != TSP_MODE_LONG64)
        off = (uint32_t)off;
    return ev->stored[i] == ev->fetched[i] || (i + OPCODE_LEN < j->insn.len && off >= ev->info[1]);
}

/* The instruction's last three bytes are the given opcode, its prefixes are untouched. */
bool pred_code_becomes(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    size_t len = j->insn.len <= TSP_INSN_BYTES ? j->insn.len : TSP_INSN_BYTES;
    uint8_t want[TSP_INSN_BYTES];
    bool ok = true;

    if (len < OPCODE_LEN)
        return say_text(say, "a hypercall was rewritten", "other bytes were");
    memcpy(want, ev->fetched, sizeof(want));
    for (unsigned i = 0; i < OPCODE_LEN; i++)
        want[len - OPCODE_LEN + i] = (uint8_t)p->arg[i];
    for (size_t i = 0; i < len; i++)
        ok &= ev->stored[i] == want[i] || others_left(j, i);
    if (ok)
        return true;
    say_bytes(say->expected, sizeof(say->expected), want, len);
    say_bytes(say->got, sizeof(say->got), ev->stored, len);
    return false;
}

/* Written bytes lie within the last three of the instruction, at its linear address. */
bool pred_patch_at_end(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    uint64_t want = ev->addr + j->insn.len - OPCODE_LEN, off = ev->info[0] - want;

    (void)p;
    if (ev->before.mode != TSP_MODE_LONG64) {
        want = (uint32_t)want;
        off = (uint32_t)off;
    }
    if (off < OPCODE_LEN && ev->info[1] >= 1 && ev->info[1] <= OPCODE_LEN - off)
        return true;
    return say_value(say, "linear address written", want, ev->info[0]);
}

bool pred_retry(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;

    (void)p;
    return ev->after.pc == ev->before.pc || say_value(say, "pc", ev->before.pc, ev->after.pc);
}

/* RF keeps an instruction breakpoint from trapping twice at one instruction; what completes clears
 * it (Intel SDM Vol. 3B 17.3.1.1). An exit for a fault may set it. */
bool pred_rf_kept(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;

    (void)p;
    if (!bits_test(ev->before.flags, 16) || bits_test(ev->after.flags, 16))
        return true;
    return say_value(say, "flags", ev->before.flags, ev->after.flags);
}
