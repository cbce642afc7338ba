/* SPDX-License-Identifier: MIT */
/*
 * The patch protocols on real threads: one thread rewrites four bytes of shared memory, others
 * fetch them byte by byte as a processor might, one stores there as a guest would. What the
 * explorer proves of the model is tried here on the processor below, and under ThreadSanitizer.
 */
#include "tests/test_main.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#define READERS 2u
#define ROUNDS 3000u
#define BREAKPOINT 0xccu

static const uint8_t before[4] = {0x66, 0x0f, 0x01, 0xd9};
static const uint8_t native[4] = {0x66, 0x0f, 0x01, 0xc1}, other[4] = {0x66, 0x90, 0x90, 0x90};
static const uint8_t *after = native;
static _Atomic uint8_t site[4];
static _Atomic unsigned passed[READERS]; /* how often each reader has serialised */
static _Atomic bool stop;
static _Atomic unsigned torn, done;

static void put(const uint8_t byte[4])
{
    for (unsigned i = 0; i < 4; i++)
        atomic_store(&site[i], byte[i]);
}

static bool same(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, 4) == 0;
}

/* A fetch; the point between two of them is where a processor serialises. */
static void *reader(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg;
    uint8_t got[4];

    while (!atomic_load(&stop)) {
        got[0] = atomic_load(&site[0]);
        for (unsigned i = 1; i < 4; i++)
            got[i] = atomic_load(&site[i]);
        /* the breakpoint traps before the bytes behind it mean anything */
        if (got[0] != BREAKPOINT && !same(got, before) && !same(got, after))
            atomic_fetch_add(&torn, 1);
        atomic_fetch_add(&passed[self], 1);
        sched_yield();
    }
    return NULL;
}

static void serialise_all(void)
{
    for (unsigned i = 0; i < READERS; i++) {
        unsigned at = atomic_load(&passed[i]);

        /* the fetch under way, and the next one from its start */
        while (atomic_load(&passed[i]) - at < 2)
            sched_yield();
    }
}

static void text_poke(const uint8_t to[4])
{
    atomic_store(&site[0], BREAKPOINT);
    serialise_all();
    for (unsigned i = 1; i < 4; i++)
        atomic_store(&site[i], to[i]);
    serialise_all();
    atomic_store(&site[0], to[0]);
    serialise_all();
}

static void start(pthread_t id[READERS])
{
    atomic_store(&stop, false);
    atomic_store(&torn, 0);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&id[i], NULL, reader, (void *)(uintptr_t)i), 0);
}

static void finish(pthread_t id[READERS])
{
    atomic_store(&stop, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(id[i], NULL);
}

/* From and to an instruction that shares no byte but the first with it: plain stores would be seen
 * half done. */
static void text_poke_is_never_seen_torn(void **state)
{
    pthread_t id[READERS];

    (void)state;
    after = other;
    put(before);
    start(id);
    for (unsigned i = 0; i < ROUNDS / 30; i++)
        text_poke(i % 2 ? before : after);
    finish(id);
    assert_int_equal(atomic_load(&torn), 0);
}

/* Only the last byte differs between the two instructions: whole bytes are enough for those. */
static void one_byte_is_never_seen_torn(void **state)
{
    pthread_t id[READERS];

    (void)state;
    after = native;
    put(before);
    start(id);
    for (unsigned i = 0; i < ROUNDS; i++)
        atomic_store(&site[3], i % 2 ? before[3] : after[3]);
    finish(id);
    assert_int_equal(atomic_load(&torn), 0);
}

/* ---- a store of the guest against a rewrite of the same word ---- */

#define FOREIGN 0xf4d9010fu
#define NATIVE 0xf4c1010fu
#define GUESTS 0xf4909090u
static _Atomic uint32_t word;
static _Atomic unsigned turn;
static _Atomic unsigned lost;

static void *guest(void *arg)
{
    (void)arg;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        while (atomic_load(&turn) < 2 * i - 1)
            sched_yield();
        atomic_store(&word, GUESTS);
        atomic_fetch_add(&done, 1);
        while (atomic_load(&turn) < 2 * i)
            sched_yield();
    }
    return NULL;
}

