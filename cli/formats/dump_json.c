/* SPDX-License-Identifier: MIT */
/* Our own JSON, as dump_write writes it, and lists of leaves as other programs keep them. */
#include "cli/formats/dump_in.h"

#include <jansson.h>
#include <string.h>

static bool number(const json_t *v, uint32_t *out)
{
    struct line l;

    if (!json_is_string(v))
        return false;
    l = (struct line){json_string_value(v), json_string_value(v) + json_string_length(v)};
    return line_0x(&l, out) && l.p == l.end;
}

/* "known" is there for every leaf or for none. */
static bool known(const json_t *v, struct dump_mask *mask)
{
    if (json_array_size(v) != 4)
        return false;
    for (size_t r = 0; r < 4; r++)
        if (!number(json_array_get(v, r), &mask->reg[r]))
            return false;
    return true;
}

static enum tsp_status read_leaf(struct dump_in *in, const json_t *o, size_t i)
{
    static const char *const name[4] = {"eax", "ebx", "ecx", "edx"};
    const json_t *bits = json_object_get(o, "known");
    struct tsp_leaf leaf = {.leaf = 0};
    struct dump_mask mask;
    bool good = number(json_object_get(o, "leaf"), &leaf.leaf) &&
                number(json_object_get(o, "subleaf"), &leaf.subleaf);

    for (unsigned r = 0; r < 4; r++)
        good = good && number(json_object_get(o, name[r]), &leaf.reg[r]);
    if (!good)
        return dump_fail(in, "leaves[%zu]: leaf, subleaf, eax, ebx, ecx and edx are needed", i);
    if (json_is_true(json_object_get(o, "indexed")))
        leaf.flags = TSP_LEAF_INDEXED;
    if (bits != NULL && !known(bits, &mask))
        return dump_fail(in, "leaves[%zu]: \"known\" is not four numbers", i);
    if (in->out->n > 0 && (bits != NULL) != (in->out->mask != NULL))
        return dump_fail(in, "leaves[%zu]: \"known\" stands with some leaves only", i);
    return dump_add_leaf(in, &leaf, bits != NULL ? &mask : NULL);
}

static enum tsp_status read_cpu(struct dump_in *in, const json_t *o)
{
    const json_t *list = json_object_get(o, "leaves"), *id = json_object_get(o, "id"), *l;
    const char *name = json_string_value(json_object_get(o, "name"));
    struct dump *d = in->out;
    enum tsp_status st;
    size_t i;

    if (!json_is_array(list) || !json_is_integer(id) || json_integer_value(id) < 0 ||
        json_integer_value(id) > 999999)
        return dump_fail(in, "a CPU without \"id\" and \"leaves\"");
    st = dump_add_cpu(in, (unsigned)json_integer_value(id));
    if (st == TSP_OK && name != NULL)
        snprintf(d->cpu[d->ncpu - 1].name, sizeof(d->cpu[0].name), "%s", name);
    json_array_foreach(list, i, l)
    {
        if (st == TSP_OK)
            st = read_leaf(in, l, i);
    }
    return st;
}

/* A number, or one in a string: decimal, or 0x and hexadecimal. */
static bool any_number(const json_t *v, uint32_t *out)
{
    if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= UINT32_MAX) {
        *out = (uint32_t)json_integer_value(v);
        return true;
    }
    return number(v, out);
}

/* The first member of o that is there under one of two names. */
static const json_t *either(const json_t *o, const char *one, const char *other)
{
    const json_t *v = json_object_get(o, one);

    return v != NULL ? v : json_object_get(o, other);
}

/* {"leaf", "subleaf", "eax" to "edx"}, or KVM's names: {"function", "index", "flags", ...}. */
static bool entry(const json_t *o, struct tsp_leaf *leaf)
{
    static const char *const name[4] = {"eax", "ebx", "ecx", "edx"};
    const json_t *sub = either(o, "subleaf", "index");

    *leaf = (struct tsp_leaf){.leaf = 0};
    /* Ours, with something wrong in it. */
    if (json_object_get(o, "known") != NULL)
        return false;
    if (!any_number(either(o, "leaf", "function"), &leaf->leaf) ||
        (sub != NULL && !json_is_null(sub) && !any_number(sub, &leaf->subleaf)))
        return false;
    for (unsigned r = 0; r < 4; r++)
        if (!any_number(json_object_get(o, name[r]), &leaf->reg[r]))
            return false;
    return true;
}

static enum tsp_status read_list(struct dump_in *in, const json_t *list)
{
    enum tsp_status st = TSP_OK;
    struct tsp_leaf leaf;
    const json_t *o;
    size_t i;

    json_array_foreach(list, i, o)
    {
        if (!entry(o, &leaf))
            return dump_fail(in, "entry %zu: a leaf and four registers are needed", i);
        st = dump_add_leaf(in, &leaf, NULL);
        if (st != TSP_OK)
            return st;
    }
    return st;
}

/* A list of leaves, whatever holds it: the whole text, or a member of it as deep as DEPTH; each is
 * a CPU. */
#define DEPTH 8

static enum tsp_status find_lists(struct dump_in *in, const json_t *v, unsigned depth)
{
    struct tsp_leaf leaf;
    enum tsp_status st = TSP_OK;
    const char *key;
    json_t *o;
    size_t i;

    if (depth == DEPTH)
        return st;
    if (json_is_array(v) && entry(json_array_get(v, 0), &leaf)) {
        st = dump_add_cpu(in, in->out->ncpu);
        return st == TSP_OK ? read_list(in, v) : st;
    }
    json_array_foreach(v, i, o)
    {
        if (st == TSP_OK)
            st = find_lists(in, o, depth + 1);
    }
    json_object_foreach((json_t *)v, key, o)
    {
        if (st == TSP_OK)
            st = find_lists(in, o, depth + 1);
    }
    return st;
}

enum tsp_status dump_in_entries(struct dump_in *in)
{
    json_error_t why;
    json_t *root = json_loadb(in->p, in->n, JSON_REJECT_DUPLICATES, &why);
    enum tsp_status st;

    if (root == NULL)
        return dump_fail(in, "%.80s", why.text);
    st = find_lists(in, root, 0);
    json_decref(root);
    return st;
}

enum tsp_status dump_in_json(struct dump_in *in)
{
    json_error_t why;
    json_t *root = json_loadb(in->p, in->n, JSON_REJECT_DUPLICATES, &why);
    const json_t *cpus = json_object_get(root, "cpus"), *c;
    enum tsp_status st = TSP_OK;
    size_t i;

    if (root == NULL) {
        in->line = why.line > 0 ? (unsigned)why.line : 0;
        return dump_fail(in, "%.80s", why.text);
    }
    if (!json_is_array(cpus))
        st = dump_fail(in, "JSON without cpus");
    json_array_foreach(cpus, i, c)
    {
        if (st == TSP_OK)
            st = read_cpu(in, c);
    }
    json_decref(root);
    return st;
}
