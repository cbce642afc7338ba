/* SPDX-License-Identifier: MIT */
/* The harness binaries and the AFL++ mutator from outside, as engines and people use them. */
#define _POSIX_C_SOURCE 200809L

#include "tests/test_main.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/input_random.h"

#define BIN TSP_BINARY_DIR "/bin/"
#define TEXT TSP_SOURCE_DIR "/corpora/text/"

/* Exit status of a shell command, or 128 and the signal. */
static int run(const char *command)
{
    int status = system(command); /* NOLINT(cert-env33-c): these run as people run them */

    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void no_arguments_is_a_usage_error(void **state)
{
    (void)state;
    assert_int_equal(run(BIN "fz_exec 2>/dev/null"), 2);
}

static void unreadable_file_is_reported(void **state)
{
    (void)state;
    assert_int_equal(run(BIN "fz_exec /nonexistent/input 2>/dev/null"), 1);
}

static void unknown_target_is_refused(void **state)
{
    (void)state;
    assert_int_equal(run(BIN "fz_exec --target=model:nothing " TEXT "fz_exec 2>/dev/null"), 2);
    assert_int_equal(run("TRAPSPEC_TARGET=nothing " BIN "fz_exec " TEXT "fz_exec 2>/dev/null"), 2);
}

static void readme_and_summaries_are_skipped(void **state)
{
    char directory[] = "/tmp/tsp_harness_XXXXXX", command[512];

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(command, sizeof(command),
             "cd %s && touch README.md a.summary .hidden && printf x >b && " BIN
             "fz_exec . 2>&1 | grep -q '^1 inputs replayed, 0 unreadable'",
             directory);
    assert_int_equal(run(command), 0);
    snprintf(command, sizeof(command), "rm -r %s", directory);
    assert_int_equal(run(command), 0);
}

/* What shipped KVM does and no document allows is found in the seeds alone, by both harnesses that
 * must. */
static void shipped_kvm_breaks_rules_in_the_seeds(void **state)
{
    (void)state;
    assert_int_not_equal(
        run(BIN "fz_hypercall --target=model:kvm@linux-6.1 " TEXT "fz_hypercall 2>/dev/null"), 0);
}

static void afl_mutator_loads_and_is_bounded(void **state)
{
    static uint8_t in[INPUT_BYTES_MAX], add[64];
    void *so = dlopen(BIN "trapspec_mutator.so", RTLD_NOW), *m;
    void *(*init)(void *, unsigned);
    size_t (*fuzz)(void *, uint8_t *, size_t, uint8_t **, uint8_t *, size_t, size_t);
    void (*deinit)(void *);
    uint64_t seed = 10;

    (void)state;
    if (so == NULL)
        fail_msg("%s", dlerror());
    *(void **)&init = dlsym(so, "afl_custom_init");
    *(void **)&fuzz = dlsym(so, "afl_custom_fuzz");
    *(void **)&deinit = dlsym(so, "afl_custom_deinit");
    assert_true(init != NULL && fuzz != NULL && deinit != NULL);
    m = init(NULL, 1);
    assert_non_null(m);
    for (unsigned i = 0; i < 5000; i++) {
        size_t n = random_input(in, 512, &seed), max = 1 + random_next(&seed) % 2000;
        uint8_t *out = NULL;
        size_t got = fuzz(m, in, n, &out, i & 1 ? add : NULL, sizeof(add), max);

        assert_non_null(out);
        assert_true(got >= 1 && got <= max);
    }
    deinit(m);
    dlclose(so);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(no_arguments_is_a_usage_error),
    cmocka_unit_test(unreadable_file_is_reported),
    cmocka_unit_test(unknown_target_is_refused),
    cmocka_unit_test(readme_and_summaries_are_skipped),
    cmocka_unit_test(shipped_kvm_breaks_rules_in_the_seeds),
    cmocka_unit_test(afl_mutator_loads_and_is_bounded),
};

TEST_MAIN(tests)
