/* SPDX-License-Identifier: MIT */
/* What a guest keeps for life, the byte form of its policy, and the stream that carries it. */
#include "tests/unit/policy_hosts.h"

#include "emu/policy/identity.h"
#include "emu/policy/serial.h"

static void identity_is_kept(void **state)
{
    struct identity was, is;
    struct cpu_policy p;
    uint32_t leaf = 0;

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    p = hosts[0];
    cpu_policy_set(&p, 0x40000000, 0, 0, 0x40000010);
    cpu_policy_set(&p, 0x40000000, 0, 1, 0x4b4d564b);
    cpu_policy_set(&p, 0x40000010, 0, 0, 2100000);
    cpu_policy_set(&p, 0x40000010, 0, 1, 1000000);
    identity_of(&p, &was);
    assert_int_equal(identity_tsc_khz(&was), 2100000);
    assert_null(identity_changed(&was, &was, &leaf));
    cpu_policy_set(&p, 0x40000010, 0, 0, 2100001);
    identity_of(&p, &is);
    assert_string_equal(identity_changed(&was, &is, &leaf), "another TSC frequency");
    assert_int_equal(leaf, 0x40000010);
    cpu_policy_set(&p, 0x40000000, 0, 0, 0x40000001);
    identity_of(&p, &is);
    assert_string_equal(identity_changed(&was, &is, &leaf), "the hypervisor's highest leaf shrank");
    cpu_policy_set(&p, 0, 0, 0, 0x15);
    identity_of(&p, &is);
    assert_string_equal(identity_changed(&was, &is, &leaf), "the highest basic leaf shrank");
    /* By the crystal where no hypervisor tells: 25 MHz * 168 / 2. */
    identity_of(&hosts[0], &is);
    assert_int_equal(identity_tsc_khz(&is), 2100000);
}

static uint8_t bytes[SERIAL_MAX + 64];

static void byte_form_reads_back(void **state)
{
    struct cpu_policy back;
    struct tsp_error err;
    size_t n;

    (void)state;
    host_of(0, sapphire, COUNT(sapphire));
    hosts[0].arch_caps = 0x400000000d10e17b;
    hosts[0].platform_info = CPU_POLICY_FAULTING;
    n = serial_write(&hosts[0], bytes, sizeof(bytes));
    assert_int_equal(n, 32 + hosts[0].n * 28 + 32);
    assert_int_equal(serial_read(bytes, n, &back, &err), TSP_OK);
    assert_true(cpu_policy_equal(&back, &hosts[0]));
    assert_int_equal(serial_write(&hosts[0], bytes, n - 1), 0);
    /* State of a running vCPU is not part of it. */
    cpu_policy_set(&hosts[0], 1, 0, 2, 0x7ffefbff);
    n = serial_write(&hosts[0], bytes, sizeof(bytes));
    assert_int_equal(serial_read(bytes, n, &back, &err), TSP_OK);
    assert_int_equal(cpu_policy_reg(&back, 1, 0, 2), 0x77fefbff);
}

static void damage_is_told_with_its_offset(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        const char *text;
    } rows[] = {
        {0, 'x', "offset 0: this is no policy"},
        {8, 9, "offset 8: version 9"},
        {10, 40, "offset 10: a header of 40 bytes"},
        {12, 1, "offset 12: the length"},
        {18, 1, "offset 16: 65564 leaves"},
        {20, 7, "offset 20: 7 MSRs"},
        {24, 1, "offset 24: damaged"},
        {28, 1, "offset 28: a reserved field"},
        {100, 1, "offset 24: damaged"},
    };
    struct cpu_policy back;
    struct tsp_error err;
    size_t n;

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    for (size_t i = 0; i < COUNT(rows); i++) {
        n = serial_write(&hosts[0], bytes, sizeof(bytes));
        if (bytes[rows[i].at] == rows[i].value)
            bytes[rows[i].at] ^= 0x40;
        else
            bytes[rows[i].at] = rows[i].value;
        assert_int_equal(serial_read(bytes, n, &back, &err), TSP_EPARSE);
        if (rows[i].at != 18 && strncmp(err.text, rows[i].text, strlen(rows[i].text)) != 0)
            print_error("%s\n", err.text);
        assert_int_equal(
            strncmp(err.text, rows[i].text, rows[i].at == 18 ? 11 : strlen(rows[i].text)), 0);
    }
    n = serial_write(&hosts[0], bytes, sizeof(bytes));
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(serial_read(bytes, cut, &back, &err), TSP_EPARSE);
    assert_int_equal(serial_read(bytes, n + 1, &back, &err), TSP_EPARSE);
}

/* Nothing of a vCPU can be sent or taken before the policy. */
static void the_policy_comes_first(void **state)
{
    static uint8_t out[SERIAL_MAX + 256];
    struct stream_writer w;
    struct stream_reader r;
    struct stream_record rec;
    struct tsp_error err;
    uint32_t vcpu[4] = {0, 1, 2, 3};

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    stream_begin(&w, out, sizeof(out));
    assert_false(stream_put(&w, STREAM_VCPU, vcpu, sizeof(vcpu)));
    stream_begin(&w, out, sizeof(out));
    assert_true(stream_put_policy(&w, &hosts[0]));
    assert_false(stream_put(&w, STREAM_VCPU, vcpu, sizeof(vcpu)));
    stream_begin(&w, out, sizeof(out));
    assert_true(stream_put_policy(&w, &hosts[0]));
    assert_true(stream_put(&w, STREAM_STATIC_END, NULL, 0));
    assert_true(stream_put(&w, STREAM_VCPU, vcpu, sizeof(vcpu)));
    assert_true(stream_put(&w, STREAM_END, NULL, 0));
    stream_open(&r, out, w.n);
    for (unsigned i = 0; i < 4; i++) {
        static const uint32_t order[] = {STREAM_POLICY, STREAM_STATIC_END, STREAM_VCPU, STREAM_END};

        assert_int_equal(stream_next(&r, &rec, &err), TSP_OK);
        assert_int_equal(rec.type, order[i]);
    }
    assert_int_equal(r.at, w.n);
    out[0] = STREAM_VCPU;
    stream_open(&r, out, w.n);
    assert_int_equal(stream_next(&r, &rec, &err), TSP_EPARSE);
    assert_string_equal(err.text,
                        "offset 0: record \"vCPU\" cannot come here: the policy is first, "
                        "then the end of static data, then state");
    for (size_t cut = 0; cut < w.n; cut++) {
        out[0] = STREAM_POLICY;
        stream_open(&r, out, cut);
        while (stream_next(&r, &rec, &err) == TSP_OK)
            assert_int_not_equal(rec.type, STREAM_END);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(identity_is_kept),
    cmocka_unit_test(byte_form_reads_back),
    cmocka_unit_test(damage_is_told_with_its_offset),
    cmocka_unit_test(the_policy_comes_first),
};

TEST_MAIN(tests)
