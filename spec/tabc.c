/* SPDX-License-Identifier: MIT */
/* tabc DIR OUT.c: reads the tables and writes them out as constant data. Run by the build, never
 * committed. */
#include "spec/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void text(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\' || c == '?')
            fprintf(f, "\\%c", c);
        else if (c < ' ' || c > '~')
            fprintf(f, "\\%03o", c);
        else
            fputc(c, f);
    }
    fputs("\", ", f);
}

static void begin(FILE *f, const char *type, const char *name, unsigned n)
{
    /* C has no empty arrays. */
    fprintf(f, "static const %s %s[%u] = {\n", type, name, n ? n : 1);
}

static void end(FILE *f, unsigned n)
{
    fputs(n ? "};\n\n" : "    {0},\n};\n\n", f);
}

static void write_texts(FILE *f, const struct spec *s)
{
    begin(f, "struct row_text", "texts", s->ntext);
    for (unsigned i = 0; i < s->ntext; i++) {
        const struct row_text *t = &s->text[i];

        fputs("    {", f);
        text(f, t->id);
        text(f, t->table);
        text(f, t->scope);
        text(f, t->when);
        text(f, t->must);
        text(f, t->pred);
        text(f, t->source);
        text(f, t->note);
        fprintf(f, "%u},\n", t->line);
    }
    end(f, s->ntext);
    begin(f, "struct spec_source", "sources", s->nsource);
    for (unsigned i = 0; i < s->nsource; i++) {
        const struct spec_source *t = &s->source[i];

        fputs("    {", f);
        text(f, t->id);
        text(f, t->title);
        text(f, t->revision);
        text(f, t->section);
        text(f, t->terms);
        fputs("},\n", f);
    }
    end(f, s->nsource);
}

static void write_ref(FILE *f, const struct field_ref *r)
{
    fprintf(f, "{0x%" PRIx32 "u, 0x%" PRIx32 "u, %u, %u, %u, %u}", r->leaf, r->sub, r->relative,
            r->reg, r->hi, r->lo);
}

static void write_fields(FILE *f, const struct spec *s)
{
    begin(f, "struct field_row", "fields", s->nfield);
    for (unsigned i = 0; i < s->nfield; i++) {
        const struct field_row *r = &s->field[i];

        fprintf(f, "    {0x%xu, 0x%xu, 0x%xu, 0x%xu, 0x%xu, 0x%xu, ", r->leaf, r->sub_lo, r->sub_hi,
                r->who, r->value, r->zero);
        write_ref(f, &r->same);
        fprintf(f, ", %u, %u, %u, %u, %u, %u, %u, %u, %u, %u},\n", r->rule, r->relative, r->persona,
                r->indexed, r->value_relative, r->reg, r->hi, r->lo, r->kind, r->dyn);
    }
    end(f, s->nfield);
}

static void write_mask(FILE *f, const uint32_t m[4])
{
    fprintf(f, "{0x%xu, 0x%xu, 0x%xu, 0x%xu}, ", m[0], m[1], m[2], m[3]);
}

static void write_recs(FILE *f, const struct spec *s)
{
    begin(f, "struct leaf_rec", "recs", s->nrec);
    for (unsigned i = 0; i < s->nrec; i++) {
        const struct leaf_rec *r = &s->rec[i];

        fprintf(f, "    {0x%xu, 0x%xu, 0x%xu, ", r->leaf, r->sub_lo, r->sub_hi);
        write_mask(f, r->zero);
        write_mask(f, r->one);
        write_mask(f, r->run);
        write_mask(f, r->clears);
        write_mask(f, r->shared);
        write_mask(f, r->given);
        fprintf(f, "%u, %u, %u, %u, %u, %u},\n", r->row, r->nrow, r->special, r->nspecial, r->who,
                r->indexed);
    }
    end(f, s->nrec);
}

static void write_u16(FILE *f, const char *name, const uint16_t *v, unsigned n)
{
    fprintf(f, "static const uint16_t %s[%u] = {", name, n ? n : 1);
    for (unsigned i = 0; i < n; i++)
        fprintf(f, "%s%u,", i % 16 ? " " : "\n    ", v[i]);
    fputs(n ? "\n};\n\n" : "0};\n\n", f);
}

