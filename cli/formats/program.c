/* SPDX-License-Identifier: MIT */
/* ELF programs as guests. libelf reads; the machine is the scenario's, described in docs/INPUT.md.
 */
#include "cli/formats/program.h"

#include "trapspec/bits.h"

#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS 8u

struct program {
    uint8_t *bytes;
    uint16_t machine;
    uint64_t entry;
    unsigned n;
    struct {
        uint64_t gpa, filesz, memsz, off;
    } seg[SEGMENTS];
    struct tsp_page page[TSP_MAX_PAGE];
};

bool program_is_elf(const uint8_t *p, size_t n)
{
    return n >= 4 && memcmp(p, "\177ELF", 4) == 0;
}

static enum tsp_status read_segments(const char *name, Elf *elf, size_t size, struct program *pr,
                                     struct tsp_error *err)
{
    size_t count = 0;

    if (elf_getphdrnum(elf, &count) != 0)
        return error_set(err, TSP_EPARSE, 0, "%s: program headers: %s", name, elf_errmsg(-1));
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr ph;

        if (gelf_getphdr(elf, (int)i, &ph) == NULL)
            return error_set(err, TSP_EPARSE, 0, "%s: program header %zu: %s", name, i,
                             elf_errmsg(-1));
        if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
            continue;
        if (pr->n == SEGMENTS)
            return error_set(err, TSP_EPARSE, 0, "%s: over %u segments", name, SEGMENTS);
        if (ph.p_filesz > ph.p_memsz || ph.p_offset > size || ph.p_filesz > size - ph.p_offset)
            return error_set(err, TSP_EPARSE, 0, "%s: segment at offset 0x%llx is cut off", name,
                             (unsigned long long)ph.p_offset);
        pr->seg[pr->n].gpa = ph.p_paddr;
        pr->seg[pr->n].filesz = ph.p_filesz;
        pr->seg[pr->n].memsz = ph.p_memsz;
        pr->seg[pr->n++].off = ph.p_offset;
    }
    if (pr->n == 0)
        return error_set(err, TSP_EPARSE, 0, "%s: nothing to load in it", name);
    return TSP_OK;
}

static enum tsp_status read_header(const char *name, Elf *elf, size_t size, struct program *pr,
                                   struct tsp_error *err)
{
    GElf_Ehdr eh;

    if (elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &eh) == NULL)
        return error_set(err, TSP_EPARSE, 0, "%s: damaged ELF header: %s", name, elf_errmsg(-1));
    if (eh.e_machine != EM_X86_64 && eh.e_machine != EM_386 && eh.e_machine != EM_AARCH64)
        return error_set(err, TSP_EPARSE, 0,
                         "%s: machine %u; x86-64, i386 and AArch64 programs can run", name,
                         eh.e_machine);
    if (eh.e_type != ET_EXEC)
        return error_set(err, TSP_EPARSE, 0, "%s: not a statically linked program", name);
    pr->machine = eh.e_machine;
    pr->entry = eh.e_entry;
    return read_segments(name, elf, size, pr, err);
}

enum tsp_status program_load(const char *name, const uint8_t *p, size_t n, struct program **out,
                             struct tsp_error *err)
{
    struct program *pr;
    enum tsp_status st;
    Elf *elf;

    if (n < EI_NIDENT || n < (p[EI_CLASS] == ELFCLASS64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
        return error_set(err, TSP_EPARSE, 0, "%s: cut off at offset %zu, within the ELF header",
                         name, n);
    pr = calloc(1, sizeof(*pr));

    if (pr == NULL || (pr->bytes = malloc(n + 1)) == NULL) {
        free(pr);
        return error_set(err, TSP_ENOMEM, 0, "%s: out of memory", name);
    }
    memcpy(pr->bytes, p, n);
    elf_version(EV_CURRENT);
    elf = elf_memory((char *)pr->bytes, n);
    if (elf == NULL) {
        st = error_set(err, TSP_EPARSE, 0, "%s: %s", name, elf_errmsg(-1));
    } else {
        st = read_header(name, elf, n, pr, err);
        elf_end(elf);
    }
    if (st != TSP_OK)
        program_free(pr);
    else
        *out = pr;
    return st;
}

void program_scenario(const struct program *pr, struct scenario *s)
{
    if (pr->machine == EM_AARCH64 && s->arch != TSP_ARCH_ARM64)
        input_default(s, TSP_ARCH_ARM64);
    else if (pr->machine == EM_386)
        s->mode = TSP_MODE_PROT32;
}

static enum tsp_status outside(const struct program *pr, unsigned i, const struct tsp_setup *setup,
                               struct tsp_error *err)
{
    return error_set(err, TSP_EPARSE, 0,
                     "segment 0x%" PRIx64 "+0x%" PRIx64 " is outside the machine's RAM 0x%" PRIx64
                     "+0x%" PRIx64,
                     pr->seg[i].gpa, pr->seg[i].memsz, setup->ram_base, setup->ram_size);
}

enum tsp_status program_setup(struct program *pr, struct tsp_setup *setup, struct tsp_error *err)
{
    unsigned n = setup->npage;

    if (n + 2 * pr->n > TSP_MAX_PAGE)
        return error_set(err, TSP_ENOTSUP, 0, "too many pieces of memory");
    memcpy(pr->page, setup->page, n * sizeof(pr->page[0]));
    for (unsigned i = 0; i < pr->n; i++) {
        uint64_t off = pr->seg[i].gpa - setup->ram_base;

        if (pr->seg[i].gpa < setup->ram_base || !range_ok(off, pr->seg[i].memsz, setup->ram_size))
            return outside(pr, i, setup, err);
        if (pr->seg[i].memsz > pr->seg[i].filesz)
            pr->page[n++] =
                (struct tsp_page){.gpa = pr->seg[i].gpa + pr->seg[i].filesz,
                                  .len = (uint32_t)(pr->seg[i].memsz - pr->seg[i].filesz)};
        if (pr->seg[i].filesz > 0)
            pr->page[n++] = (struct tsp_page){.gpa = pr->seg[i].gpa,
                                              .len = (uint32_t)pr->seg[i].filesz,
                                              .data = pr->bytes + pr->seg[i].off};
    }
    setup->page = pr->page;
    setup->npage = n;
    setup->vcpu[0].regs.pc = pr->entry;
    return TSP_OK;
}

void program_free(struct program *pr)
{
    if (pr == NULL)
        return;
    free(pr->bytes);
    free(pr);
}
