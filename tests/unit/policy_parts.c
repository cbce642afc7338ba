/* SPDX-License-Identifier: MIT */
/* Features and their needs, verification, levelling capabilities, topology. */
#include "tests/unit/policy_hosts.h"

#include "emu/policy/caps.h"
#include "emu/policy/offer.h"
#include "emu/policy/topology.h"
#include "emu/policy/verify.h"

#include "trapspec/bits.h"

static void needs_have_no_cycle(void **state)
{
    static struct feature_edge edges[1024];
    unsigned at = 0;

    (void)state;
    assert_true(feature_edge_count() < COUNT(edges));
    for (size_t i = 0; i < feature_edge_count(); i++)
        edges[i] = feature_edge_at(i);
    assert_true(feature_edges_acyclic(edges, feature_edge_count(), &at));
}

/* Two ways to the same feature were once taken for a cycle. */
static void a_diamond_is_no_cycle(void **state)
{
    static const struct feature_edge diamond[] = {{1, 2}, {1, 3}, {2, 4}, {3, 4}};
    static const struct feature_edge cycle[] = {{1, 2}, {2, 3}, {3, 1}, {5, 1}};
    static const struct feature_edge itself[] = {{7, 7}};
    unsigned at = 0;

    (void)state;
    assert_true(feature_edges_acyclic(diamond, COUNT(diamond), &at));
    assert_false(feature_edges_acyclic(cycle, COUNT(cycle), &at));
    assert_int_equal(at, 1);
    assert_false(feature_edges_acyclic(itself, COUNT(itself), &at));
}

static void closing_takes_what_is_behind(void **state)
{
    struct featureset fs;
    unsigned a = 0, b = 0;

    (void)state;
    memset(&fs, 0xff, sizeof(fs));
    assert_true(featureset_is_closed(&fs, &a, &b));
    feature_put(&fs, FEATURE_SSE2, false);
    assert_false(featureset_is_closed(&fs, &a, &b));
    featureset_close(&fs);
    assert_true(featureset_is_closed(&fs, &a, &b));
    assert_false(feature_in(&fs, FEATURE_LM));
    assert_false(feature_in(&fs, FEATURE_PCID)); /* by way of long mode */
    assert_false(feature_in(&fs, FEATURE_SSE4_2));
    assert_true(feature_in(&fs, FEATURE_SSE));
    assert_true(feature_in(&fs, FEATURE_AVX));
}

static void names_are_unique_and_found(void **state)
{
    char text[32];

    (void)state;
    for (unsigned f = 0; f < FEATURE_BITS; f++)
        if (feature_name(f) != NULL)
            assert_int_equal(feature_find(feature_name(f)), f);
    assert_int_equal(feature_find("AVX512_VNNI"), FEATURE_AVX512_VNNI);
    assert_int_equal(feature_find("avx513"), FEATURE_NONE);
    assert_string_equal(feature_text(FEATURE_AVX2, text, sizeof(text)), "avx2");
    assert_string_equal(feature_text(FEATURE_WORD_7B1 * 32 + 9, text, sizeof(text)), "7b1[9]");
    assert_int_equal(FEATURE_WORD_E21C, 18); /* Xen's order */
    assert_int_equal(feature_words[FEATURE_WORD_7A1].leaf, 7);
}

/* A featureset of another version: once the longer one was read past the end of the shorter. */
static void featuresets_of_other_lengths(void **state)
{
    uint32_t w[FEATURE_WORDS + 3] = {1, 2, 3};
    struct featureset fs;
    size_t word = 0;

    (void)state;
    assert_true(featureset_read(w, 2, &fs, &word));
    assert_int_equal(fs.w[1], 2);
    assert_int_equal(fs.w[2], 0);
    assert_true(featureset_read(w, COUNT(w), &fs, &word));
    w[FEATURE_WORDS + 1] = 4;
    assert_false(featureset_read(w, COUNT(w), &fs, &word));
    assert_int_equal(word, FEATURE_WORDS + 1);
}

struct refusal {
    uint32_t leaf, sub;
    unsigned reg;
    uint32_t value; /* what the guest's policy says instead */
    enum verify_reason reason;
    uint32_t at;
    unsigned bit;
    const char *text;
};

