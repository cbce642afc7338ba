/* SPDX-License-Identifier: MIT */
/* Text inside of other formats. Control characters and bytes beyond ASCII come through everywhere
 * as something that every reader of that format takes. */
#ifndef TSP_CLI_FORMATS_ESCAPE_H
#define TSP_CLI_FORMATS_ESCAPE_H

#include <stdio.h>

/* Elements and quoted attributes of HTML; NULL writes nothing. */
void escape_html(FILE *f, const char *s);
/* The same for XML 1.0, which allows no control characters, not even escaped: they become '?'. */
void escape_xml(FILE *f, const char *s);
/* A string of JSON with its quotes; bytes beyond ASCII are taken for Latin-1. */
void escape_json(FILE *f, const char *s);

#endif
