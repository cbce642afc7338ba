/* SPDX-License-Identifier: MIT */
/* Programs for interfaces that take more than one instruction: lguest's guests register their data
 * before they call, VMI's ask where a call is. */
#include "fuzz/input/mutate.h"

#include <string.h>

#include "trapspec/bits.h"

#define ROM 0xc8000u
#define ROM_RELOC 0x88u
#define DATA_SYSCALL 1388u
#define SYSCALL_VECTOR 0x80u
#define LGUEST_NUMBERS 24u
#define VMI_NUMBERS 76u

struct text {
    uint8_t *byte;
    uint32_t n;
};

static void put(struct text *t, const void *p, uint32_t n)
{
    if (n > INPUT_CODE_MAX - t->n)
        return;
    memcpy(t->byte + t->n, p, n);
    t->n += n;
}

/* MOV r32, imm32 */
static void put_mov(struct text *t, unsigned reg, uint32_t v)
{
    uint8_t b[5] = {(uint8_t)(0xb8 + reg)};

    le_store(b + 1, v, 4);
    put(t, b, sizeof(b));
}

static uint32_t value(struct rng *r)
{
    static const uint32_t likely[] = {0,     1,      2,      3,      31,     32,     0x80,
                                      0x100, 0x8e00, 0x8f00, 0x8c00, 0x1000, 0x8000, 0x12000};

    if (rng_below(r, 2))
        return RNG_PICK(r, likely);
    return (uint32_t)mutate_value(r, 0);
}

static void lguest(struct text *t, struct rng *r)
{
    static const uint8_t call[] = {0xcd, 0x1f}, vmcall[] = {0x0f, 0x01, 0xc1};
    uint8_t store[10] = {0xc7, 0x05};

    le_store(store + 2, INPUT_X86_DATA + DATA_SYSCALL, 4);
    le_store(store + 6, SYSCALL_VECTOR, 4);
    if (rng_below(r, 8)) {
        put(t, store, sizeof(store));
        put_mov(t, TSP_RBX, INPUT_X86_DATA);
        put_mov(t, TSP_RAX, 1);
        put(t, call, sizeof(call));
    }
    for (uint32_t i = 1 + rng_below(r, 3); i > 0; i--) {
        put_mov(t, TSP_RBX, value(r));
        put_mov(t, TSP_RCX, value(r));
        put_mov(t, TSP_RDX, value(r));
        put_mov(t, TSP_RAX, rng_below(r, 8) ? rng_below(r, LGUEST_NUMBERS) : value(r));
        if (rng_below(r, 8))
            put(t, call, sizeof(call));
        else
            put(t, vmcall, sizeof(vmcall));
    }
}

static void vmi(const struct scenario *s, struct text *t, struct rng *r)
{
    static const uint8_t keep[] = {0x89, 0xc7}, call_kept[] = {0xff, 0xd7};

    for (uint32_t i = 1 + rng_below(r, 3); i > 0; i--) {
        uint8_t call[5] = {0xe8};

        put_mov(t, TSP_RAX, rng_below(r, VMI_NUMBERS));
        le_store(call + 1, ROM + ROM_RELOC - (uint32_t)(s->code_at + t->n + sizeof(call)), 4);
        put(t, call, sizeof(call));
        put(t, keep, sizeof(keep));
        put_mov(t, TSP_RAX, value(r));
        put_mov(t, TSP_RCX, value(r));
        put(t, call_kept, sizeof(call_kept));
    }
}

bool mutate_history(struct scenario *s, struct rng *r)
{
    static const uint8_t end[] = {0xe6, INPUT_END_PORT, 0xf4};
    struct text t = {s->code[0], 0};

    if (s->mode != TSP_MODE_PROT32 ||
        (s->persona[0] != TSP_PERSONA_LGUEST && s->persona[0] != TSP_PERSONA_VMI))
        return false;
    memset(s->code[0], 0, INPUT_CODE_MAX);
    if (s->persona[0] == TSP_PERSONA_LGUEST)
        lguest(&t, r);
    else
        vmi(s, &t, r);
    put(&t, end, sizeof(end));
    s->ncode[0] = t.n;
    return true;
}