static void each_reason_is_named(void **state)
{
    static const struct refusal rows[] = {
        {7, 0, 1, 0xf39ffffb, VERIFY_FEATURE, 7, 29,
         "leaf 0x7.0 ebx[29]: this host cannot offer sha"},
        {1, 0, 3, 0xbfebfbff & ~(1u << 25), VERIFY_NEEDS, 1, 26,
         "leaf 0x1.0 edx[26]: sse2 needs sse, which the policy does not have"},
        {1, 0, 2, 0x7ffefbff, VERIFY_STORED, 1, 27,
         "leaf 0x1.0 ecx[27]: osxsave follows the vCPU's state and cannot be in a policy"},
        {0, 0, 1, 0x68747541, VERIFY_VENDOR, 0, 0,
         "leaf 0x0.0 ebx[31:0]: the guest sees another vendor than this host is"},
        {0x1f, 0, 1, 2, VERIFY_ABOVE, 0x1f, 0,
         "leaf 0x1f.0 eax[31:0]: data above this host's highest leaf, 0x16"},
        {0xd, 0, 0, 0x202ff, VERIFY_COMPONENT, 0xd, 17,
         "leaf 0xd.0 eax[17]: this host does not have this XSAVE component"},
        {0xd, 9, 1, 0x340, VERIFY_LAYOUT, 0xd, 0,
         "leaf 0xd.9 ebx[31:0]: XSAVE component 9 has offset 0x340, on this host 0xa80"},
        {0x80000008, 0, 0, 0x3034, VERIFY_WIDTH, 0x80000008, 0,
         "leaf 0x80000008.0 eax[7:0]: physical addresses of 52 bits, on this host 46"},
        {0x80000008, 0, 0, 0x392e, VERIFY_WIDTH, 0x80000008, 8,
         "leaf 0x80000008.0 eax[15:8]: linear addresses of 57 bits, on this host 48"},
        {1, 0, 1, 0x00401000, VERIFY_LINE, 1, 8,
         "leaf 0x1.0 ebx[15:8]: CLFLUSH lines of 128 bytes, on this host 64"},
        {0x8000000a, 0, 3, 1, VERIFY_SVM, 0x8000000a, 0,
         "leaf 0x8000000a.0 edx[31:0]: features of SVM, which the policy does not have"},
    };
    struct verify_finding f[16];
    struct cpu_policy guest;
    char text[200];

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    assert_int_equal(verify_cpu_policy(&hosts[0], &hosts[0], f, COUNT(f)), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n, k = 0;

        guest = hosts[0];
        cpu_policy_set(&guest, rows[i].leaf, rows[i].sub, rows[i].reg, rows[i].value);
        n = verify_cpu_policy(&guest, &hosts[0], f, COUNT(f));
        assert_in_range(n, 1, COUNT(f));
        while (k < n && f[k].reason != rows[i].reason)
            k++;
        assert_true(k < n);
        assert_int_equal(f[k].leaf, rows[i].at);
        assert_int_equal(f[k].lo, rows[i].bit);
        verify_text(&f[k], text, sizeof(text));
        assert_string_equal(text, rows[i].text);
        /* The number does not depend on the room for findings. */
        assert_int_equal(verify_cpu_policy(&guest, &hosts[0], f, 0), n);
    }
}

static void msrs_are_verified(void **state)
{
    struct verify_finding f[4];
    struct cpu_policy guest;
    char text[200];

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    guest = hosts[0];
    guest.arch_caps = 1u << 5;
    guest.platform_info = CPU_POLICY_FAULTING;
    assert_int_equal(verify_cpu_policy(&guest, &hosts[0], f, 4), 2);
    verify_text(&f[0], text, sizeof(text));
    assert_string_equal(text, "MSR 0x10a[5]: this host cannot offer mds-no");
    verify_text(&f[1], text, sizeof(text));
    assert_string_equal(text, "MSR 0xce[31]: this host cannot offer CPUID faulting");
}

/* The maximum sub-leaf of a levelled guest may be above an older host's: there is nothing in it. */
static void empty_sub_leaves_do_not_stop_a_guest(void **state)
{
    struct verify_finding f;
    struct cpu_policy guest;

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    guest = hosts[0];
    cpu_policy_set(&guest, 7, 0, 0, 2);
    cpu_policy_set(&guest, 7, 1, 0, 0);
    cpu_policy_set(&guest, 7, 2, 3, 0);
    cpu_policy_set(&guest, 0, 0, 0, 0x20);
    assert_int_equal(verify_cpu_policy(&guest, &hosts[0], &f, 1), 0);
    cpu_policy_set(&guest, 7, 2, 3, 1);
    assert_int_equal(verify_cpu_policy(&guest, &hosts[0], &f, 1), 1);
    assert_int_equal(f.subleaf, 2);
}

/* Topology bits belong to the guest: in the max policy of every host, in the default of none that
 * does not have them. */
