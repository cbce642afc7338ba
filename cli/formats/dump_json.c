/* SPDX-License-Identifier: MIT */
/* Our own JSON, as dump_write writes it. */
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
