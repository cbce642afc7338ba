/* SPDX-License-Identifier: MIT */
/*
 * The SMC Calling Convention (Arm DEN0028) as personas and the AArch64 dispatcher share it.
 * Function id:
 *
 *   31    30   29      24 23      16 15     0
 *   fast  64   owner      reserved   number
 */
#ifndef TSP_EMU_HV_SMCCC_H
#define TSP_EMU_HV_SMCCC_H

#include "emu/hv/hv.h"
#include "trapspec/bits.h"

#define SMCCC_64 (1u << 30)
#define SMCCC_SUCCESS UINT64_C(0)
#define SMCCC_NOT_SUPPORTED (~UINT64_C(0))
#define SMCCC_NOT_REQUIRED (~UINT64_C(1))

/* hv_call.nret: this many results and no more, also under profiles that write all four. */
#define SMCCC_EXACT 0x80u

/* A 32-bit argument: the upper half of the register is ignored (DEN0028 section 3.1). arg[0] is X1.
 */
static inline uint32_t smccc_w(const struct hv_call *call, unsigned i)
{
    return (uint32_t)call->arg[i];
}

static inline enum step smccc_return(struct hv_call *call, uint64_t v)
{
    call->ret[0] = v;
    call->ret[1] = call->ret[2] = call->ret[3] = 0;
    call->nret = 1;
    return STEP_NEXT;
}

static inline enum step smccc_return4(struct hv_call *call, uint64_t v0, uint64_t v1, uint64_t v2,
                                      uint64_t v3)
{
    call->ret[0] = v0;
    call->ret[1] = v1;
    call->ret[2] = v2;
    call->ret[3] = v3;
    call->nret = 4;
    return STEP_NEXT;
}

/* The row of a table that ends with a NULL name, or NULL. */
static inline const struct hv_call_row *smccc_row(const struct hv_call_row *rows, uint64_t nr)
{
    for (; rows && rows->name; rows++)
        if (rows->nr == nr)
            return rows;
    return NULL;
}

#endif