static void write_traps(FILE *f, const struct spec *s)
{
    begin(f, "struct trap_rule", "traps", s->ntrap);
    for (unsigned i = 0; i < s->ntrap; i++) {
        const struct trap_rule *t = &s->trap[i];

        fprintf(f, "    {{0x%" PRIx64 "u, 0x%" PRIx64 "u, 0x%" PRIx64 "u}, ", t->allow[0],
                t->allow[1], t->allow[2]);
        fprintf(f, "%u, %u, %u, %u, %u, %u, %u, %u, %u, %u},\n", t->rule, t->cond, t->ncond,
                t->pred, t->npred, t->scope, t->otherwise, t->weight, t->table, t->traits);
    }
    end(f, s->ntrap);
    begin(f, "struct cond", "conds", s->ncond);
    for (unsigned i = 0; i < s->ncond; i++) {
        const struct cond *c = &s->cond[i];

        fprintf(f, "    {0x%" PRIx64 "u, %u, %u, %u, %u, ", c->mask, c->span, c->nspan, c->field,
                c->negate);
        write_ref(f, &c->ref);
        fputs("},\n", f);
    }
    end(f, s->ncond);
    begin(f, "struct cond_span", "spans", s->nspan);
    for (unsigned i = 0; i < s->nspan; i++)
        fprintf(f, "    {0x%" PRIx64 "u, 0x%" PRIx64 "u},\n", s->span[i].lo, s->span[i].hi);
    end(f, s->nspan);
}

static void write_preds(FILE *f, const struct spec *s)
{
    begin(f, "struct pred_use", "preds", s->npred);
    for (unsigned i = 0; i < s->npred; i++) {
        const struct pred_use *p = &s->pred[i];

        fputs("    {{", f);
        for (unsigned k = 0; k < SPEC_MAX_ARG; k++)
            fprintf(f, "0x%" PRIx64 "u, ", p->arg[k]);
        fprintf(f, "}, %u, %u},\n", p->fn, p->narg);
    }
    end(f, s->npred);
}

static void write_opcodes(FILE *f, const struct spec *s)
{
    begin(f, "struct opcode_row", "opcodes", s->nopcode);
    for (unsigned i = 0; i < s->nopcode; i++) {
        const struct opcode_row *o = &s->opcode[i];

        fprintf(f, "    {0x%xu, 0x%xu, 0x%x, %u, %u, %u},\n", o->bytes, o->mask, o->modes, o->arch,
                o->n, o->insn);
    }
    end(f, s->nopcode);
    fprintf(f, "static const char *const insns[%u] = {", s->ninsn);
    for (unsigned i = 0; i < s->ninsn; i++)
        text(f, s->insn[i]);
    fputs("};\n\n", f);
}

static void write_depends(FILE *f, const struct spec *s)
{
    begin(f, "struct depend_row", "depends", s->ndepend);
    for (unsigned i = 0; i < s->ndepend; i++) {
        const struct depend_row *d = &s->depend[i];

        fprintf(f, "    {%u, %u, %u, %u, %u, %u},\n", d->rule, d->when, d->nwhen, d->must, d->nmust,
                d->who);
    }
    end(f, s->ndepend);
    begin(f, "struct depend_term", "depend_terms", s->ndepend_term);
    for (unsigned i = 0; i < s->ndepend_term; i++) {
        const struct depend_term *t = &s->depend_term[i];

        fputs("    {{", f);
        write_ref(f, &t->left[0]);
        fputs(", ", f);
        write_ref(f, &t->left[1]);
        fputs("}, {", f);
        write_ref(f, &t->right[0]);
        fputs(", ", f);
        write_ref(f, &t->right[1]);
        fprintf(f, "}, 0x%xu, %u, %u, %u},\n", t->number, t->nleft, t->nright, t->op);
    }
    end(f, s->ndepend_term);
}

