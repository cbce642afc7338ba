/* SPDX-License-Identifier: MIT */
/* One recorded run as a scenario. */
#include "cli/formats/golden_fields.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint8_t mode, paging;
} mode_row[] = {
    {"long64", TSP_MODE_LONG64, 1},     {"compat32", TSP_MODE_COMPAT32, 1},
    {"compat16", TSP_MODE_COMPAT16, 1}, {"prot32", TSP_MODE_PROT32, 0},
    {"prot32pg", TSP_MODE_PROT32, 1},   {"prot16", TSP_MODE_PROT16, 0},
    {"real16", TSP_MODE_REAL16, 0},     {"vm86", TSP_MODE_VM86, 0},
    {"aarch64", TSP_MODE_A64, 0},
};

static const char *const x86_reg[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static int reg_index(enum tsp_arch arch, const char *key)
{
    if (arch == TSP_ARCH_ARM64) {
        char *end;
        long i = key[0] == 'x' ? strtol(key + 1, &end, 10) : -1;

        return i >= 0 && i <= 30 && *end == 0 && key[1] != 0 ? (int)i : -1;
    }
    for (int i = 0; i < 16; i++)
        if (strcmp(key, x86_reg[i]) == 0)
            return i;
    return -1;
}

static bool start_registers(struct golden_reader *rd, const json_t *in, struct scenario *s)
{
    const char *key;
    const json_t *v;
    uint64_t x;
    int i;
    void *it;

    for (it = json_object_iter((json_t *)in); it != NULL;
         it = json_object_iter_next((json_t *)in, it)) {
        key = json_object_iter_key(it);
        v = json_object_iter_value(it);
        if (!golden_number(rd, v, key, &x))
            return false;
        i = reg_index(s->arch, key);
        if (i >= 0) {
            s->regs[i] = x;
            s->regs_set |= 1u << i;
        } else if (strcmp(key, "rflags") == 0) {
            s->flags = x;
        } else if (strcmp(key, "rip") != 0 && strcmp(key, "pc") != 0) {
            golden_fail(rd, "\"in\" has an unknown register \"%.16s\"", key);
            return false;
        }
    }
    return true;
}

static bool is_kind(const json_t *v, json_type type)
{
    return v == NULL ? false : json_typeof(v) == type;
}

/* "in" and "out" are objects, "flags" an array, "exc", "mmio" and "hypercall" objects or null. */
static bool kinds_ok(struct golden_reader *rd, const json_t *o)
{
    static const char *const need[] = {"in", "out"}, *const may[] = {"exc", "mmio", "hypercall"};

    for (size_t i = 0; i < 2; i++) {
        if (!is_kind(json_object_get(o, need[i]), JSON_OBJECT)) {
            golden_fail(rd, "\"%s\" is missing or not an object", need[i]);
            return false;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        const json_t *v = json_object_get(o, may[i]);

        if (v != NULL && !json_is_null(v) && !json_is_object(v)) {
            golden_fail(rd, "\"%s\" is neither an object nor null", may[i]);
            return false;
        }
    }
    return true;
}

static bool choose_mode(struct golden_reader *rd, const json_t *o, struct scenario *s, bool *known)
{
    const char *name;
    uint64_t level;

    *known = false;
    if (!golden_string(rd, o, "mode", &name))
        return false;
    for (size_t i = 0; i < sizeof(mode_row) / sizeof(mode_row[0]); i++) {
        if (strcmp(name, mode_row[i].name) != 0)
            continue;
        *known = true;
        input_default(s, mode_row[i].mode == TSP_MODE_A64 ? TSP_ARCH_ARM64 : TSP_ARCH_X86);
        s->mode = mode_row[i].mode;
        s->paging = mode_row[i].paging;
    }
    if (!*known)
        return true;
    if (!golden_field(rd, o, s->arch == TSP_ARCH_ARM64 ? "el" : "cpl", &level))
        return false;
    if (level > 3) {
        golden_fail(rd, "privilege level %u", (unsigned)level);
        return false;
    }
    s->level = (uint8_t)level;
    return true;
}

static bool choose_table(struct golden_reader *rd, const json_t *o, struct scenario *s)
{
    const char *tab = json_string_value(json_object_get(o, "tab"));

    s->policy = INPUT_POLICY_NONE;
    s->nleaf = 0;
    if (tab == NULL)
        return true;
    for (unsigned i = rd->ntable; i-- > 0;) {
        if (strcmp(rd->table[i].name, tab) != 0)
            continue;
        s->nleaf = rd->table[i].n;
        memcpy(s->leaf, rd->table[i].leaf, s->nleaf * sizeof(s->leaf[0]));
        return true;
    }
    golden_fail(rd, "table \"%.32s\" was not given before", tab);
    return false;
}

/* KVM's block is where its signature "KVMKVMKVM" stands: another interface's block may come first.
 */
static void place_block(struct scenario *s)
{
    for (unsigned i = 0; i < s->nleaf; i++) {
        const struct tsp_leaf *l = &s->leaf[i];

        if ((l->leaf & 0xffff00ffu) != 0x40000000 || l->reg[1] != 0x4b4d564b ||
            l->reg[2] != 0x564b4d56 || l->reg[3] != 0x4d)
            continue;
        if (l->leaf != s->hv_base[0])
            s->hv_base[1] = s->hv_base[0];
        s->hv_base[0] = l->leaf;
        return;
    }
}

/* The scenario but for "flags" and what was seen. */
static bool base_scenario(struct golden_reader *rd, const json_t *o, struct scenario *s)
{
    const json_t *in = json_object_get(o, "in");

    s->host = (uint8_t)rd->host;
    s->persona[0] = TSP_PERSONA_KVM;
    s->persona[1] = TSP_PERSONA_NONE;
    if (s->arch == TSP_ARCH_X86)
        place_block(s);
    s->flags = 0;
    s->regs_set = 0;
    if (!golden_bytes(rd, o, "code", s->code[0], INPUT_CODE_MAX - 4, &s->ncode[0]))
        return false;
    if (s->arch == TSP_ARCH_ARM64)
        return golden_field(rd, in, "pc", &s->code_at) && start_registers(rd, in, s);
    if (json_object_get(o, "leaf") != NULL) {
        s->code_at = input_code_default(s);
        return true;
    }
    if (!golden_field(rd, o, "code_lin", &s->code_at))
        return false;
    return start_registers(rd, in, s);
}

/* An unknown flag may or may not matter: the record is tried as it is, and `why` says what to think
 * of a difference. */
static bool apply_flags(struct golden_reader *rd, const json_t *o, struct golden_record *r)
{
    const json_t *flags = json_object_get(o, "flags");

    if (flags != NULL && !json_is_array(flags)) {
        golden_fail(rd, "\"flags\" is not an array");
        return false;
    }
    for (size_t i = 0; i < json_array_size(flags); i++) {
        const char *text = json_string_value(json_array_get(flags, i));
        int known = -1;

        if (text != NULL)
            known = golden_flag(rd, text, r->s);
        else
            golden_fail(rd, "\"flags\": entry %zu is not a string", i);
        if (known < 0)
            return false;
        if (known == 0)
            snprintf(r->why, sizeof(r->why), "flag \"%.50s\" is not modelled", text);
    }
    return true;
}

static bool read_subs(struct golden_reader *rd, const json_t *o, struct golden_record *r)
{
    json_t *sub = json_object_get(o, "sub");
    struct scenario *s = r->s;
    uint64_t leaf;
    void *it;

    if (!golden_field(rd, o, "leaf", &leaf))
        return false;
    if (!json_is_object(sub) || json_object_size(sub) > GOLDEN_SUB_MAX) {
        golden_fail(rd, "\"sub\" is not an object of at most %u entries", GOLDEN_SUB_MAX);
        return false;
    }
    r->sub = calloc(GOLDEN_SUB_MAX, sizeof(*r->sub));
    if (r->sub == NULL) {
        golden_fail(rd, "out of memory");
        return false;
    }
    for (it = json_object_iter(sub); it != NULL; it = json_object_iter_next(sub, it)) {
        struct golden_sub *g = &r->sub[r->nsub++];
        const json_t *regs = json_object_iter_value(it);

        g->ecx = (uint32_t)strtoul(json_object_iter_key(it), NULL, 0);
        for (size_t k = 0; k < 4; k++)
            if (!golden_number(rd, json_array_get(regs, k), "sub", &g->reg[k]))
                return false;
    }
    /* The recorder set RBX and RDX to garbage to see whether they are written. */
    s->regs[TSP_RAX] = leaf;
    s->regs[TSP_RBX] = 0xbbbbbbbbbbbbbbbb;
    s->regs[TSP_RDX] = 0xdddddddddddddddd;
    s->regs_set = 1u << TSP_RAX | 1u << TSP_RBX | 1u << TSP_RCX | 1u << TSP_RDX;
    /* The end mark: HLT, or OUT to the end port where HLT is not allowed. */
    s->flags = s->level == 0 ? 2 : 0x3002;
    if (s->level != 0) {
        s->code[0][s->ncode[0]++] = 0xe6;
        s->code[0][s->ncode[0]++] = INPUT_END_PORT;
    } else {
        s->code[0][s->ncode[0]++] = 0xf4;
    }
    r->kind = GOLDEN_CPUID;
    return true;
}

enum tsp_status golden_run(struct golden_reader *rd, const json_t *o, struct golden_record *r)
{
    bool known;

    if (!choose_mode(rd, o, r->s, &known))
        return TSP_EPARSE;
    r->kind = GOLDEN_OTHER;
    if (!known) {
        snprintf(r->why, sizeof(r->why), "mode is not modelled");
        return TSP_OK;
    }
    if (json_object_get(o, "code") == NULL) {
        snprintf(r->why, sizeof(r->why), "several vCPUs on shared code: counters, not one outcome");
        return TSP_OK;
    }
    if (!choose_table(rd, o, r->s) || !base_scenario(rd, o, r->s))
        return TSP_EPARSE;
    r->kind = GOLDEN_RUN;
    if (json_object_get(o, "leaf") != NULL) {
        if (!read_subs(rd, o, r))
            return TSP_EPARSE;
    } else if (!kinds_ok(rd, o) || !golden_outcome(rd, o, r)) {
        return TSP_EPARSE;
    }
    if (r->out.exit == OUTCOME_UNSUPPORTED) {
        r->kind = GOLDEN_OTHER;
        snprintf(r->why, sizeof(r->why), "an end that is not modelled");
        return TSP_OK;
    }
    if (!apply_flags(rd, o, r))
        return TSP_EPARSE;
    return TSP_OK;
}

/* Registers of "out": absent means unchanged; "varies" is not compared. */
static bool end_registers(struct golden_reader *rd, const json_t *o, struct golden_record *r)
{
    json_t *out = json_object_get(o, "out");
    struct outcome *oc = &r->out;
    uint64_t x;
    void *it;

    memcpy(oc->out.r, r->s->regs, sizeof(oc->out.r));
    oc->out.flags = r->s->flags;
    for (it = json_object_iter(out); it != NULL; it = json_object_iter_next(out, it)) {
        const char *key = json_object_iter_key(it);
        const char *text = json_string_value(json_object_iter_value(it));
        int i = reg_index(r->s->arch, key);

        if (text != NULL && strcmp(text, "varies") == 0) {
            if (i >= 0)
                oc->vary |= 1u << i;
            continue;
        }
        if (!golden_number(rd, json_object_iter_value(it), key, &x))
            return false;
        if (i >= 0)
            oc->out.r[i] = x;
        else if (strcmp(key, "rip") == 0 || strcmp(key, "pc") == 0)
            oc->out.pc = x;
        else if (strcmp(key, "rflags") == 0 || strcmp(key, "pstate") == 0)
            oc->out.flags = x;
    }
    return true;
}

static bool exit_kind(struct golden_reader *rd, const json_t *o, struct outcome *oc)
{
    static const struct {
        const char *name;
        uint8_t exit;
    } row[] = {
        {"hlt", OUTCOME_HALT},
        {"io-out-0xf4", OUTCOME_IO},
        {"end", OUTCOME_END},
        {"exception", OUTCOME_EXCEPTION},
        {"mmio-write", OUTCOME_MMIO},
        {"hypercall", OUTCOME_HYPERCALL},
        {"timeout", OUTCOME_TIMEOUT},
        {"shutdown", OUTCOME_SHUTDOWN},
        {"system_event-", OUTCOME_SYSTEM},
        {"internal_error-", OUTCOME_INTERNAL},
        {"io-", OUTCOME_IO}, /* a port that is not the end mark's */
        {"mmio-", OUTCOME_MMIO},
        {"intr", OUTCOME_TIMEOUT},
        {"debug", OUTCOME_UNSUPPORTED},
        {"fail_entry", OUTCOME_UNSUPPORTED},
        {"fail_entry-", OUTCOME_UNSUPPORTED},
        {"exit-", OUTCOME_UNSUPPORTED}, /* any other exit, by its number */
    };
    const char *name;

    if (!golden_string(rd, o, "exit", &name))
        return false;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t n = strlen(row[i].name);

        if (row[i].name[n - 1] == '-' && strncmp(name, row[i].name, n) == 0) {
            oc->exit = row[i].exit;
            oc->code = (uint32_t)strtoul(name + n, NULL, 0);
            return true;
        }
        if (strcmp(name, row[i].name) == 0) {
            oc->exit = row[i].exit;
            return true;
        }
    }
    golden_fail(rd, "\"exit\": unknown value \"%.24s\"", name);
    return false;
}

static bool arm_exception(struct golden_reader *rd, const json_t *e, struct outcome *oc)
{
    static const struct {
        const char *name;
        uint32_t offset;
    } row[] = {{"sync-cur-sp0", 0x000},
               {"sync-cur-spx", 0x200},
               {"sync-lower64", 0x400},
               {"sync-lower32", 0x600}};
    const char *name;

    if (!golden_string(rd, e, "vector", &name))
        return false;
    if (strncmp(name, "vector-", 7) == 0)
        oc->exc_vector = (uint32_t)strtoul(name + 7, NULL, 0);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (strcmp(name, row[i].name) == 0)
            oc->exc_vector = row[i].offset;
    oc->exc_has_error = true;
    return golden_field(rd, e, "esr_el1", &oc->exc_error) &&
           golden_field(rd, e, "elr_el1", &oc->exc_rip) &&
           golden_field(rd, e, "spsr_el1", &oc->exc_rflags);
}

static bool x86_exception(struct golden_reader *rd, const json_t *e, struct outcome *oc)
{
    const json_t *error = json_object_get(e, "err"), *cr2 = json_object_get(e, "cr2");
    uint64_t vec;

    if (!golden_field(rd, e, "vec", &vec) || !golden_field(rd, e, "rip", &oc->exc_rip) ||
        !golden_field(rd, e, "cs", &oc->exc_cs) || !golden_field(rd, e, "rflags", &oc->exc_rflags))
        return false;
    oc->exc_vector = (uint32_t)vec;
    oc->exc_has_error = error != NULL && !json_is_null(error);
    oc->exc_has_cr2 = cr2 != NULL && !json_is_null(cr2);
    return (!oc->exc_has_error || golden_number(rd, error, "err", &oc->exc_error)) &&
           (!oc->exc_has_cr2 || golden_number(rd, cr2, "cr2", &oc->exc_cr2));
}

static bool memory_seen(struct golden_reader *rd, const json_t *o, struct outcome *oc)
{
    const json_t *pte = json_object_get(o, "pte_after"), *mmio = json_object_get(o, "mmio");
    uint8_t bytes[OUTCOME_MEM];
    uint32_t n;
    uint64_t v;

    if (!golden_bytes(rd, o, "mem", oc->mem, OUTCOME_MEM, &n))
        return false;
    oc->mem_len = (uint8_t)n;
    if (pte != NULL && !json_is_null(pte) && json_array_size(pte) != 2) {
        golden_fail(rd, "\"pte_after\" is not an array of two");
        return false;
    }
    if (json_array_size(pte) == 2) {
        oc->has_pte = true;
        for (size_t i = 0; i < 2; i++)
            if (!golden_number(rd, json_array_get(pte, i), "pte_after", &oc->pte[i]))
                return false;
    }
    if (json_object_get(o, "mem_at_rip_nobase") != NULL) {
        if (!golden_bytes(rd, o, "mem_at_rip_nobase", bytes, OUTCOME_MEM, &n))
            return false;
        if (n < 16) {
            golden_fail(rd, "\"mem_at_rip_nobase\": fewer than 16 bytes");
            return false;
        }
        oc->has_nobase = true;
        memcpy(oc->nobase, bytes, 16);
    }
    if (json_is_object(mmio)) {
        oc->has_mmio = true;
        if (!golden_field(rd, mmio, "gpa", &oc->mmio_gpa) || !golden_field(rd, mmio, "len", &v) ||
            !golden_bytes(rd, mmio, "data", oc->mmio_data, 8, &n))
            return false;
        oc->mmio_len = (uint32_t)v;
        if (json_object_get(mmio, "exits") != NULL && !golden_field(rd, mmio, "exits", &v))
            return false;
        oc->mmio_exits = (uint32_t)v;
    }
    return true;
}

static bool call_seen(struct golden_reader *rd, const json_t *o, struct outcome *oc)
{
    const json_t *call = json_object_get(o, "hypercall"), *args;
    uint64_t wide = 0;

    if (!json_is_object(call))
        return true;
    oc->has_call = true;
    args = json_object_get(call, "args");
    if (!golden_field(rd, call, "nr", &oc->call_nr))
        return false;
    for (size_t i = 0; i < json_array_size(args) && i < 6; i++)
        if (!golden_number(rd, json_array_get(args, i), "args", &oc->call_arg[i]))
            return false;
    if (json_object_get(call, "longmode") != NULL && !golden_field(rd, call, "longmode", &wide))
        return false;
    oc->call_wide = wide != 0;
    return true;
}

bool golden_outcome(struct golden_reader *rd, const json_t *o, struct golden_record *r)
{
    const json_t *e = json_object_get(o, "exc");
    struct outcome *oc = &r->out;

    memset(oc, 0, sizeof(*oc));
    if (!exit_kind(rd, o, oc) || !end_registers(rd, o, r) || !memory_seen(rd, o, oc) ||
        !call_seen(rd, o, oc))
        return false;
    oc->exc = json_is_object(e);
    if (!oc->exc)
        return true;
    return r->s->arch == TSP_ARCH_ARM64 ? arm_exception(rd, e, oc) : x86_exception(rd, e, oc);
}
