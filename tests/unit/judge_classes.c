/* SPDX-License-Identifier: MIT */
/* Crashes are grouped by function: each rule class of the shipped tables needs its own. */
#include "fuzz/run/run.h"

#include "tests/test_main.h"

static void judge_classes_cover_the_tables(void **state)
{
    const struct spec *spec = spec_builtin();
    struct spec_rule rule;
    unsigned n = spec_rule_count(spec);

    (void)state;
    assert_true(n > 0);
    for (unsigned i = 0; i < n; i++) {
        assert_true(spec_rule_at(spec, i, &rule));
        if (!judge_has_class(rule.pred))
            fail_msg("fuzz/run/violation.def has no line for %s of rule %s", rule.pred, rule.id);
    }
    assert_false(judge_has_class("no such predicate"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(judge_classes_cover_the_tables),
};

TEST_MAIN(tests)
