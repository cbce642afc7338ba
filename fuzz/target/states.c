/* SPDX-License-Identifier: MIT */
/* States of a run to come back to: of the model, which alone has them. */
#include "fuzz/target/states.h"

#include "emu/emu.h"
#include "fuzz/target/builtin.h"

/* The model itself, or below a mutant that does no more than set it up otherwise. */
static struct vm *keeper(const struct target *t)
{
    if (t->ops == &mutant_ops && mutant_is_setup(t->self))
        t = mutant_inner(t->self);
    return t->ops == &model_ops ? t->self : NULL;
}

bool states_open(const struct target *t)
{
    struct vm *vm = keeper(t);

    if (vm != NULL)
        vm_track(vm);
    return vm != NULL;
}

size_t states_save(const struct target *t, void *buf, size_t max)
{
    return vm_save(keeper(t), buf, max);
}

void states_load(const struct target *t, const void *buf)
{
    vm_load(keeper(t), buf);
}

uint64_t states_digest(const struct target *t)
{
    return vm_digest(keeper(t));
}

bool protocol_name(unsigned i, const char **name, const char **text, const char **source)
{
    struct vm_behaviour b;

    if (!vm_protocol_at(i, &b))
        return false;
    *name = b.name;
    *text = b.text;
    *source = b.source;
    return true;
}
