/* SPDX-License-Identifier: MIT */
/* States of a run to come back to: of the model, which is the only target that has them. */
#include "fuzz/target/states.h"

#include "emu/emu.h"
#include "fuzz/target/builtin.h"

bool states_open(const struct target *t)
{
    if (t->ops != &model_ops)
        return false;
    vm_track(t->self);
    return true;
}

size_t states_save(const struct target *t, void *buf, size_t max)
{
    return vm_save(t->self, buf, max);
}

void states_load(const struct target *t, const void *buf)
{
    vm_load(t->self, buf);
}

uint64_t states_digest(const struct target *t)
{
    return vm_digest(t->self);
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
