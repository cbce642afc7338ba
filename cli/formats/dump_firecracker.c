/* SPDX-License-Identifier: MIT */
/*
 * Firecracker's CPU templates, and fingerprints that hold one under guest_cpu_config. A bit of a
 * bitmap is 0, 1, or x for "as the host has it": only what is fixed is known.
 */
#include "cli/formats/dump_in.h"

#include <jansson.h>
#include <string.h>

static bool number(const json_t *v, uint32_t *out)
{
    struct line l;

    if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= UINT32_MAX) {
        *out = (uint32_t)json_integer_value(v);
        return true;
    }
    if (!json_is_string(v))
        return false;
    l = (struct line){json_string_value(v), json_string_value(v) + json_string_length(v)};
    return line_0x(&l, out) && l.p == l.end;
}

/* "0b1x0_...": the last character is bit 0; bits that are not written are not touched. */
static bool bitmap(const json_t *v, uint32_t *value, uint32_t *mask)
{
    const char *s = json_string_value(v);
    unsigned bit = 0;

    if (s == NULL || strncmp(s, "0b", 2) != 0)
        return false;
    *value = *mask = 0;
    for (size_t i = json_string_length(v); i > 2; i--) {
        char c = s[i - 1];

        if (c == '_')
            continue;
        if ((c != '0' && c != '1' && c != 'x') || bit == 32)
            return false;
        if (c != 'x')
            *mask |= 1u << bit;
        if (c == '1')
            *value |= 1u << bit;
        bit++;
    }
    return bit > 0;
}

static enum tsp_status registers(struct dump_in *in, const json_t *list, struct tsp_leaf *leaf,
                                 struct dump_mask *mask)
{
    static const char *const name[4] = {"eax", "ebx", "ecx", "edx"};
    unsigned seen = 0;
    const json_t *m;
    size_t i;

    json_array_foreach(list, i, m)
    {
        const char *reg = json_string_value(json_object_get(m, "register"));
        unsigned r = 0;

        while (reg != NULL && r < 4 && strcmp(reg, name[r]) != 0)
            r++;
        if (reg == NULL || r == 4)
            return dump_fail(in, "leaf 0x%x: \"register\" is none of eax ebx ecx edx", leaf->leaf);
        if ((seen & 1u << r) != 0)
            return dump_fail(in, "leaf 0x%x: %s stands twice", leaf->leaf, reg);
        seen |= 1u << r;
        if (!bitmap(json_object_get(m, "bitmap"), &leaf->reg[r], &mask->reg[r]))
            return dump_fail(in, "leaf 0x%x %s: \"bitmap\" is not 0b and at most 32 of 0 1 x",
                             leaf->leaf, reg);
    }
    return TSP_OK;
}

static enum tsp_status modifiers(struct dump_in *in, const json_t *list)
{
    enum tsp_status st = TSP_OK;
    const json_t *o;
    size_t i;

    json_array_foreach(list, i, o)
    {
        const json_t *regs = json_object_get(o, "modifiers");
        struct tsp_leaf leaf = {.leaf = 0};
        struct dump_mask mask = {{0}};

        if (!number(json_object_get(o, "leaf"), &leaf.leaf) ||
            !number(json_object_get(o, "subleaf"), &leaf.subleaf) || !json_is_array(regs))
            return dump_fail(in, "cpuid_modifiers[%zu]: leaf, subleaf and modifiers are needed", i);
        st = registers(in, regs, &leaf, &mask);
        if (st == TSP_OK)
            st = dump_add_leaf(in, &leaf, &mask);
        if (st != TSP_OK)
            return st;
    }
    return st;
}

enum tsp_status dump_in_firecracker(struct dump_in *in)
{
    json_error_t why;
    json_t *root = json_loadb(in->p, in->n, JSON_REJECT_DUPLICATES, &why), *at = root;
    enum tsp_status st;

    if (root == NULL) {
        in->line = why.line > 0 ? (unsigned)why.line : 0;
        return dump_fail(in, "%.80s", why.text);
    }
    if (json_object_get(at, "guest_cpu_config") != NULL)
        at = json_object_get(at, "guest_cpu_config");
    at = json_object_get(at, "cpuid_modifiers");
    if (json_is_array(at))
        st = modifiers(in, at);
    else
        st = dump_fail(in, "JSON without cpuid_modifiers");
    json_decref(root);
    return st;
}
