/* SPDX-License-Identifier: MIT */
/* Names of operations for people and reports. */
#include "decoder/decoder.h"

/* ORDER: enum insn_op */
static const char *const name[OP_COUNT] = {
    "(none)", "CPUID",  "VMCALL", "VMMCALL", "INT", "INT3", "INTO", "INT1",  "IN",
    "OUT",    "INS",    "OUTS",   "UD0",     "UD1", "UD2",  "HLT",  "RDMSR", "WRMSR",
    "RDTSC",  "RDTSCP", "HVC",    "SMC",     "SVC", "BRK",  "UDF",  "MRS",   "MSR",
#define X(op) #op,
#include "decoder/insn_x86.def"
#include "decoder/insn_arm64.def"
#include "decoder/insn_arm32.def"
#undef X
};
_Static_assert(OP_TRAP_LAST == 26, "ORDER: enum insn_op");

const char *insn_op_name(unsigned op)
{
    return op < OP_COUNT ? name[op] : name[0];
}
