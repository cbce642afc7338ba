/* SPDX-License-Identifier: MIT */
/*
 * Memory behind Xen's calls. What a call answers goes to the buffer that the guest named, as many
 * bytes as its structure has; XENVER_* once copied whatever lay on Xen's stack behind a text
 * (XSA-122), and calls of 32-bit guests have smaller structures. Each row begins with a call that
 * is right and changes one thing of what was seen of it.
 */
#include "tests/spec/steps.h"

#define CALL "event=hypercall"
#define MSR "event=msr"

/* A text of eight characters in a structure of 16 bytes at 0x12000. */
static void texts(void)
{
    call();
    k->arg[0] = k->arg[1] = (struct tsp_look_mem){.lin = 0x12000, .gpa = 0x12000, .n = 96};
    memcpy(k->arg[1].byte, "4.21-pre", 8);
    k->change[0] = (struct tsp_look_change){.gpa = 0x12000, .len = 16};
    k->nchange = 1;
    ev->after.r[TSP_RAX] = 0;
}

static void texts_narrow(void)
{
    texts();
    ev->before.mode = ev->after.mode = TSP_MODE_PROT32;
}

/* WRMSR of the hypercall page, which fills the frame at 0x12000. */
static void page_set(void)
{
    step(TSP_EV_MSR, TSP_MODE_LONG64, "\x0f\x30", 2);
    ev->before.r[TSP_RAX] = 0x12000;
    ev->before.r[TSP_RDX] = 0;
    k->change[0] = (struct tsp_look_change){.gpa = 0x12000, .len = 4096};
    k->nchange = 1;
}

static void nothing_but_the_answer_is_written(void **state)
{
    (void)state;
    ROW(CALL, "xen_wrote(16)", texts, k->change[0].len = 17);
    ROW(CALL, "xen_wrote(16)", texts, k->change[0].gpa = 0x11fff);
    ROW(CALL, "xen_wrote(16)", texts, k->change[0].gpa = 0x12010; k->change[0].len = 1);
    ROW(CALL, "xen_wrote(16)", texts, k->nchange = 2; k->change[1].gpa = 0x5000;
        k->change[1].len = 100);
    ROW(CALL, "xen_wrote(16)", texts, k->arg[1].n = 0);
    texts();
    judge_row(CALL, "xen_wrote(16|4)", true, "what was asked");
    judge_row(CALL, "xen_wrote(0)", true, "anything");
    k->change[0].gpa += 4;
    k->change[0].len = 12;
    judge_row(CALL, "xen_wrote(16|4)", false, "the answer");
}

/* A structure may go on in another page, which lies anywhere. */
static void answers_cross_pages(void **state)
{
    (void)state;
    texts();
    k->arg[1].gpa = 0x12ff8;
    k->change[0].gpa = 0x5000;
    k->change[0].len = 8;
    judge_row(CALL, "xen_wrote(16)", false, "the second page");
    k->change[0].len = 9;
    judge_row(CALL, "xen_wrote(16)", true, "more of the second page");
}

/* Xen may walk the guest's tables as a processor does, and later has pages of its own. */
static void who_else_writes(void **state)
{
    (void)state;
    texts();
    k->before.x86.cr0 = 0x80000001u;
    k->change[0] = (struct tsp_look_change){.gpa = 0x4000, .len = 1, .was = {0x07}, .now = {0x67}};
    judge_row(CALL, "xen_wrote(0)", false, "accessed and dirty");
    k->change[0].now[0] = 0x06;
    judge_row(CALL, "xen_wrote(0)", true, "present");
    texts();
    k->event = 2;
    trace.n = 1;
    *add_event(TSP_EV_HYPERCALL, TSP_MODE_LONG64, "\x0f\x01\xc1", 3) = *ev;
    *add_event(TSP_EV_HYPERCALL, TSP_MODE_LONG64, "\x0f\x01\xc1", 3) = *ev;
    judge_row(CALL, "xen_wrote(0)", false, "a later call");
}

static void texts_end_and_are_padded(void **state)
{
    (void)state;
    ROW(CALL, "xen_text(16)", texts, k->arg[1].byte[12] = 1);
    ROW(CALL, "xen_text(16)", texts, k->arg[1].byte[0] = 0);
    ROW(CALL, "xen_text(16)", texts, memset(k->arg[1].byte, 'x', 16));
    ROW(CALL, "xen_text(16|16)", texts, k->arg[1].byte[31] = 1);
    texts();
    k->arg[1].byte[16] = 0x55;
    judge_row(CALL, "xen_text(16)", false, "behind the structure");
    ev->after.r[TSP_RAX] = (uint64_t)-14;
    k->arg[1].byte[12] = 1;
    judge_row(CALL, "xen_text(16)", false, "of a call that failed");
}

static void words_of_the_answer(void **state)
{
    (void)state;
    ROW(CALL, "xen_word(8|0|0)", texts, k->arg[1].byte[8] = 1);
    ROW(CALL, "xen_bits(0|0xff|0x34)", texts, k->arg[1].byte[0] = 0x35);
    texts_narrow();
    k->arg[1].byte[8] = 1;
    judge_row(CALL, "xen_word(8|0|0)", true, "32 bits wide");
    ev->after.r[TSP_RAX] = 0xfffffff2u;
    judge_row(CALL, "xen_word(8|0|0)", false, "of a call that failed");
}

static void one_page_is_filled(void **state)
{
    (void)state;
    ROW(MSR, "xen_framed", page_set, k->change[0].gpa = 0x13000);
    ROW(MSR, "xen_framed", page_set, k->nchange = 2; k->change[1].gpa = 0x13000;
        k->change[1].len = 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_the_answer_is_written),
        cmocka_unit_test(answers_cross_pages),
        cmocka_unit_test(who_else_writes),
        cmocka_unit_test(texts_end_and_are_padded),
        cmocka_unit_test(words_of_the_answer),
        cmocka_unit_test(one_page_is_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