static void write_lanes(FILE *f, const struct spec *s)
{
    begin(f, "struct lane", "lanes", SPEC_LANES);
    for (unsigned i = 0; i < SPEC_LANES; i++)
        fprintf(f, "    {%u, %u, %u, %u},\n", s->lane[i].first, s->lane[i].n,
                s->lane[i].first_number, s->lane[i].nnumber);
    end(f, SPEC_LANES);
    begin(f, "struct numbered", "numbers", s->nnumbered);
    for (unsigned i = 0; i < s->nnumbered; i++)
        fprintf(f, "    {0x%" PRIx64 "u, %u},\n", s->numbered[i].number, s->numbered[i].rule);
    end(f, s->nnumbered);
    write_u16(f, "lane_rules", s->lane_rule, s->nlane_rule);
}

static void write_spec(FILE *f, const struct spec *s)
{
    fputs("static const struct spec builtin = {\n"
          "    .text = texts,\n    .source = sources,\n    .field = fields,\n    .rec = recs,\n"
          "    .rec_row = rec_rows,\n    .hash = hashes,\n    .trap = traps,\n    .cond = conds,\n"
          "    .span = spans,\n    .pred = preds,\n    .opcode = opcodes,\n    .lane = lanes,\n"
          "    .lane_rule = lane_rules,\n    .numbered = numbers,\n    .insn = insns,\n"
          "    .depend = depends,\n    .depend_term = depend_terms,\n",
          f);
    fprintf(f, "    .ntext = %u,\n    .nsource = %u,\n    .nfield = %u,\n    .nrec = %u,\n",
            s->ntext, s->nsource, s->nfield, s->nrec);
    fprintf(f, "    .nrec_row = %u,\n    .ntrap = %u,\n    .ncond = %u,\n    .nspan = %u,\n",
            s->nrec_row, s->ntrap, s->ncond, s->nspan);
    fprintf(f, "    .npred = %u,\n    .nopcode = %u,\n    .ninsn = %u,\n", s->npred, s->nopcode,
            s->ninsn);
    fprintf(f, "    .nlane_rule = %u,\n    .nnumbered = %u,\n", s->nlane_rule, s->nnumbered);
    fprintf(f, "    .ndepend = %u,\n    .ndepend_term = %u,\n", s->ndepend, s->ndepend_term);
    fprintf(f, "    .vmcall = %u,\n    .vmmcall = %u,\n    .hvc = %u,\n    .smc = %u,\n", s->vmcall,
            s->vmmcall, s->hvc, s->smc);
    fprintf(f, "    .ud0 = %u,\n    .ud1 = %u,\n", s->ud0, s->ud1);
    fprintf(f, "    .rdmsr = %u,\n    .wrmsr = %u,\n", s->rdmsr, s->wrmsr);
    fprintf(f, "    .hash_mask = %u,\n    .ngap = %u,\n};\n\n", s->hash_mask, s->ngap);
    fputs("const struct spec *spec_builtin(void)\n{\n    return &builtin;\n}\n", f);
}

static bool write_all(const char *path, const struct spec *s)
{
    FILE *f = fopen(path, "w");
    bool bad;

    if (!f)
        return false;
    fputs("/* SPDX-License-Identifier: MIT */\n"
          "/* Written by tabc from spec/tables at every build. Edit the tables. */\n"
          "#include \"spec/table.h\"\n\n",
          f);
    write_texts(f, s);
    write_fields(f, s);
    write_recs(f, s);
    write_u16(f, "rec_rows", s->rec_row, s->nrec_row);
    write_u16(f, "hashes", s->hash, s->hash_mask + 1);
    write_traps(f, s);
    write_preds(f, s);
    write_opcodes(f, s);
    write_lanes(f, s);
    write_depends(f, s);
    write_spec(f, s);
    bad = ferror(f) != 0;
    return fclose(f) == 0 && !bad;
}

int main(int argc, char **argv)
{
    struct spec *s = NULL;
    struct tsp_error err = {0};
    int status = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: tabc DIR OUT.c\n");
        return 2;
    }
    if (spec_load(&s, argv[1], &err) != TSP_OK) {
        fprintf(stderr, "%s: line %u: %s\n", argv[1], err.line, err.text);
        return 1;
    }
    if (!write_all(argv[2], s)) {
        fprintf(stderr, "tabc: cannot write %s\n", argv[2]);
        remove(argv[2]);
        status = 1;
    }
    spec_free(s);
    return status;
}