static void max_tolerates_what_default_does_not_offer(void **state)
{
    struct cpu_policy raw, host, max, def;

    (void)state;
    host_of(0, nehalem, COUNT(nehalem));
    raw = hosts[0];
    cpu_policy_set(&raw, 1, 0, 3, 0xbfebfbff & ~(1u << 28));
    offer_host(&raw, &host);
    for (unsigned kind = OFFER_PV; kind < OFFER_KINDS; kind++) {
        offer_max(&host, (enum offer_kind)kind, &max);
        offer_default(&host, (enum offer_kind)kind, &def);
        assert_true(has(&max, FEATURE_HTT));
        assert_true(has(&max, FEATURE_CMP_LEGACY));
        assert_true(has(&max, FEATURE_MD_CLEAR));
        assert_false(has(&def, FEATURE_HTT));
        assert_false(has(&def, FEATURE_CMP_LEGACY));
        assert_false(has(&def, FEATURE_MD_CLEAR));
        assert_true(has(&def, FEATURE_HYPERVISOR));
    }
}

static void kinds_of_guests_differ(void **state)
{
    static const struct {
        unsigned feature;
        bool pv, shadow, hvm; /* by default */
    } rows[] = {
        {FEATURE_AVX512F, true, true, true},    {FEATURE_SMEP, false, true, true},
        {FEATURE_PCID, false, false, true},     {FEATURE_PKU, false, false, true},
        {FEATURE_VMX, false, false, false},     {FEATURE_MPX, false, false, false},
        {FEATURE_MONITOR, false, false, false},
    };
    struct cpu_policy host, def[OFFER_KINDS];

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    offer_host(&hosts[0], &host);
    for (unsigned k = OFFER_PV; k < OFFER_KINDS; k++)
        offer_default(&host, (enum offer_kind)k, &def[k]);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(has(&def[OFFER_PV], rows[i].feature), rows[i].pv);
        assert_int_equal(has(&def[OFFER_HVM_SHADOW], rows[i].feature), rows[i].shadow);
        assert_int_equal(has(&def[OFFER_HVM], rows[i].feature), rows[i].hvm);
    }
    /* MPX is HVM's when asked for. */
    offer_max(&host, OFFER_HVM, &def[0]);
    assert_true(has(&def[0], FEATURE_MPX));
    assert_int_equal(cpu_policy_reg(&def[OFFER_HVM], 0, 0, 0), 0xd);
    assert_int_equal(cpu_policy_reg(&def[OFFER_HVM], 0xd, 0, 0), 0x2e7);
}

struct caps_row {
    uint32_t signature, platform, caps;
    unsigned n;
    uint32_t msr[LEVELLING_MAX_MSR];
};

static void each_generation_has_its_masks(void **state)
{
    static const struct caps_row intel[] = {
        {0x00010676, 0, 0x006, 1, {0x478}},               /* Penryn */
        {0x000106a5, 0, 0x01e, 2, {0x130, 0x131}},        /* Nehalem */
        {0x000206c2, 0, 0x01e, 2, {0x130, 0x131}},        /* Westmere */
        {0x000206d7, 0, 0x03e, 3, {0x132, 0x133, 0x134}}, /* Sandy Bridge */
        {0x000306e4, 0, 0x000, 0, {0}},                   /* Ivy Bridge, faulting not offered */
        {0x000306e4, 1, 0x001, 0, {0}},                   /* ... and offered */
        {0x000206d7, 1, 0x001, 0, {0}},                   /* faulting replaces masks */
        {0x00000f41, 0, 0x000, 0, {0}},                   /* family 0xf */
    };
    static const struct caps_row amd[] = {
        {0x00020f32, 0, 0x01e, 2, {0xc0011004, 0xc0011005}},
        {0x00100f42, 0, 0x01e, 2, {0xc0011004, 0xc0011005}},
        {0x00200f31, 0, 0x000, 0, {0}}, /* family 0x11 */
        {0x00600f12, 0, 0x05e, 3, {0xc0011003, 0xc0011004, 0xc0011005}},
        {0x00800f11, 0, 0x01e, 2, {0xc0011004, 0xc0011005}},
    };
    struct levelling l;

    (void)state;
    host_of(0, nehalem, COUNT(nehalem));
    host_of(1, nehalem, COUNT(nehalem));
    for (unsigned reg = 1; reg < 4; reg++)
        cpu_policy_set(&hosts[1], 0, 0, reg, milan[0].reg[reg]);
    cpu_policy_set(&hosts[1], 0, 0, 0, 6);
    cpu_policy_tidy(&hosts[1]);
    for (unsigned v = 0; v < 2; v++) {
        for (size_t i = 0; i < (v ? COUNT(amd) : COUNT(intel)); i++) {
            const struct caps_row *r = v ? &amd[i] : &intel[i];

            cpu_policy_set(&hosts[v], 1, 0, 0, r->signature);
            hosts[v].platform_info = r->platform ? CPU_POLICY_FAULTING : 0;
            levelling_probe(&hosts[v], &l);
            if (l.caps != r->caps)
                print_error("0x%x\n", r->signature);
            assert_int_equal(l.caps, r->caps);
            assert_int_equal(l.n, r->n);
            for (unsigned k = 0; k < l.n; k++) {
                assert_int_equal(l.msr[k].msr, r->msr[k]);
                assert_int_equal(l.msr[k].overrides, v);
            }
        }
    }
}

