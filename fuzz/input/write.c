/* SPDX-License-Identifier: MIT */
/* Scenario to binary form: only records that say something else than the default. */
#include "fuzz/input/record.h"

#include "trapspec/bits.h"

#include <string.h>

struct writer {
    uint8_t *out;
    size_t n, max;
    bool full;
};

static void put_record(struct writer *w, unsigned kind, const uint8_t *p, size_t len)
{
    if (w->full || len > 255 || w->max - w->n < len + 2) {
        w->full = true;
        return;
    }
    w->out[w->n] = (uint8_t)kind;
    w->out[w->n + 1] = (uint8_t)len;
    memcpy(w->out + w->n + 2, p, len);
    w->n += len + 2;
}

/* The mode of an Arm scenario has a record of its own. */
static void put_env(struct writer *w, const struct scenario *s, const struct scenario *d)
{
    const uint8_t mode = s->arch == TSP_ARCH_X86 ? s->mode : d->mode;
    const uint8_t a32 = s->mode == TSP_MODE_T32;
    const uint8_t psci = s->psci > d->psci ? d->psci : s->psci; /* put_wide has the newer ones */
    const uint8_t now[RECORD_ENV_LEN] = {
        mode,          s->level,      s->paging, s->host, s->patch,
        s->persona[0], s->persona[1], s->policy, psci,    s->nvcpu < 2 ? s->nvcpu : 2,
        s->pte[0],     s->pte[1]};
    const uint8_t def[RECORD_ENV_LEN] = {d->mode,  d->level,      d->paging,     d->host,
                                         d->patch, d->persona[0], d->persona[1], d->policy,
                                         d->psci,  d->nvcpu,      d->pte[0],     d->pte[1]};

    if (memcmp(now, def, sizeof(now)) != 0)
        put_record(w, RECORD_ENV, now, sizeof(now));
    if (tsp_mode_is_aarch32(s->mode))
        put_record(w, RECORD_AARCH32, &a32, sizeof(a32));
}

/* After the env record, whose number of vCPUs it raises. */
static void put_race(struct writer *w, const struct scenario *s)
{
    const uint8_t b[RECORD_RACE_LEN] = {s->protocol, (uint8_t)(s->nvcpu > 2 ? s->nvcpu - 2 : 0)};

    if (s->protocol != TSP_PROTOCOL_NONE)
        put_record(w, RECORD_RACE, b, sizeof(b));
}

static void put_config(struct writer *w, const struct scenario *s, const struct scenario *d)
{
    uint8_t b[RECORD_CONFIG_LEN];

    le_store(b, s->config & ~INPUT_LATER_BITS, 4);
    le_store(b + 4, s->cpu & ~INPUT_LATER_BITS, 4);
    if (((s->config ^ d->config) | (s->cpu ^ d->cpu)) & ~INPUT_LATER_BITS)
        put_record(w, RECORD_CONFIG, b, sizeof(b));
    le_store(b, s->config & INPUT_LATER_BITS, 4);
    le_store(b + 4, s->cpu & INPUT_LATER_BITS, 4);
    if ((s->config | s->cpu) & INPUT_LATER_BITS)
        put_record(w, RECORD_LATER, b, sizeof(b));
}

static void put_hv_base(struct writer *w, const struct scenario *s, const struct scenario *d)
{
    uint8_t b[RECORD_HV_BASE_LEN];

    if (s->hv_base[0] == d->hv_base[0] && s->hv_base[1] == d->hv_base[1])
        return;
    le_store(b, s->hv_base[0], 4);
    le_store(b + 4, s->hv_base[1], 4);
    put_record(w, RECORD_HV_BASE, b, sizeof(b));
}

static void put_firmware(struct writer *w, const struct scenario *s, const struct scenario *d)
{
    uint8_t b[RECORD_FIRMWARE_LEN];

    if (memcmp(s->fw_bitmap, d->fw_bitmap, sizeof(s->fw_bitmap)) == 0 &&
        memcmp(s->workaround, d->workaround, sizeof(s->workaround)) == 0)
        return;
    for (unsigned i = 0; i < 3; i++) {
        le_store(b + (size_t)4 * i, s->fw_bitmap[i], 4);
        le_store(b + 12 + (size_t)4 * i, s->workaround[i], 4);
    }
    put_record(w, RECORD_FIRMWARE, b, sizeof(b));
}

static void put_place(struct writer *w, const struct scenario *s)
{
    uint8_t b[RECORD_PLACE_LEN];

    if (s->code_at == input_code_default(s) && s->cs_base == 0)
        return;
    le_store(b, s->code_at, 8);
    le_store(b + 8, s->cs_base, 4);
    put_record(w, RECORD_PLACE, b, sizeof(b));
}

static void put_misc(struct writer *w, const struct scenario *s, const struct scenario *d)
{
    uint8_t b[RECORD_MISC_LEN];

    if (s->xcr0 == d->xcr0 && s->apic_id == d->apic_id && s->exit_ret == d->exit_ret &&
        s->pvtime_ipa == d->pvtime_ipa)
        return;
    le_store(b, s->xcr0, 4);
    le_store(b + 4, s->apic_id, 4);
    le_store(b + 8, s->exit_ret, 8);
    le_store(b + 16, s->pvtime_ipa, 8);
    put_record(w, RECORD_MISC, b, sizeof(b));
}

