/* SPDX-License-Identifier: MIT */
/* What mutants of RDMSR and WRMSR share. */
#include "fuzz/target/mutant_in.h"

uint8_t mutant_msr_insn(const struct tsp_event *ev)
{
    const uint8_t *p = ev->fetched + ev->len - 2;

    if (!is_x86(ev) || ev->len < 2 || ev->len > TSP_INSN_BYTES || p[0] != 0x0f)
        return 0;
    return p[1] == 0x30 || p[1] == 0x32 ? p[1] : 0;
}

uint32_t mutant_msr_of(const struct tsp_event *ev)
{
    return (uint32_t)ev->before.r[TSP_RCX];
}

uint64_t mutant_msr_value(const struct tsp_event *ev)
{
    return ev->before.r[TSP_RDX] << 32 | (uint32_t)ev->before.r[TSP_RAX];
}

bool mutant_msr_reads(struct tsp_event *ev, uint64_t value)
{
    ev->info[0] = value;
    ev->after.r[TSP_RAX] = (uint32_t)value;
    ev->after.r[TSP_RDX] = value >> 32;
    return true;
}

bool mutant_msr_goes_on(struct mutant *m, struct tsp_event *ev)
{
    bool write = mutant_msr_insn(ev) == 0x30;

    mutant_undo(m, ev, TSP_EV_MSR, ev->len);
    ev->code = mutant_msr_of(ev);
    ev->info[1] = write;
    if (!write)
        return mutant_msr_reads(ev, 0);
    ev->info[0] = mutant_msr_value(ev);
    return true;
}