static void view_of(struct levelling_view *v, const struct levelling *l,
                    const struct cpu_policy *host, const struct cpu_policy *guest)
{
    *v = (struct levelling_view){l, host, guest, false, false};
}

/* Intel's masks can only take away; AMD's registers hold what is answered. */
static void masks_and_overrides(void **state)
{
    static const uint32_t leaf1[2] = {1, 0};
    struct cpu_policy guest;
    struct levelling_view v;
    struct levelling l;
    uint64_t value[LEVELLING_MAX_MSR];
    uint32_t out[4];

    (void)state;
    host_of(0, nehalem, COUNT(nehalem));
    guest = hosts[0];
    cpu_policy_set(&guest, 1, 0, 2, (0x009ce3bdu & ~(1u << 20)) | 1u << 31);
    levelling_probe(&hosts[0], &l);
    levelling_values(&l, &hosts[0], &guest, false, value);
    assert_int_equal(value[0] >> 32, 0xbfebfbff);
    assert_int_equal((uint32_t)value[0], 0x008ce3bd);
    view_of(&v, &l, &hosts[0], &guest);
    levelling_cpuid(&v, leaf1, out);
    assert_int_equal(out[2], 0x008ce3bd); /* the hypervisor bit cannot be made up */

    host_of(1, milan, COUNT(milan));
    guest = hosts[1];
    cpu_policy_set(&guest, 1, 0, 2, 0x80000000u | (0x7efa320bu & ~(1u << 20)));
    levelling_probe(&hosts[1], &l);
    assert_int_equal(l.msr[0].msr, 0xc0011002);
    view_of(&v, &l, &hosts[1], &guest);
    levelling_cpuid(&v, leaf1, out);
    assert_int_equal(out[2], 0x80000000u | (0x76fa320bu & ~(1u << 20)));
    v.osxsave = true; /* the guest's own CR4 has it */
    levelling_cpuid(&v, leaf1, out);
    assert_int_equal(out[2] >> 27 & 1, 1);
}

static void a_switch_costs_what_differs(void **state)
{
    struct cpu_policy guest;
    struct levelling l;
    uint64_t from[LEVELLING_MAX_MSR], to[LEVELLING_MAX_MSR];

    (void)state;
    host_of(0, nehalem, COUNT(nehalem));
    guest = hosts[0];
    levelling_probe(&hosts[0], &l);
    levelling_defaults(&l, &hosts[0], from);
    levelling_values(&l, &hosts[0], &guest, true, to);
    assert_int_equal(levelling_cost(&l, from, to), 0);
    cpu_policy_set(&guest, 1, 0, 2, 1);
    levelling_values(&l, &hosts[0], &guest, true, to);
    assert_int_equal(levelling_cost(&l, from, to), 1);
    cpu_policy_set(&guest, 0x80000001, 0, 3, 0x20000000);
    levelling_values(&l, &hosts[0], &guest, true, to);
    assert_int_equal(levelling_cost(&l, from, to), 2);
}

/* Each query twice, on two hosts: a trapped CPUID, and the words under control of masks. */
static void answers_do_not_depend_on_the_host(void **state)
{
    struct levelling l[2];
    struct levelling_view v[2];
    struct cpu_policy common;
    const struct cpu_policy *pool[2] = {&hosts[0], &hosts[1]};

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    host_of(1, sapphire, COUNT(sapphire));
    assert_int_equal(level_pool(pool, 2, &common, NULL), TSP_OK);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint32_t leaf = 0; leaf < 0x30; leaf++) {
            for (uint32_t sub = 0; sub < 20; sub++) {
                const uint32_t in[2] = {leaf | (pass ? 0x80000000u : 0), sub};
                uint32_t out[2][4];

                for (unsigned i = 0; i < 2; i++) {
                    hosts[i].platform_info = CPU_POLICY_FAULTING;
                    levelling_probe(&hosts[i], &l[i]);
                    view_of(&v[i], &l[i], &hosts[i], &common);
                    levelling_cpuid(&v[i], in, out[i]);
                }
                assert_memory_equal(out[0], out[1], sizeof(out[0]));
            }
        }
    }
}

