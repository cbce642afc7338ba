/* SPDX-License-Identifier: MIT */
/* The byte form of a policy (emu/policy/serial.h), as `trapspec level -o` writes it. */
#include "cli/formats/dump_in.h"
#include "emu/policy/serial.h"

#include <stdlib.h>
#include <string.h>

static enum tsp_status copy(const struct cpu_policy *p, struct dump *d)
{
    d->leaf = calloc(p->n, sizeof(*d->leaf));
    d->cpu = calloc(1, sizeof(*d->cpu));
    if (d->leaf == NULL || d->cpu == NULL) {
        dump_free(d);
        return TSP_ENOMEM;
    }
    memcpy(d->leaf, p->leaf, p->n * sizeof(*d->leaf));
    d->n = d->room = d->cpu[0].n = p->n;
    d->ncpu = 1;
    d->format = "policy";
    dump_index(d->leaf, d->n);
    return TSP_OK;
}

enum tsp_status dump_in_policy(struct dump_in *in)
{
    struct cpu_policy *p = malloc(sizeof(*p));
    struct tsp_error why = {.text = "out of memory"};
    enum tsp_status st = TSP_ENOMEM;

    if (p != NULL)
        st = serial_read((const uint8_t *)in->p, in->n, p, &why);
    if (st == TSP_OK && p->n == 0) {
        snprintf(why.text, sizeof(why.text), "a policy without leaves");
        st = TSP_EPARSE;
    }
    if (st == TSP_OK)
        st = copy(p, in->out);
    free(p);
    return st == TSP_OK ? st : error_set(in->err, st, 0, "%.60s: %s", in->name, why.text);
}
