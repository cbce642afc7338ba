/* SPDX-License-Identifier: MIT */
/* Guest code of the speed table, written out as bytes so that every peer runs exactly the same. */
#include "tests/bench/bench.h"

#include <string.h>

#include "trapspec/bits.h"

static void put(struct bench_code *c, const void *p, unsigned n)
{
    memcpy(c->byte + c->n, p, n);
    c->n += n;
}

static void put32(struct bench_code *c, uint32_t v)
{
    le_store(c->byte + c->n, v, 4);
    c->n += 4;
}

static uint32_t step(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* One of the registers that cases use for data: EAX ECX EDX EBX ESI EDI and R8 to R15 stay out of
 * RSP and RBP. */
static uint8_t reg(uint32_t *seed)
{
    static const uint8_t r[] = {0, 1, 2, 3, 6, 7};

    return r[step(seed) % sizeof(r)];
}

static void plain(struct bench_code *c, uint32_t *seed)
{
    static const uint8_t op[] = {0x01, 0x29, 0x31, 0x21,
                                 0x09, 0x39, 0x85, 0x89}; /* add sub xor and or cmp test mov */
    uint32_t kind = step(seed) % 6;
    uint8_t a = reg(seed), b = reg(seed);

    switch (kind) {
    case 0: /* op r64, r64 */
    case 1:
        put(c, (uint8_t[]){0x48, op[step(seed) % 8], (uint8_t)(0xc0 | b << 3 | a)}, 3);
        break;
    case 2: /* add r32, imm32 */
        put(c, (uint8_t[]){0x81, (uint8_t)(0xc0 | a)}, 2);
        put32(c, step(seed));
        break;
    case 3: /* shl r32, imm8 */
        put(c, (uint8_t[]){0xc1, (uint8_t)(0xe0 | a), (uint8_t)(step(seed) & 31)}, 3);
        break;
    case 4: /* mov [rbp + disp8], r64 */
        put(c, (uint8_t[]){0x48, 0x89, (uint8_t)(0x45 | a << 3), (uint8_t)(step(seed) & 0x78)}, 4);
        break;
    default: /* mov r64, [rbp + disp8] */
        put(c, (uint8_t[]){0x48, 0x8b, (uint8_t)(0x45 | a << 3), (uint8_t)(step(seed) & 0x78)}, 4);
        break;
    }
}

const uint8_t bench_vmcall[3] = {0x0f, 0x01, 0xc1};

void bench_case(unsigned i, const uint8_t call[3], struct bench_code *out)
{
    static const uint32_t leaf[] = {0,          1,          7,          0xb,       0xd,
                                    0x40000000, 0x40000001, 0x80000000, 0x80000008};
    uint32_t seed = i * 2654435761u + 12345;

    out->n = 0;
    for (unsigned k = 0; k < 32; k++) {
        if (k % 8 == 3) { /* mov eax, leaf; cpuid: two instructions */
            put(out, "\xb8", 1);
            put32(out, leaf[step(&seed) % 9]);
            put(out, "\x0f\xa2", 2);
            k++;
        } else if (k % 8 == 7) {
            put(out, call, 3);
        } else {
            plain(out, &seed);
        }
    }
    put(out, "\xf4", 1);
}

/* mov esi, count; body; dec esi; jnz body; hlt */
static void loop(struct bench_code *out, uint32_t count, const void *body, unsigned n)
{
    out->n = 0;
    put(out, "\xbe", 1);
    put32(out, count);
    put(out, body, n);
    put(out, "\xff\xce\x0f\x85", 4);
    put32(out, (uint32_t) - (int32_t)(n + 8));
    put(out, "\xf4", 1);
}

void bench_loop_cpuid(uint32_t count, struct bench_code *out)
{
    loop(out, count, "\xb8\x01\0\0\0\x0f\xa2", 7); /* mov eax, 1; cpuid */
}

void bench_loop_call(uint32_t count, struct bench_code *out)
{
    loop(out, count, "\xb8\x01\0\0\0\x0f\x01\xc1", 8); /* mov eax, 1; vmcall */
}

void bench_loop_plain(uint32_t count, struct bench_code *out)
{
    loop(out, count,
         "\x48\x01\xd8"         /* add rax, rbx */
         "\x48\x31\xc2"         /* xor rdx, rax */
         "\x48\x89\x55\x08"     /* mov [rbp+8], rdx */
         "\x48\x8b\x4d\x08"     /* mov rcx, [rbp+8] */
         "\x48\xc1\xe1\x03"     /* shl rcx, 3 */
         "\x48\x29\xcb"         /* sub rbx, rcx */
         "\x48\x0f\xaf\xc3"     /* imul rax, rbx */
         "\x48\x8d\x7c\x18\x05" /* lea rdi, [rax+rbx+5] */
         "\x89\x7d\x10"         /* mov [rbp+16], edi */
         "\x0f\xb6\x55\x10",    /* movzx edx, byte [rbp+16] */
         37);
}