/* What masks cannot reach shows. */
static void leaks_are_named(void **state)
{
    struct featureset leaks;
    struct levelling l;
    struct cpu_policy guest;

    (void)state;
    host_of(0, skylake, COUNT(skylake));
    guest = hosts[0];
    cpu_policy_set(&guest, 7, 0, 1, 0);
    levelling_probe(&hosts[0], &l);
    assert_int_equal(l.caps, 0);
    levelling_leaks(&l, &hosts[0], &guest, &leaks);
    assert_int_equal(leaks.w[FEATURE_WORD_7B0], 0xd39ffffb);
    hosts[0].platform_info = CPU_POLICY_FAULTING;
    levelling_probe(&hosts[0], &l);
    levelling_leaks(&l, &hosts[0], &guest, &leaks);
    assert_int_equal(leaks.w[FEATURE_WORD_7B0], 0);
}

static void topology_is_each_vcpus_own(void **state)
{
    static const struct topology t = {2, 6, 2};
    struct cpu_policy p;

    (void)state;
    host_of(0, sapphire, COUNT(sapphire));
    for (unsigned vcpu = 0; vcpu < 24; vcpu++) {
        uint32_t id = vcpu / 12 << 4 | vcpu / 2 % 6 << 1 | vcpu % 2;

        p = hosts[0];
        assert_true(topology_put(&p, &t, vcpu));
        assert_int_equal(topology_apic_id(&t, vcpu), id);
        assert_int_equal(cpu_policy_reg(&p, 1, 0, 1), id << 24 | 16 << 16 | 0x0800);
        assert_int_equal(cpu_policy_reg(&p, 4, 0, 0) >> 14 & 0xfff, 1);
        assert_int_equal(cpu_policy_reg(&p, 4, 0, 0) >> 26, 7);
        assert_int_equal(cpu_policy_reg(&p, 0xb, 0, 3), id);
        assert_int_equal(cpu_policy_reg(&p, 0xb, 1, 0), 4);
        assert_int_equal(cpu_policy_reg(&p, 0xb, 1, 1), 12);
        assert_int_equal(cpu_policy_reg(&p, 0xb, 2, 2), 2); /* type 0 ends it */
        assert_int_equal(cpu_policy_reg(&p, 0x1f, 1, 1), cpu_policy_reg(&p, 0xb, 1, 1));
        assert_null(cpu_policy_find(&p, 0xb, 3));
    }
}

/* 256 ids do not fit their field, nor 128 doubled; a size of 8 bits is one too many for guests. */
static void topology_saturates(void **state)
{
    static const struct topology t = {2, 128, 1}, none = {1, 0, 1};
    struct cpu_policy p;

    (void)state;
    host_of(0, sapphire, COUNT(sapphire));
    p = hosts[0];
    assert_true(topology_put(&p, &t, 255));
    assert_int_equal(cpu_policy_reg(&p, 1, 0, 1) >> 16 & 0xff, 255);
    host_of(1, milan, COUNT(milan));
    p = hosts[1];
    assert_true(topology_put(&p, &t, 3));
    assert_int_equal(cpu_policy_reg(&p, 0x80000008, 0, 2) & 0xf0ff, 0x70ff);
    assert_int_equal(cpu_policy_reg(&p, 0x8000001e, 0, 0), 3);
    assert_int_equal(cpu_policy_reg(&p, 0x8000001e, 0, 1), 0x101);
    assert_false(topology_put(&p, &none, 0));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(needs_have_no_cycle),
    cmocka_unit_test(a_diamond_is_no_cycle),
    cmocka_unit_test(closing_takes_what_is_behind),
    cmocka_unit_test(names_are_unique_and_found),
    cmocka_unit_test(featuresets_of_other_lengths),
    cmocka_unit_test(each_reason_is_named),
    cmocka_unit_test(msrs_are_verified),
    cmocka_unit_test(empty_sub_leaves_do_not_stop_a_guest),
    cmocka_unit_test(max_tolerates_what_default_does_not_offer),
    cmocka_unit_test(kinds_of_guests_differ),
    cmocka_unit_test(each_generation_has_its_masks),
    cmocka_unit_test(masks_and_overrides),
    cmocka_unit_test(a_switch_costs_what_differs),
    cmocka_unit_test(answers_do_not_depend_on_the_host),
    cmocka_unit_test(leaks_are_named),
    cmocka_unit_test(topology_is_each_vcpus_own),
    cmocka_unit_test(topology_saturates),
};

TEST_MAIN(tests)