static void put_state(struct writer *w, const struct scenario *s)
{
    uint8_t b[RECORD_MSR_LEN];

    for (uint32_t i = 0; i < s->nmsr && i < TSP_MAX_MSR; i++) {
        le_store(b, s->msr[i].index, 4);
        le_store(b + 4, s->msr[i].value, 8);
        put_record(w, RECORD_MSR, b, RECORD_MSR_LEN);
    }
    for (unsigned i = 0; i < INPUT_REGS_MAX; i++) {
        if (!(s->regs_set >> i & 1))
            continue;
        b[0] = (uint8_t)i;
        le_store(b + 1, s->regs[i], 8);
        put_record(w, RECORD_REG, b, RECORD_REG_LEN);
    }
    if (s->flags != 0) {
        le_store(b, s->flags, 8);
        put_record(w, RECORD_FLAGS, b, RECORD_FLAGS_LEN);
    }
}

static void put_leaves(struct writer *w, const struct scenario *s)
{
    uint8_t b[RECORD_LEAF_LEN];

    for (uint32_t i = 0; i < s->nleaf && i < INPUT_LEAF_MAX; i++) {
        const struct tsp_leaf *leaf = &s->leaf[i];

        le_store(b, leaf->leaf, 4);
        le_store(b + 4, leaf->subleaf, 4);
        b[8] = (uint8_t)leaf->flags;
        for (unsigned r = 0; r < 4; r++)
            le_store(b + 9 + (size_t)4 * r, leaf->reg[r], 4);
        put_record(w, RECORD_LEAF, b, sizeof(b));
    }
}

static void put_bytes(struct writer *w, unsigned kind, const uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n; at += RECORD_CODE_PIECE)
        put_record(w, kind, p + at, n - at < RECORD_CODE_PIECE ? n - at : RECORD_CODE_PIECE);
}

static void put_moves(struct writer *w, const struct scenario *s)
{
    for (uint32_t i = 0; i < s->nmove && i < INPUT_MOVE_MAX; i++) {
        uint8_t b[RECORD_MOVE_LEN] = {s->move[i].after, s->move[i].host};

        put_record(w, RECORD_MOVE, b, sizeof(b));
    }
}

static bool has_xmm(const struct scenario *s)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < TSP_XMM_COUNT; i++)
        any |= s->xmm[i][0] | s->xmm[i][1];
    return any != 0;
}

unsigned input_version(const struct scenario *s)
{
    if (tsp_mode_is_aarch32(s->mode))
        return INPUT_VERSION_AARCH32;
    if ((s->config | s->cpu) & INPUT_LATER_BITS)
        return INPUT_VERSION_ASKS;
    if (s->psci > 0x11 || has_xmm(s))
        return INPUT_VERSION_WIDE;
    if (s->how != 0 || s->nsched > INPUT_SCHED_SHORT)
        return INPUT_VERSION_RACES;
    return s->nmove > 0 ? INPUT_VERSION_MOVES : INPUT_VERSION;
}

static void put_how(struct writer *w, const struct scenario *s)
{
    uint8_t b[RECORD_HOW_LEN];

    le_store(b, s->how, sizeof(b));
    if (s->how != 0)
        put_record(w, RECORD_HOW, b, sizeof(b));
}

static void put_wide(struct writer *w, const struct scenario *s)
{
    uint8_t b[RECORD_XMM_LEN];

    b[0] = (uint8_t)(s->psci - 0x12u);
    if (s->psci > 0x11)
        put_record(w, RECORD_PSCI, b, RECORD_PSCI_LEN);
    for (unsigned i = 0; i < TSP_XMM_COUNT; i++) {
        if ((s->xmm[i][0] | s->xmm[i][1]) == 0)
            continue;
        b[0] = (uint8_t)i;
        le_store(b + 1, s->xmm[i][0], 8);
        le_store(b + 9, s->xmm[i][1], 8);
        put_record(w, RECORD_XMM, b, sizeof(b));
    }
}

size_t input_write(const struct scenario *s, uint8_t *out, size_t max)
{
    struct writer w = {out, RECORD_HEADER, max, false};
    struct scenario def;
    const struct scenario *d = &def;

    if (max < RECORD_HEADER)
        return 0;
    input_default(&def, (enum tsp_arch)s->arch);
    out[0] = (uint8_t)input_version(s);
    out[1] = s->arch;
    put_env(&w, s, d);
    put_race(&w, s);
    put_how(&w, s);
    put_wide(&w, s);
    put_config(&w, s, d);
    put_hv_base(&w, s, d);
    put_firmware(&w, s, d);
    put_place(&w, s);
    put_misc(&w, s, d);
    put_state(&w, s);
    put_leaves(&w, s);
    for (unsigned i = 0; i < 2; i++)
        if (s->ncode[i] != d->ncode[i] || memcmp(s->code[i], d->code[i], s->ncode[i]) != 0)
            put_bytes(&w, RECORD_CODE0 + i, s->code[i], s->ncode[i]);
    put_bytes(&w, RECORD_SCHED, s->sched, s->nsched);
    put_moves(&w, s);
    return w.full ? 0 : w.n;
}
