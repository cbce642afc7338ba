/* SPDX-License-Identifier: MIT */
/* Binary form to scenario. Total: there is no byte string that it refuses. */
#include "fuzz/input/record.h"

#include "trapspec/bits.h"

#include <string.h>

/* Longest payload any field is taken from; a shorter record reads as if zeroes followed. */
#define PAYLOAD_MAX 32u

static void take_env(struct scenario *s, const uint8_t *p)
{
    if (s->arch == TSP_ARCH_X86) /* AArch32 has a record of its own */
        s->mode = p[0];
    s->level = p[1];
    s->paging = p[2];
    s->host = p[3];
    s->patch = p[4];
    s->persona[0] = p[5];
    s->persona[1] = p[6];
    s->policy = p[7];
    /* Versions above 1.1 have a record of their own: here they are what they always were. */
    s->psci = p[8] == 0x12 || p[8] == 0x13 ? (uint8_t)(p[8] - 2) : p[8];
    s->nvcpu = p[9] & 2 ? 2 : 1;
    s->pte[0] = p[10];
    s->pte[1] = p[11];
}

static void take_firmware(struct scenario *s, const uint8_t *p)
{
    for (unsigned i = 0; i < 3; i++) {
        s->fw_bitmap[i] = (uint32_t)le_load(p + (size_t)4 * i, 4);
        s->workaround[i] = (uint32_t)le_load(p + 12 + (size_t)4 * i, 4);
    }
}

static void take_misc(struct scenario *s, const uint8_t *p)
{
    s->xcr0 = (uint32_t)le_load(p, 4);
    s->apic_id = (uint32_t)le_load(p + 4, 4);
    s->exit_ret = le_load(p + 8, 8);
    s->pvtime_ipa = le_load(p + 16, 8);
}

static void take_msr(struct scenario *s, const uint8_t *p)
{
    if (s->nmsr >= TSP_MAX_MSR)
        return;
    s->msr[s->nmsr].index = (uint32_t)le_load(p, 4);
    s->msr[s->nmsr].value = le_load(p + 4, 8);
    s->nmsr++;
}

static void take_reg(struct scenario *s, const uint8_t *p)
{
    unsigned i = p[0] % INPUT_REGS_MAX;

    s->regs_set |= 1u << i;
    s->regs[i] = le_load(p + 1, 8);
}

static void take_xmm(struct scenario *s, const uint8_t *p)
{
    uint64_t *half = s->xmm[p[0] % TSP_XMM_COUNT];

    half[0] = le_load(p + 1, 8);
    half[1] = le_load(p + 9, 8);
}

static void take_leaf(struct scenario *s, const uint8_t *p)
{
    struct tsp_leaf *leaf;

    if (s->nleaf >= INPUT_LEAF_MAX)
        return;
    leaf = &s->leaf[s->nleaf++];
    leaf->leaf = (uint32_t)le_load(p, 4);
    leaf->subleaf = (uint32_t)le_load(p + 4, 4);
    leaf->flags = p[8];
    for (unsigned i = 0; i < 4; i++)
        leaf->reg[i] = (uint32_t)le_load(p + 9 + (size_t)4 * i, 4);
}

/* Protocol, and how many vCPUs there are beyond two. */
static void take_race(struct scenario *s, const uint8_t *p)
{
    s->protocol = p[0];
    s->nvcpu = p[1] == 0 ? s->nvcpu : (uint8_t)(2 + p[1] % (TSP_MAX_VCPU - 1));
}

static void take_move(struct scenario *s, const uint8_t *p)
{
    if (s->nmove < INPUT_MOVE_MAX)
        s->move[s->nmove++] = (struct input_move){.after = p[0], .host = p[1]};
}

/* The bits of config and cpu that this kind of record speaks of. */
static void take_config(struct scenario *s, const uint8_t *p, uint32_t mask)
{
    s->config = (s->config & ~mask) | ((uint32_t)le_load(p, 4) & mask);
    s->cpu = (s->cpu & ~mask) | ((uint32_t)le_load(p + 4, 4) & mask);
}

static uint32_t append(uint8_t *to, uint32_t n, uint32_t max, const uint8_t *p, size_t len)
{
    if (len > max - n)
        len = max - n;
    memcpy(to + n, p, len);
    return n + (uint32_t)len;
}

/* Payloads of variable length. */
static void take_bytes(struct scenario *s, unsigned kind, const uint8_t *p, size_t len)
{
    if (kind == RECORD_SCHED) {
        s->nsched = append(s->sched, s->nsched, INPUT_SCHED_MAX, p, len);
    } else {
        unsigned vcpu = kind == RECORD_CODE1;

        s->ncode[vcpu] = append(s->code[vcpu], s->ncode[vcpu], INPUT_CODE_MAX, p, len);
    }
}