/* Each round the guest replaces the site once, while the hypervisor rewrites it by compare and
 * swap: whoever comes first, what the guest stored is there in the end. */
static void compare_and_swap_loses_no_store(void **state)
{
    pthread_t id;

    (void)state;
    atomic_store(&turn, 0);
    atomic_store(&done, 0);
    atomic_store(&lost, 0);
    assert_int_equal(pthread_create(&id, NULL, guest, NULL), 0);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        uint32_t expected = FOREIGN;

        atomic_store(&word, FOREIGN);
        atomic_store(&turn, 2 * i - 1);
        atomic_compare_exchange_strong(&word, &expected, NATIVE);
        while (atomic_load(&done) != i)
            sched_yield();
        if (atomic_load(&word) != GUESTS)
            atomic_fetch_add(&lost, 1);
        atomic_store(&turn, 2 * i);
    }
    pthread_join(id, NULL);
    assert_int_equal(atomic_load(&lost), 0);
}

/* ---- all protocols, each as its stores, on real threads ---- */

struct shared {
    const char *name;
    /* stores to the site in turn: byte 0 to 3, or all four at once */
    void (*rewrite)(void);
    bool torn; /* may be seen half done, whatever the processor */
};

/* KVM, KVM as proposed, VirtualBox: byte by byte; the first two are what they were. */
static void copy_bytes(void)
{
    for (unsigned i = 1; i < 4; i++)
        atomic_store(&site[i], native[i]);
}

/* lguest: INT 0x1f and NOP. */
static void copy_gate(void)
{
    static const uint8_t gate[4] = {0x66, 0xcd, 0x1f, 0x90};

    for (unsigned i = 1; i < 4; i++)
        atomic_store(&site[i], gate[i]);
}

static void store_nothing(void)
{
}

/* The page flip: the fetching side sees one page or the other. */
static void flip(void)
{
    atomic_store(&site[3], native[3]);
}

static void poke_native(void)
{
    text_poke(native);
}

static const struct shared protocols[] = {
    {"kvm@linux-6.1", copy_bytes, false}, {"kvm-2021", copy_bytes, false},
    {"lguest", copy_gate, true},          {"virtualbox", copy_bytes, false},
    {"emulate", store_nothing, false},    {"inject", store_nothing, false},
    {"page-flip", flip, false},           {"text-poke", poke_native, false},
};

/* Each protocol's stores against fetching threads: only lguest's three differing bytes can be seen
 * half done, and then it is no data race but a torn instruction, which is what is counted. */
static void protocols_on_real_threads(void **state)
{
    pthread_t id[READERS];

    (void)state;
    for (size_t p = 0; p < sizeof(protocols) / sizeof(protocols[0]); p++) {
        after = native;
        put(before);
        start(id);
        for (unsigned i = 0; i < ROUNDS / 30; i++) {
            protocols[p].rewrite();
            serialise_all();
            if (protocols[p].torn)
                put(before);
            else
                text_poke(before);
        }
        finish(id);
        if (!protocols[p].torn && atomic_load(&torn) != 0)
            fail_msg("%s: %u torn fetches", protocols[p].name, atomic_load(&torn));
        assert_true(same((const uint8_t[]){atomic_load(&site[0]), atomic_load(&site[1]),
                                           atomic_load(&site[2]), atomic_load(&site[3])},
                         before));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(text_poke_is_never_seen_torn),
    cmocka_unit_test(one_byte_is_never_seen_torn),
    cmocka_unit_test(compare_and_swap_loses_no_store),
    cmocka_unit_test(protocols_on_real_threads),
};

TEST_MAIN(tests)
