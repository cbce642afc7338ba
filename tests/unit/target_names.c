/* SPDX-License-Identifier: MIT */
/* Targets by name: what opens, what is refused and with which hint. */
#include "fuzz/target/target.h"

#include "tests/test_main.h"

static void target_model_opens_and_closes(void **state)
{
    struct tsp_error err = {0};
    struct target t;

    (void)state;
    assert_int_equal(target_open(&t, "model:kvm", &err), TSP_OK);
    assert_string_equal(t.name, "model:kvm");
    assert_true((t.caps & (TSP_CAP_EXEC | TSP_CAP_STEPS | TSP_CAP_PEEK)) ==
                (TSP_CAP_EXEC | TSP_CAP_STEPS | TSP_CAP_PEEK));
    assert_int_equal(t.ops->size, sizeof(struct tsp_target_ops));
    target_close(&t);
    assert_null(t.ops);
    target_close(&t);
}

static void target_unknown_names_get_the_nearest(void **state)
{
    static const struct {
        const char *name, *hint;
    } row[] = {
        {"modle:kvm", "model:kvm"}, {"mode", "model:kvm"},  {"kvn", "kvm"},
        {"goldn:x", "golden:FILE"}, {"dmp:x", "dump:FILE"}, {"pluggin:x", "plugin:FILE"},
        {"", "there are"},          {"KVM", "there are"},   {":", "there are"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tsp_error err = {0};
        struct target t;

        assert_int_equal(target_open(&t, row[i].name, &err), TSP_EARG);
        assert_int_equal(err.code, TSP_EARG);
        assert_non_null(strstr(err.text, row[i].hint));
    }
}

static void target_unknown_profile_names_the_nearest(void **state)
{
    struct tsp_error err = {0};
    struct target t;

    (void)state;
    assert_int_equal(target_open(&t, "model:kvn", &err), TSP_EARG);
    assert_non_null(strstr(err.text, "kvm"));
    assert_null(t.ops);
    target_close(&t);
}

static void target_kinds_that_need_more_say_so(void **state)
{
    static const char *const name[] = {"golden:x.jsonl", "dump:x"};

    (void)state;
    for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
        struct tsp_error err = {0};
        struct target t;

        assert_int_equal(target_open(&t, name[i], &err), TSP_ENOTSUP);
        assert_true(strlen(err.text) > strlen(name[i]) + 10);
    }
}

static void target_plugin_that_is_not_there(void **state)
{
    static const char *const name[] = {"plugin:./not-there.so", "plugin:/dev/null",
                                       "plugin:/not/there.so,arguments"};
    struct tsp_error err = {0};
    struct target t;

    (void)state;
    for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
        assert_true(target_open(&t, name[i], &err) < 0);
        assert_true(err.code == TSP_EIO || err.code == TSP_ENOTSUP);
        assert_true(strlen(err.text) > 20);
        assert_null(strchr(err.text, '\n'));
    }
    assert_int_not_equal(target_open(&t, "plugin:", &err), TSP_OK);
    assert_int_not_equal(target_open(&t, "plugin:,x", &err), TSP_OK);
}

static void target_endless_name_is_refused(void **state)
{
    char name[4096];
    struct tsp_error err = {0};
    struct target t;

    (void)state;
    memset(name, 'm', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(target_open(&t, name, &err), TSP_EARG);
    memcpy(name, "model:", 6);
    assert_int_equal(target_open(&t, name, &err), TSP_EARG);
    assert_int_equal(err.code, TSP_EARG);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(target_model_opens_and_closes),
    cmocka_unit_test(target_unknown_names_get_the_nearest),
    cmocka_unit_test(target_unknown_profile_names_the_nearest),
    cmocka_unit_test(target_kinds_that_need_more_say_so),
    cmocka_unit_test(target_plugin_that_is_not_there),
    cmocka_unit_test(target_endless_name_is_refused),
};

TEST_MAIN(tests)
