/* SPDX-License-Identifier: MIT */
/* Names of profiles and behaviours, and how they combine. */
#include "emu/hv/behaviour.h"

#include "tests/test_main.h"

#define WORDS 4

static bool on(const uint64_t *set, unsigned id)
{
    return ((set[id / 64] >> (id % 64)) & 1) != 0;
}

static void kvm_profile_is_empty(void **state)
{
    static const uint64_t zero[WORDS];
    uint64_t set[WORDS] = {1, 1, 1, 1};

    (void)state;
    assert_int_equal(behaviour_parse("kvm", set, WORDS, NULL), TSP_OK);
    assert_memory_equal(set, zero, sizeof(set));
}

struct set_row {
    const char *profile;
    unsigned id;
    bool on;
};

static const struct set_row sets[] = {
    {"kvm@linux-6.1", BEHAVIOUR_PATCH_RAW_RIP, true},
    {"kvm@linux-6.1", BEHAVIOUR_UNHALT_LATE, true},
    {"kvm@linux-6.1", BEHAVIOUR_MUT_ANY_CPL, false},
    {"kvm@linux-6.12", BEHAVIOUR_PATCH_RAW_RIP, true}, /* from its base */
    {"kvm@linux-6.12", BEHAVIOUR_UNHALT_LATE, false},  /* taken away again */
    {"kvm@linux-6.12", BEHAVIOUR_INVTSC_SHOWN, false},
    {"kvm@linux-6.12", BEHAVIOUR_ARM_ABORT_ESR, false},
    {"kvm@linux-6.12", BEHAVIOUR_MAP_GPA_NUMBER, true}, /* its own */
    {"kvm@linux-6.1", BEHAVIOUR_MAP_GPA_NUMBER, false},
    {"kvm@linux-6.13", BEHAVIOUR_MAP_GPA_NUMBER, true},
    {"kvm@linux-6.16", BEHAVIOUR_MAP_GPA_NUMBER, false},
    {"kvm+mut_any_cpl", BEHAVIOUR_MUT_ANY_CPL, true},
    {"kvm+mut_any_cpl-mut_any_cpl", BEHAVIOUR_MUT_ANY_CPL, false},
    {"kvm@linux-6.1-patch_raw_rip", BEHAVIOUR_PATCH_RAW_RIP, false},
    {"kvm@linux-6.1-patch_raw_rip", BEHAVIOUR_PATCH_AT_START, true},
    {"kvm@linux-6.1-patch_raw_rip+mut_no_echo", BEHAVIOUR_MUT_NO_ECHO, true},
};

static void kvm_profiles_switch_behaviours(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        uint64_t set[WORDS];

        assert_int_equal(behaviour_parse(sets[i].profile, set, WORDS, NULL), TSP_OK);
        assert_int_equal(on(set, sets[i].id), sets[i].on);
        assert_int_equal(profile_has(sets[i].profile, sets[i].id), sets[i].on);
    }
}

struct bad_row {
    const char *profile, *says;
};

static const struct bad_row bad[] = {
    {"", "did you mean"},
    {"kvmm", "\"kvm\""},
    {"kvm@linux-6.15", "\"kvm@linux-6.1"},
    {"KVM", "unknown profile"},
    {"kvm+", "unknown behaviour"},
    {"kvm+patch_raw_ripp", "\"patch_raw_rip\""},
    {"kvm+patch_raw", "\"patch_raw_rip\""},
    {"kvm+mut_any_cpl+", "unknown behaviour"},
    {"kvm-", "unknown behaviour"},
    {"kvm@linux-6.1 ", "unknown profile"},
};

static void kvm_unknown_names_are_refused(void **state)
{
    static const uint64_t zero[WORDS];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tsp_error err = {0};
        uint64_t set[WORDS] = {1, 1, 1, 1};

        assert_int_equal(behaviour_parse(bad[i].profile, set, WORDS, &err), TSP_EARG);
        assert_int_equal(err.code, TSP_EARG);
        if (strstr(err.text, bad[i].says) == NULL)
            fail_msg("%s: %s", bad[i].profile, err.text);
        assert_memory_equal(set, zero, sizeof(set));
        assert_false(profile_has(bad[i].profile, 0));
    }
}

/* Long garbage is cut in the message, not beyond it. */
static void kvm_long_names_are_refused(void **state)
{
    char name[4096];
    struct tsp_error err;
    uint64_t set[WORDS];

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(behaviour_parse(name, set, WORDS, &err), TSP_EARG);
    memcpy(name, "kvm+", 4);
    assert_int_equal(behaviour_parse(name, set, WORDS, &err), TSP_EARG);
    assert_non_null(memchr(err.text, '\0', sizeof(err.text)));
}

/* Every line can be shown to a person, names are unique, wrong behaviours are in no profile. */
static void kvm_behaviours_are_listed(void **state)
{
    const char *name, *text, *source, *other, *profile;
    unsigned n = 0;

    (void)state;
    for (; behaviour_at(n, &name, &text, &source); n++) {
        assert_true(name[0] != '\0' && text[0] != '\0' && source[0] != '\0');
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
        for (unsigned k = 0; k < n && behaviour_at(k, &other, NULL, NULL); k++)
            assert_string_not_equal(name, other);
        for (unsigned p = 0; profile_at(p, &profile, NULL); p++)
            assert_false(profile_has(profile, n) && strncmp(text, "mutant:", 7) == 0);
    }
    assert_int_equal(n, BEHAVIOUR_COUNT);
    assert_false(profile_has("kvm@linux-6.1", BEHAVIOUR_COUNT));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(kvm_profile_is_empty),
    cmocka_unit_test(kvm_profiles_switch_behaviours),
    cmocka_unit_test(kvm_unknown_names_are_refused),
    cmocka_unit_test(kvm_long_names_are_refused),
    cmocka_unit_test(kvm_behaviours_are_listed),
};

TEST_MAIN(tests)
