/* SPDX-License-Identifier: MIT */
/* One event as text or JSON, with what the judge found. */
#ifndef TSP_CLI_EVENT_H
#define TSP_CLI_EVENT_H

#include "decoder/decoder.h"
#include "spec/spec.h"

struct event_view {
    const struct tsp_event *ev;
    const struct tsp_setup *setup;
    const struct spec *spec;
    const struct finding *find; /* the findings about this event */
    unsigned nfind;
    struct decoder *dec;
};
void event_print(const struct event_view *v);
void event_json(const struct event_view *v, unsigned index);
const char *event_kind_name(unsigned kind);
const char *event_stop_name(uint32_t stop);

#endif
