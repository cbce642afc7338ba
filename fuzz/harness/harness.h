/* SPDX-License-Identifier: MIT */
/*
 * What all harnesses share: the target, the tables, static room for one run. A harness is one
 * function, LLVMFuzzerTestOneInput, which always returns 0 (some engines treat anything else as an
 * error).
 */
#ifndef TSP_FUZZ_HARNESS_HARNESS_H
#define TSP_FUZZ_HARNESS_HARNESS_H

#include "fuzz/run/derive.h"
#include "fuzz/run/run.h"

#define HARNESS_BUDGET DERIVE_BUDGET

struct harness {
    struct target target;
    const struct spec *spec;
    struct spec_options options;
    bool bare; /* the target is the model itself */
    /* Room for one run at a time. */
    struct scenario scenario;
    struct input_image image;
    struct tsp_setup setup;
    struct tsp_trace trace;
};
extern struct harness harness;

/* NOLINTBEGIN(readability-identifier-naming): the names are the engine's */
/* Opens the target (--target=NAME, else TRAPSPEC_TARGET, else model:kvm) and the built-in tables.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTEND(readability-identifier-naming) */

/* Input to scenario: binary, or the text form. False: a text that does not read. */
bool harness_read(const uint8_t *data, size_t size, struct scenario *s);
/* Builds harness.setup from a scenario and its base policy. */
void harness_build(const struct scenario *s);
/* Builds and runs; false when the target cannot take the set-up. The trace is in harness.trace. */
bool harness_run(const struct scenario *s);
/* Runs, shows the engine which states were met, and judges: does not return when a rule is broken.
 */
void harness_judge(const struct scenario *s);
/* harness_judge for every scenario that this kind of harness makes of the input. */
void harness_derive(enum derive how, const uint8_t *data, size_t size);

/* One branch of the harness for each class of event: states become coverage for every engine. */
void state_show(const struct tsp_trace *trace);

/* Ends the process because of a fault of our own; what names it. */
_Noreturn void harness_fail(const char *what, const char *detail);

#endif
