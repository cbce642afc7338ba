/* SPDX-License-Identifier: MIT */
/* judge_stop ends a harness with one line and SIGABRT, or lets it go on. Each case runs in a child.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/fake_spec.h"

#include "fuzz/run/run.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test_main.h"

static const struct spec_rule rules[] = {
    {.id = "UD-1", .table = "patch", .pred = "code_unchanged"},
    {.id = "X-1", .table = "x86_leaves", .pred = "zero"},
    {.id = "NEW-1", .table = "patch", .pred = "a predicate nobody listed"},
};

/* Runs judge_stop on one finding in a child; fills what it printed and returns its wait status. */
static int judged(const struct finding *f, const struct known *k, char *out, size_t max)
{
    static struct tsp_trace trace;
    struct spec s = {.rule = rules, .n = 3, .finding = f, .nfinding = 1};
    struct target t = {.name = "model:kvm"};
    struct tsp_setup setup = {.nvcpu = 1};
    struct spec_options opt = {.least = VERDICT_FAIL};
    int fd[2], status;
    size_t n = 0;
    ssize_t got;
    pid_t pid;

    trace.n = 2;
    trace.ev[1] = (struct tsp_event){
        .kind = TSP_EV_PATCH, .len = 3, .fetched = {0x0f, 0x01, 0xc1}, .before.pc = 0x10000};
    assert_int_equal(pipe(fd), 0);
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fd[1], 2);
        signal(SIGABRT, SIG_DFL);
        judge_accept(k);
        judge_stop(&s, &t, &setup, &trace, &opt);
        _exit(0);
    }
    close(fd[1]);
    while (n + 1 < max && (got = read(fd[0], out + n, max - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    close(fd[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void judge_aborts_with_one_line(void **state)
{
    const struct finding f = {
        .verdict = VERDICT_FAIL, .rule = 0, .event = 1, .expected = "0f01c1", .got = "0f01d9"};
    char text[512];
    int status = judged(&f, NULL, text, sizeof(text));

    (void)state;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_string_equal(
        text, "violation: UD-1, model:kvm, #1 patch vcpu=0 pc=0x10000 code=0x0 bytes=0f01c1, "
              "expected 0f01c1, got 0f01d9\n");
}

static void judge_aborts_whatever_the_rule_class(void **state)
{
    char text[512];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        const struct finding f = {.verdict = VERDICT_FAIL, .rule = i};
        int status = judged(&f, NULL, text, sizeof(text));

        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_non_null(strstr(text, rules[i].id));
    }
}

static void judge_goes_on_when_the_target_is_not_to_blame(void **state)
{
    static const struct finding row[] = {
        {.verdict = VERDICT_PASS, .rule = 0},
        {.verdict = VERDICT_GAP, .rule = ~0u},
        {.verdict = VERDICT_SKIP, .rule = 0},
        {.verdict = VERDICT_KNOWN, .rule = 0},
        {.verdict = VERDICT_ERROR, .rule = 0},
        {.verdict = VERDICT_FAIL, .subject = SUBJECT_POLICY, .rule = 0},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        int status = judged(&row[i], NULL, text, sizeof(text));

        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_string_equal(text, "");
    }
}

static void judge_goes_on_over_accepted_deviations(void **state)
{
    const char *path = test_file("judge_stop.csv");
    const struct finding f = {.verdict = VERDICT_FAIL, .rule = 0};
    struct tsp_error err;
    struct known *k = NULL;
    char text[512];
    FILE *file = fopen(path, "wb");
    int status;

    (void)state;
    assert_non_null(file);
    fputs("UD-1, shipped\n", file);
    fclose(file);
    assert_int_equal(known_load(&k, path, &err), TSP_OK);
    remove(path);
    status = judged(&f, k, text, sizeof(text));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    known_free(k);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(judge_aborts_with_one_line),
    cmocka_unit_test(judge_aborts_whatever_the_rule_class),
    cmocka_unit_test(judge_goes_on_when_the_target_is_not_to_blame),
    cmocka_unit_test(judge_goes_on_over_accepted_deviations),
};

TEST_MAIN(tests)
