/* SPDX-License-Identifier: MIT */
/*
 * The trap encodings of x86, without Capstone: it loses F2 and F3 before CPUID, calls a
 * LOCK-prefixed VMCALL and a truncated one both "no instruction", and gives UD0 and UD1 a length
 * without their ModRM.
 */
#include "decoder/private.h"

static bool is_trap(const struct x86_fields *f)
{
    return f->status == INSN_OK && f->row.op > OP_NONE && f->row.op <= OP_TRAP_LAST;
}

bool prescan_x86(enum tsp_mode mode, const uint8_t *p, size_t n, struct insn *out)
{
    struct x86_bytes raw;
    struct x86_fields f;

    x86_fields(mode, p, n, &raw, &f);
    x86_lower(&f, &raw, out);
    x86_fill(&f, &raw, out);
    if (f.status == INSN_TRUNCATED || f.status == INSN_TOO_LONG)
        return true;
    /* LOCK turned a trap into an undefined opcode: still the prescan's business */
    if (f.status == INSN_ILLEGAL)
        return f.row.op > OP_NONE && f.row.op <= OP_TRAP_LAST && (f.row.flags & X86_ROW_GROUP) == 0;
    return is_trap(&f);
}
