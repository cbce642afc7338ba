/* SPDX-License-Identifier: MIT */
/* Scenario to set-up: what both architectures share. */
#include "fuzz/input/build.h"

#include "trapspec/bits.h"

#include <string.h>

void build_piece(struct builder *b, uint64_t gpa, const uint8_t *data, size_t len, uint32_t flags)
{
    struct tsp_page *page;

    if (len == 0 || b->out->npage >= TSP_MAX_PAGE || gpa < b->out->ram_base ||
        !range_ok(gpa - b->out->ram_base, len, b->out->ram_size))
        return;
    page = &b->img->page[b->out->npage++];
    page->gpa = gpa;
    page->len = (uint32_t)len;
    page->flags = flags;
    page->data = data;
}

/* First match wins, so the scenario's own entries come first. */
static void build_policy(struct builder *b, const struct tsp_leaf *base, size_t n_base)
{
    size_t n = b->s->nleaf < INPUT_LEAF_MAX ? b->s->nleaf : INPUT_LEAF_MAX;

    memcpy(b->img->leaf, b->s->leaf, n * sizeof(b->img->leaf[0]));
    if (n_base > TSP_MAX_LEAF - n)
        n_base = TSP_MAX_LEAF - n;
    if (n_base > 0)
        memcpy(b->img->leaf + n, base, n_base * sizeof(b->img->leaf[0]));
    b->out->npolicy = 1;
    b->out->policy[0].leaf = b->img->leaf;
    b->out->policy[0].n = n + n_base;
}

static void build_hypervisor(struct builder *b)
{
    const struct scenario *s = b->s;
    struct tsp_setup *out = b->out;

    out->arch = s->arch;
    out->host = s->host;
    out->nvcpu = s->nvcpu;
    out->patch = s->patch;
    if (s->protocol == TSP_PROTOCOL_EMULATE || s->protocol == TSP_PROTOCOL_INJECT)
        out->patch = s->protocol == TSP_PROTOCOL_EMULATE ? TSP_PATCH_EMULATE : TSP_PATCH_INJECT;
    out->psci = s->psci;
    out->protocol = s->protocol;
    out->how = s->how;
    out->config = s->config;
    for (unsigned i = 0; i < 2; i++) {
        out->persona[i] = s->persona[i];
        out->hv_base[i] = s->hv_base[i];
    }
    memcpy(out->fw_bitmap, s->fw_bitmap, sizeof(out->fw_bitmap));
    memcpy(out->workaround, s->workaround, sizeof(out->workaround));
    out->exit_ret = s->exit_ret;
    out->pvtime_ipa = s->config & TSP_CFG_PVTIME ? s->pvtime_ipa : 0;
}

void input_build(const struct scenario *s, const struct tsp_leaf *policy_base, size_t n_base,
                 struct input_image *img, struct tsp_setup *out)
{
    struct builder b = {s, img, out};

    memset(out, 0, sizeof(*out));
    out->page = img->page;
    build_hypervisor(&b);
    if (s->arch == TSP_ARCH_X86) {
        build_x86(&b);
        build_policy(&b, policy_base, n_base);
    } else {
        build_arm64(&b);
    }
}

int input_stub_vector(const struct scenario *s, uint64_t pc)
{
    if (tsp_mode_is_aarch32(s->mode))
        return build_arm32_vector(pc);
    if (s->arch != TSP_ARCH_X86)
        return pc - INPUT_ARM64_VECTORS < 0x800 ? (int)((pc - INPUT_ARM64_VECTORS) & ~0x7fu) : -1;
    return pc - INPUT_X86_STUBS < 0x1000 ? (int)((pc - INPUT_X86_STUBS) / 16) : -1;
}
