/* SPDX-License-Identifier: MIT */
#include "cli/formats/escape.h"

#include <stdbool.h>
#include <stddef.h>

static bool entity(FILE *f, char c)
{
    switch (c) {
    case '&':
        fputs("&amp;", f);
        return true;
    case '<':
        fputs("&lt;", f);
        return true;
    case '>':
        fputs("&gt;", f);
        return true;
    case '"':
        fputs("&quot;", f);
        return true;
    default:
        return false;
    }
}

void escape_html(FILE *f, const char *s)
{
    for (; s != NULL && *s != 0; s++)
        if (!entity(f, *s))
            fputc(*s, f);
}

void escape_xml(FILE *f, const char *s)
{
    for (; *s != 0; s++)
        if (!entity(f, *s))
            fputc(*s < 0x20 || *s > 0x7e ? '?' : *s, f);
}

void escape_json(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s != 0; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            fprintf(f, "\\u%04x", c);
        else
            fputc(c, f);
    }
    fputc('"', f);
}
