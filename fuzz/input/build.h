/* SPDX-License-Identifier: MIT */
/* Parts of input_build. Private to fuzz/input. */
#ifndef TSP_FUZZ_INPUT_BUILD_H
#define TSP_FUZZ_INPUT_BUILD_H

#include "fuzz/input/record.h"

struct builder {
    const struct scenario *s;
    struct input_image *img;
    struct tsp_setup *out;
};

/* Adds a piece of memory; one that does not lie in RAM is left out. */
void build_piece(struct builder *b, uint64_t gpa, const uint8_t *data, size_t len, uint32_t flags);

void build_x86(struct builder *b);
void build_arm64(struct builder *b);

/* build_arm32.c: what an AArch32 guest has of its own. */
void build_arm32_vectors(struct builder *b);
int build_arm32_vector(uint64_t pc);
const uint8_t *build_arm32_end(unsigned mode);
void build_arm32_vcpu(const struct scenario *s, uint64_t stack, struct tsp_vcpu_state *v);

#endif
