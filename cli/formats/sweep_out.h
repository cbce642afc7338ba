/* SPDX-License-Identifier: MIT */
/* A sweep's map as text, JSON and a page with a picture. */
#ifndef TSP_CLI_FORMATS_SWEEP_OUT_H
#define TSP_CLI_FORMATS_SWEEP_OUT_H

#include "fuzz/run/sweep.h"

#include <stdio.h>

struct sweep_doc {
    const char *target, *cpu; /* cpu: what the guest's processor is, for people */
    const struct spec *spec;
    uint32_t lo, hi;
    bool sampled; /* not every leaf of lo..hi was asked */
    bool ended;   /* before its end */
    uint32_t in_range, random;
    const struct sweep_map *leaves, *subs;
};

/* Byte-identical for the same map: no dates, no times. */
void sweep_write_text(FILE *f, const struct sweep_doc *d);
void sweep_write_json(FILE *f, const struct sweep_doc *d);
void sweep_write_html(FILE *f, const struct sweep_doc *d);
/* The page's picture and rows as a part of another page. */
void sweep_section(FILE *f, const struct sweep_doc *d);
/* "4294967296 leaves ... conforms" */
void sweep_summary(FILE *f, const struct sweep_doc *d);

#endif
