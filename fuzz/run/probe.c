/* SPDX-License-Identifier: MIT */
/* Scenarios made from the rules and from the edges of what they speak about. The same list every
 * time. */
#include "fuzz/run/probe.h"

#include <string.h>

#define X86_END_PORT 0xf4u

const struct probe_mode probe_modes[] = {
    {TSP_MODE_LONG64, 0, 0},   {TSP_MODE_LONG64, 0, 3},   {TSP_MODE_COMPAT32, 0, 0},
    {TSP_MODE_COMPAT32, 0, 3}, {TSP_MODE_COMPAT16, 0, 0}, {TSP_MODE_COMPAT16, 0, 3},
    {TSP_MODE_PROT32, 0, 0},   {TSP_MODE_PROT32, 0, 3},   {TSP_MODE_PROT32, 1, 0},
    {TSP_MODE_PROT32, 1, 3},   {TSP_MODE_PROT16, 0, 0},   {TSP_MODE_PROT16, 0, 3},
    {TSP_MODE_REAL16, 0, 0},   {TSP_MODE_VM86, 0, 3},
};
const unsigned probe_nmodes = PROBE_COUNT(probe_modes);

void probe_default(struct probe *p, enum tsp_arch arch)
{
    input_default(&p->s, arch);
}

void probe_mode(struct probe *p, const struct probe_mode *m)
{
    bool narrow = m->mode == TSP_MODE_REAL16 || m->mode == TSP_MODE_VM86 ||
                  m->mode == TSP_MODE_PROT16 || m->mode == TSP_MODE_COMPAT16;

    p->s.mode = m->mode;
    p->s.paging = m->paging;
    p->s.level = m->level;
    p->s.code_at = narrow ? 0xe800 : 0x10000;
}

void probe_code(struct probe *p, const uint8_t *code, size_t n)
{
    struct scenario *s = &p->s;

    memset(s->code[0], 0, sizeof(s->code[0]));
    memcpy(s->code[0], code, n);
    if (s->arch == TSP_ARCH_X86) {
        if (s->level == 0) {
            s->code[0][n++] = 0xf4; /* HLT */
        } else {
            s->code[0][n++] = 0xe6; /* OUT imm8, AL */
            s->code[0][n++] = X86_END_PORT;
        }
        s->code[0][n++] = 0xf4;
    }
    s->ncode[0] = (uint32_t)n;
}

void probe_reg(struct probe *p, unsigned reg, uint64_t value)
{
    p->s.regs_set |= 1u << reg;
    p->s.regs[reg] = value;
}

void probe_emit(struct probe *p)
{
    if (!p->stop)
        p->stop = !p->each(p->ctx, &p->s);
}

void probe_each(const struct spec *spec, enum tsp_arch arch,
                bool (*each)(void *ctx, const struct scenario *s), void *ctx)
{
    struct probe p = {.spec = spec, .each = each, .ctx = ctx};

    if (arch == TSP_ARCH_ARM64) {
        probe_arm64(&p);
        probe_arm32(&p);
        probe_edges_arm64(&p);
        probe_xen_arm64(&p);
        probe_flow_arm64(&p);
        probe_move(&p, arch);
        return;
    }
    probe_cpuid(&p);
    probe_rows(&p);
    probe_calls(&p);
    probe_state(&p);
    probe_pairs(&p);
    probe_changes(&p);
    probe_kvm_msr(&p);
    probe_msr(&p);
    probe_ask(&p);
    probe_hyperv(&p);
    probe_hyperv_own(&p);
    probe_xen(&p);
    probe_vmware(&p);
    probe_history(&p);
    probe_patch(&p);
    probe_edges(&p);
    probe_flow(&p);
    probe_move(&p, arch);
}
