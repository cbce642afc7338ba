/* SPDX-License-Identifier: MIT */
/* Disassembly for people, and the comparison of our reading with Capstone's. */
#include <stdio.h>
#include <string.h>

#include "decoder/private.h"

/* snprintf that reports what was written, not what would have been. */
static size_t put(char *out, size_t max, const char *a, const char *b, const char *c)
{
    int n;

    if (max == 0)
        return 0;
    n = snprintf(out, max, "%s%s%s", a, b, c);
    return n < 0 ? 0 : (size_t)n < max ? (size_t)n : max - 1;
}

static size_t put_lower(char *out, size_t max, const char *name)
{
    size_t n = put(out, max, name, "", "");

    for (size_t i = 0; i < n; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] - 'A' + 'a');
    return n;
}

static size_t put_capstone(struct decoder *d, char *out, size_t max)
{
    const char *mnemonic, *operands;

    capstone_text(d, &mnemonic, &operands);
    return put(out, max, mnemonic, operands[0] ? " " : "", operands);
}

/* Capstone's text counts only when it read as many bytes as we did. Shown as they stand first: "rep
 * stosb". */
static size_t text_x86(struct decoder *d, enum tsp_mode mode, uint64_t pc, const struct insn *in,
                       char *out, size_t max)
{
    struct capstone_says says = capstone_ask(d, mode, pc, in->bytes, in->len);
    uint8_t bytes[2 * TSP_INSN_BYTES];
    struct x86_bytes raw;
    struct x86_fields f;
    unsigned dropped, n;

    if (says.ok && says.size == in->len && (in->op == OP_NONE || x86_id_is(says.id, in->op)))
        return put_capstone(d, out, max);
    x86_fields(mode, in->bytes, in->len, &raw, &f);
    n = x86_canonical(&f, &raw, bytes, &dropped);
    says = capstone_ask(d, mode, pc + dropped, bytes, n);
    if (says.ok && says.size == n && (in->op == OP_NONE || x86_id_is(says.id, in->op)))
        return put_capstone(d, out, max);
    return put_lower(out, max, in->op == OP_NONE ? "(unsupported)" : insn_op_name(in->op));
}

size_t decode_text(struct decoder *d, enum tsp_mode mode, uint64_t pc, const uint8_t *p, size_t n,
                   char *out, size_t max)
{
    struct insn in;

    decode_one(d, mode, p, n, &in);
    if (in.status != INSN_OK && in.status != INSN_UNSUPPORTED)
        return put(out, max, "(bad)", "", "");
    if (!tsp_mode_is_arm(mode))
        return text_x86(d, mode, pc, &in, out, max);
    if (capstone_ask(d, mode, pc, in.bytes, in.len).ok)
        return put_capstone(d, out, max);
    if (in.op == OP_UDF && max > 0) {
        int len = snprintf(out, max, "udf #%u", (unsigned)in.imm);

        return len < 0 ? 0 : (size_t)len < max ? (size_t)len : max - 1;
    }
    return put_lower(out, max, in.op == OP_NONE ? "(unsupported)" : insn_op_name(in.op));
}

static const char *status_name(unsigned status)
{
    static const char *const name[] = {"ok", "truncated", "too long", "illegal", "unsupported"};

    return status < 5 ? name[status] : "?";
}

/* UNSUPPORTED is no claim about the instruction, but its length is. */
static bool same_x86(const struct insn *in, const struct capstone_says *cs)
{
    switch (in->status) {
    case INSN_OK:
        return cs->ok && cs->size == in->len && x86_id_is(cs->id, in->op);
    case INSN_UNSUPPORTED:
        return !cs->ok || cs->size == in->len;
    default:
        return !cs->ok;
    }
}

static int crosscheck_x86(struct decoder *d, enum tsp_mode mode, const uint8_t *p, size_t n,
                          char *why, size_t max)
{
    struct capstone_says cs;
    struct x86_bytes raw;
    struct x86_fields f;
    struct insn in;
    const char *reason;

    if (n > X86_INSN_MAX)
        n = X86_INSN_MAX;
    x86_fields(mode, p, n, &raw, &f);
    x86_lower(&f, &raw, &in);
    x86_fill(&f, &raw, &in);
    cs = capstone_ask(d, mode, 0, p, n);
    if (same_x86(&in, &cs))
        return 0;
    reason = x86_disagree_raw(&f, &in, &cs);
    if (reason) {
        put(why, max, reason, "", "");
        return 1;
    }
    if (max > 0)
        snprintf(why, max, "ours %s %s length %u, Capstone %s length %u", status_name(in.status),
                 insn_op_name(in.op), in.len, cs.ok ? "valid" : "invalid", cs.size);
    return 2;
}

/* The prescan's own words only: every other word is Capstone's and lower_arm64's. */
static int crosscheck_a64(struct decoder *d, const uint8_t *p, size_t n, char *why, size_t max)
{
    struct insn in;
    bool valid;

    if (!prescan_arm64(p, n, &in) || in.status == INSN_TRUNCATED)
        return 0;
    valid = capstone_ask(d, TSP_MODE_A64, 0, p, 4).ok;
    if (valid == (in.status == INSN_OK))
        return 0;
    if (in.op == OP_UDF || in.op == OP_MRS || in.op == OP_MSR || in.status != INSN_OK) {
        put(why, max, "a64: Capstone 4 lacks UDF and some system registers, and shows HLT and DCPS",
            "", "");
        return 1;
    }
    put(why, max, "a64: Capstone calls invalid what the prescan knows as ", insn_op_name(in.op),
        "");
    return 2;
}

/* What we execute Capstone has to know, with the same length; it is asked for no more. Hints, and
 * what is UNPREDICTABLE where we take the usual reading, depend on its version. */
static int crosscheck_aarch32(struct decoder *d, enum tsp_mode mode, const uint8_t *p, size_t n,
                              char *why, size_t max)
{
    struct capstone_says cs;
    struct insn in;

    decode_one(d, mode, p, n, &in);
    if (in.status != INSN_OK)
        return 0;
    cs = capstone_ask(d, mode, 0, p, in.len);
    if (cs.ok && cs.size == in.len)
        return 0;
    if (in.op == OP_UDF || in.op == OP_HVC || in.op == OP_R_NOP || in.op == OP_R_MSR ||
        in.op == OP_R_MRS || in.op == OP_R_CPS) {
        put(why, max, "aarch32: Capstone 4 lacks some hints, HVC, UDF and returns", "", "");
        return 1;
    }
    put(why, max, "aarch32: Capstone calls invalid what we read as ", insn_op_name(in.op), "");
    return 2;
}

int decode_crosscheck(struct decoder *d, enum tsp_mode mode, const uint8_t *p, size_t n, char *why,
                      size_t max)
{
    if (max > 0)
        why[0] = '\0';
    if (mode == TSP_MODE_A64)
        return crosscheck_a64(d, p, n, why, max);
    if (tsp_mode_is_aarch32(mode))
        return crosscheck_aarch32(d, mode, p, n, why, max);
    return crosscheck_x86(d, mode, p, n, why, max);
}