static void take_place(struct scenario *s, const uint8_t *p)
{
    s->code_at = le_load(p, 8);
    s->cs_base = (uint32_t)le_load(p + 8, 4);
}

static void take_fixed(struct scenario *s, unsigned kind, const uint8_t *p)
{
    switch (kind) {
    case RECORD_ENV:
        take_env(s, p);
        break;
    case RECORD_CONFIG:
        take_config(s, p, ~INPUT_LATER_BITS);
        break;
    case RECORD_HV_BASE:
        s->hv_base[0] = (uint32_t)le_load(p, 4);
        s->hv_base[1] = (uint32_t)le_load(p + 4, 4);
        break;
    case RECORD_FIRMWARE:
        take_firmware(s, p);
        break;
    case RECORD_PLACE:
        take_place(s, p);
        break;
    case RECORD_MISC:
        take_misc(s, p);
        break;
    case RECORD_MSR:
        take_msr(s, p);
        break;
    case RECORD_REG:
        take_reg(s, p);
        break;
    case RECORD_FLAGS:
        s->flags = le_load(p, 8);
        break;
    case RECORD_LEAF:
        take_leaf(s, p);
        break;
    case RECORD_RACE:
        take_race(s, p);
        break;
    case RECORD_MOVE:
        take_move(s, p);
        break;
    case RECORD_HOW:
        s->how = (uint32_t)le_load(p, RECORD_HOW_LEN);
        break;
    case RECORD_PSCI:
        s->psci = 0x12 + p[0] % 2;
        break;
    case RECORD_XMM:
        take_xmm(s, p);
        break;
    case RECORD_AARCH32:
        if (s->arch == TSP_ARCH_ARM64)
            s->mode = p[0] & 1 ? TSP_MODE_T32 : TSP_MODE_A32;
        break;
    case RECORD_LATER:
        take_config(s, p, INPUT_LATER_BITS);
        break;
    default:
        break; /* of a later version */
    }
}

static void take_record(struct scenario *s, unsigned kind, const uint8_t *p, size_t len)
{
    uint8_t padded[PAYLOAD_MAX] = {0};

    if (kind == RECORD_CODE0 || kind == RECORD_CODE1 || kind == RECORD_SCHED) {
        take_bytes(s, kind, p, len);
        return;
    }
    memcpy(padded, p, len < PAYLOAD_MAX ? len : PAYLOAD_MAX);
    take_fixed(s, kind, padded);
}

/* Versions whose schedules have up to INPUT_SCHED_MAX bytes. */
static bool is_long(unsigned version)
{
    return version >= INPUT_VERSION_RACES && version <= INPUT_VERSION_AARCH32;
}

static bool knows(unsigned version, unsigned kind)
{
    if (version > INPUT_VERSION_AARCH32)
        version = INPUT_VERSION;
    if (kind == RECORD_MOVE)
        return version >= INPUT_VERSION_MOVES;
    if (kind == RECORD_HOW)
        return version >= INPUT_VERSION_RACES;
    if (kind == RECORD_PSCI || kind == RECORD_XMM)
        return version >= INPUT_VERSION_WIDE;
    if (kind == RECORD_AARCH32)
        return version >= INPUT_VERSION_AARCH32;
    return kind != RECORD_LATER || version >= INPUT_VERSION_ASKS;
}

void input_parse(const uint8_t *p, size_t n, struct scenario *out)
{
    size_t at = RECORD_HEADER;

    /* The version byte selects how the rest is read. Versions 2 to 6 have kinds of records more,
     * which older files may hold by chance; every other value means version 1. */
    input_default(out, n > 1 ? (enum tsp_arch)(p[1] % TSP_ARCH_COUNT) : TSP_ARCH_X86);
    out->ncode[0] = 0;
    memset(out->code[0], 0, sizeof(out->code[0]));
    out->code_at = 0; /* not given: folded to the mode's default */
    while (at < n && n - at >= 2) {
        unsigned kind = p[at];
        size_t len = p[at + 1];

        at += 2;
        if (len > n - at)
            len = n - at;
        if (knows(p[0], kind))
            take_record(out, kind, p + at, len);
        if (!is_long(p[0]) && out->nsched > INPUT_SCHED_SHORT)
            out->nsched = INPUT_SCHED_SHORT;
        at += len;
    }
    memset(out->sched + out->nsched, 0, sizeof(out->sched) - out->nsched);
    input_fold(out);
}
