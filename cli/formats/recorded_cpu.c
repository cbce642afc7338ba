/* SPDX-License-Identifier: MIT */
#include "cli/formats/recorded_cpu.h"
#include "cli/formats/shipped.h"

#include <string.h>

/* More would not be listed; make.sh makes a hundred or so. */
#define NAMES_MAX 511u

/* The files are embedded in the order of their names. */
const char *const *recorded_cpu_names(void)
{
    static const char *names[NAMES_MAX + 1];
    size_t n = 0;

    for (const struct shipped_list *l = shipped_dumps; l->name != NULL && n < NAMES_MAX; l++)
        names[n++] = l->name;
    names[n] = NULL;
    return names;
}

enum tsp_status recorded_cpu_read(const char *name, struct dump *out, struct tsp_error *err)
{
    const struct shipped_list *l = shipped_dumps;

    while (l->name != NULL && strcmp(l->name, name) != 0)
        l++;
    if (l->name == NULL)
        return error_set(err, TSP_EARG, 0, "no recorded processor is called \"%.60s\"", name);
    return dump_read(name, (const uint8_t *)l->text, strlen(l->text), out, err);
}
