/* SPDX-License-Identifier: MIT */
/*
 * A good dump of each format, damaged in thousands of ways: read or refused with a reason, without
 * a crash or a leak. The generator is seeded: a failure is the same on every machine.
 */
#include "tests/test_main.h"

#include "cli/formats/dump.h"
#include "tests/unit/damage.h"

#include <stdlib.h>

#define ROUNDS 3000u
#define ROOM 4096u

static const char *const good_text[] = {
    "CPU 0:\n   0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n"
    "CPU 1:\n   0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n",
    "\xff\xfe------[ Logical CPU #0 ]------\nCPUID 00000000: 0000000D-756E6547-6C65746E-49656E69\n"
    "CPUID 0000000D: 00000008-00000000-00000001-00000000 [SL 10] [HWP]\n",
    "------[ Logical CPU #0 ]------\nCPUID 00000000: 0000000D-756E6547-6C65746E-49656E69\n"
    "CPUID 0000000D: 00000008-00000000-00000001-00000000 [SL 10] [HWP]\nCPU#001 AffMask: 0x2\n"
    "CPUID 00000000: 0000000D-756E6547-6C65746E-49656E69\n",
    "version=0.5\n____ Logical CPU #0 ____\nbasic_cpuid[0]=0000000d 756e6547 6c65746e 49656e69\n"
    "intel_fn4[1]=1 2 3 4\namd_fn8000001dh[0]=1 2 3 4\n",
    "CPU features:\n0x00000001: EAX=0x00000001, EBX=0x00000002, ECX=0x00000003, EDX=0x00000004\n"
    "0x0000000d: subleafs:\n  0: EAX=0x00000001, EBX=0x00000002, ECX=0x00000003, EDX=0x0\n"
    " 17: EAX=0x00000001, EBX=0x00000002, ECX=0x00000003, EDX=0x00000004\n",
    "Raw policy: 2 leaves, 1 MSRs\n CPUID:\n"
    "  00000000:ffffffff -> 00000001:00000002:00000003:00000004\n MSRs:\n"
    "  000000ce -> 0000000080000000\nHost policy: 1 leaves, 0 MSRs\n"
    "  00000000:ffffffff -> 00000001:00000002:00000003:00000004\n",
    "<!-- x -->\n<cpudata arch='x86'>\n  <cpuid eax_in='0x7' ecx_in='0x1' eax='0x1' ebx='0x2' "
    "ecx='0x3' edx='0x4'/>\n  <msr index='0x10a' edx='0x0' eax='0x5'/>\n</cpudata>\n",
    "{\"cpuid_modifiers\":[{\"leaf\":\"0x1\",\"subleaf\":\"0x0\",\"flags\":0,\"modifiers\":["
    "{\"register\":\"ecx\",\"bitmap\":\"0b1x0_x\"},{\"register\":\"eax\",\"bitmap\":\"0b0\"}]}]}",
    "Host    178bfbff:f6fa3203:2e500800:002003f3:0000000f:219c91a9:00000000:00000100\n",
    "{\"cpus\":[{\"id\":0,\"name\":\"x\",\"leaves\":[{\"leaf\":\"0x0\",\"subleaf\":\"0x0\","
    "\"indexed\":true,"
    "\"eax\":\"0x1\",\"ebx\":\"0x2\",\"ecx\":\"0x3\",\"edx\":\"0x4\"}]}]}",
    "{\"return\":{\"model\":{\"name\":\"base\",\"props\":{\"level\":13,\"vendor\":\"AuthenticAMD\","
    "\"sse4_1\":true,\"model-id\":\"x\",\"family\":23,\"model\":1,\"stepping\":2}}}}\n{}\n",
    "00:00:01.1      Leaf/sub-leaf  eax      ebx      ecx      edx\n"
    "00:00:01.1 Gst: 00000000/0000  00000016 756e6547 6c65746e 49656e69\n"
    "00:00:01.1 Hst:                00000016 756e6547 6c65746e 49656e69\n",
    "vmx| I005: guest vs. host CPUID guest level 00000004,  1: 0x1c000122 0x01c0003f 0x3f 0x0\n"
    "vmx| I005: guest vs. host CPUID *host level 00000004,  1: 0x1c004122 0x01c0003f 0x3f 0x0\n",
    "<cpuid type=\"x86\">\n<processor id=\"0\">\n<register eax=\"00000004\" "
    "ecx=\"00000000\">1,2,3,4"
    "</register>\n<register eax=\"00000004\" "
    "ecx=\"00000000\">1,2,3,5</register></processor></cpuid>",
    "CPU:\n   0x40000000 0x00: eax=3D0x40000005 ebx=3D0x566e6558 ecx=3D0x65584d4d edx=\n"
    "=3D0x4d4d566e\n   0x40000003 0x02: eax=3D0x1 ebx=3D0x2 ecx=3D0x3 edx=3D0x4\n",
};

/* What a reader promises of any dump it accepts. */
static void is_sound(const struct dump *d)
{
    size_t n = 0;

    assert_true(d->ncpu > 0 && d->ncpu <= DUMP_MAX_CPU && d->format != NULL);
    for (unsigned i = 0; i < d->ncpu; i++) {
        assert_true(d->cpu[i].n > 0 && d->cpu[i].n <= TSP_MAX_LEAF);
        assert_int_equal(d->cpu[i].first, n);
        n += d->cpu[i].n;
    }
    assert_int_equal(d->n, n);
    for (size_t i = 0; d->mask != NULL && i < n; i++)
        for (unsigned r = 0; r < 4; r++)
            assert_int_equal(d->leaf[i].reg[r] & ~d->mask[i].reg[r], 0);
}

static void damaged_dumps_of_every_format_are_read_or_refused(void **state)
{
    unsigned good = 0, bad = 0;

    (void)state;
    seed = 7;
    for (unsigned i = 0; i < ROUNDS * (sizeof(good_text) / sizeof(good_text[0])); i++) {
        uint8_t bytes[ROOM + 64], *exact;
        const char *text = good_text[i / ROUNDS];
        size_t n = damage((const uint8_t *)text, strlen(text), bytes, ROOM);
        struct tsp_error err = {.text = ""};
        struct dump d;

        /* Exactly as long as the file: reading past it is seen. */
        exact = malloc(n + 1);
        assert_non_null(exact);
        memcpy(exact + 1, bytes, n);
        if (dump_read("wild", exact + 1, n, &d, &err) == TSP_OK) {
            is_sound(&d);
            dump_free(&d);
            good++;
        } else {
            assert_non_null(strstr(err.text, "wild"));
            bad++;
        }
        free(exact);
    }
    assert_true(good > 0 && bad > 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(damaged_dumps_of_every_format_are_read_or_refused),
};

TEST_MAIN(tests)
