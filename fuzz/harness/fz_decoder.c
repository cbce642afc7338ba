/* SPDX-License-Identifier: MIT */
/*
 * The decoder: first byte the mode, the rest code. Prescan and Capstone must agree outside the
 * reviewed list, and an instruction must be the same however many bytes follow it.
 */
#include "fuzz/harness/harness.h"

#include "decoder/decoder.h"

#include <stdio.h>
#include <string.h>

#define INSNS_MAX 32u
#define AARCH32_FROM 0xfeu /* first bytes that stand for A32 and T32 */

static struct decoder *decoder;

static bool same_insn(const struct insn *a, const struct insn *b)
{
    return a->op == b->op && a->status == b->status && a->len == b->len && a->osize == b->osize &&
           a->asize == b->asize && a->prefix == b->prefix && a->cond == b->cond &&
           a->nopnd == b->nopnd && a->seg == b->seg && a->base == b->base && a->index == b->index &&
           a->scale == b->scale && a->disp == b->disp && a->imm == b->imm && a->word == b->word &&
           memcmp(a->opnd, b->opnd, sizeof(a->opnd)) == 0;
}

static _Noreturn void fail(const char *why, const uint8_t *p, size_t n)
{
    char text[96];
    int at = 0;

    for (size_t i = 0; i < n && i < 16; i++)
        at += snprintf(text + at, sizeof(text) - (size_t)at, "%02x", p[i]);
    harness_fail(why, text);
}

/* What was decoded from n bytes must be decoded from exactly its own bytes, and from no fewer. */
static void check_prefix_free(enum tsp_mode mode, const uint8_t *p, size_t n, const struct insn *in)
{
    struct insn other;

    if (in->status != INSN_OK && in->status != INSN_UNSUPPORTED)
        return;
    if (in->len == 0 || in->len > 15 || in->len > n)
        fail("decoder length", p, n);
    if (decode_one(decoder, mode, p, in->len, &other) != in->status || !same_insn(in, &other))
        fail("decoder reads past the instruction", p, n);
    for (size_t k = 0; k < in->len; k++)
        if (decode_one(decoder, mode, p, k, &other) != INSN_TRUNCATED)
            fail("decoder takes a part for the whole", p, k);
}

static size_t check_one(enum tsp_mode mode, const uint8_t *p, size_t n)
{
    char why[160] = "";
    struct insn in, again;

    decode_one(decoder, mode, p, n, &in);
    decode_one(decoder, mode, p, n, &again);
    if (!same_insn(&in, &again))
        fail("decoder repeats differently", p, n);
    if (in.status > INSN_UNSUPPORTED || in.op >= OP_COUNT)
        fail("decoder status", p, n);
    if (decode_crosscheck(decoder, mode, p, n, why, sizeof(why)) == 2)
        harness_fail("decoder crosscheck", why);
    check_prefix_free(mode, p, n, &in);
    return in.status == INSN_OK && in.len > 0 ? in.len : 1;
}

static void check_text(enum tsp_mode mode, const uint8_t *p, size_t n)
{
    char text[64];
    size_t len = decode_text(decoder, mode, 0x1000, p, n, text, sizeof(text));

    if (len >= sizeof(text) || memchr(text, 0, sizeof(text)) == NULL)
        fail("decoder text", p, n);
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum tsp_mode mode;
    size_t at = 0;

    if (decoder == NULL)
        decoder = decoder_open();
    if (decoder == NULL || size == 0)
        return 0;
    mode = (enum tsp_mode)(data[0] % (TSP_MODE_A64 + 1));
    if (data[0] >= AARCH32_FROM) /* came later: other numbers mean what they always did */
        mode = data[0] & 1 ? TSP_MODE_T32 : TSP_MODE_A32;
    if (input_is_text(data, size)) {
        if (!harness_read(data, size, &harness.scenario))
            return 0;
        mode = (enum tsp_mode)harness.scenario.mode;
        data = harness.scenario.code[0];
        size = harness.scenario.ncode[0];
    } else {
        data++;
        size--;
    }
    for (unsigned i = 0; i < INSNS_MAX && at < size; i++) {
        check_text(mode, data + at, size - at);
        at += check_one(mode, data + at, size - at);
    }
    return 0;
}
