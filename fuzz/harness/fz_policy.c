/* SPDX-License-Identifier: MIT */
/*
 * Policies: three hosts are made from the input, levelled, verified, written and read, and held
 * against what must be true of any hosts: levelling is commutative, associative and the same again
 * when done again, its result closed under needs, within each host, accepted by each host, and the
 * same after a round trip; no answer depends on the host below. First byte 255: the rest is the
 * byte form of a policy. Otherwise records of 8 bytes: what to do and to which host, which entry,
 * which register, a number of bits; value.
 */
#include "emu/policy/caps.h"
#include "emu/policy/identity.h"
#include "emu/policy/level.h"
#include "emu/policy/lookup.h"
#include "emu/policy/offer.h"
#include "emu/policy/serial.h"
#include "emu/policy/topology.h"
#include "emu/policy/verify.h"
#include "fuzz/harness/harness.h"

#include "trapspec/bits.h"

#include <string.h>

#define HOSTS 3u
#define RECORD 8u
#define RECORDS 96u
#define BYTES 255u

static struct cpu_policy host[HOSTS], closed[HOSTS], max[HOSTS];
static struct cpu_policy ab, ba, abc, other;

static void must(bool ok, const char *what)
{
    if (!ok)
        harness_fail("policy", what);
}

/* Leaves that edits reach although the base does not have them. */
static const uint32_t extra[][2] = {
    {0x5, 0},        {0x7, 1},        {0x7, 2},        {0xd, 3},        {0xd, 5},
    {0xd, 6},        {0xd, 7},        {0xd, 11},       {0xd, 17},       {0xd, 18},
    {0xf, 1},        {0x14, 0},       {0x15, 0},       {0x16, 0},       {0x1d, 0},
    {0x1f, 0},       {0x24, 0},       {0x40000000, 0}, {0x40000001, 0}, {0x40000010, 0},
    {0x8000000a, 0}, {0x80000019, 0}, {0x8000001d, 1}, {0x8000001e, 0}, {0x8000001f, 0},
    {0x80000021, 0}, {0x80000026, 1}, {0x12345678, 0},
};
#define EXTRA (sizeof(extra) / sizeof(extra[0]))

static void edit(struct cpu_policy *p, const uint8_t *rec)
{
    uint32_t value = (uint32_t)le_load(rec + 4, 4), leaf, sub, old;
    unsigned reg = rec[2] & 3;
    size_t at = rec[1];

    if (at < p->n) {
        leaf = p->leaf[at].leaf;
        sub = p->leaf[at].subleaf;
    } else {
        leaf = extra[at % EXTRA][0];
        sub = extra[at % EXTRA][1];
    }
    old = cpu_policy_reg(p, leaf, sub, reg);
    switch (rec[0] >> 2 & 7) {
    case 0:
        value = old | value;
        break;
    case 1:
        value = old & ~value;
        break;
    case 2:
        value = old ^ value;
        break;
    case 3:
        cpu_policy_drop(p, leaf, leaf);
        return;
    case 4:
        value = old ^ 1u << (value & 31);
        break;
    default:
        break;
    }
    cpu_policy_set(p, leaf, sub, reg, value);
}

/* Three machines: what the input begins with chooses their vendors, the records change them. */
static void make_hosts(const uint8_t *data, size_t size)
{
    struct tsp_leaf leaf[64];
    uint8_t start = size > 0 ? data[0] : 0;

    for (unsigned i = 0; i < HOSTS; i++) {
        enum tsp_vendor vendor =
            (enum tsp_vendor)((start & 0x80 ? start >> i : start) % TSP_VENDOR_COUNT);
        size_t n = policy_default(vendor, start & 0x40 ? TSP_PERSONA_KVM : TSP_PERSONA_NONE, 0,
                                  leaf, sizeof(leaf) / sizeof(leaf[0]));

        cpu_policy_load(&host[i], leaf, n);
    }
    for (size_t at = 1; at + RECORD <= size && at < 1 + RECORDS * RECORD; at += RECORD) {
        unsigned which = data[at] & 3;

        for (unsigned i = 0; i < HOSTS; i++)
            if (which == i || which == 3)
                edit(&host[i], data + at);
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        other = host[i];
        cpu_policy_load(&host[i], other.leaf, other.n);
        host[i].platform_info = data[size - 1] >> i & 1 ? CPU_POLICY_FAULTING : 0;
        host[i].arch_caps = size > 8 ? le_load(data + size - 8, 8) >> i : 0;
    }
}

static void check_closed(const struct cpu_policy *p)
{
    struct featureset fs, again;
    unsigned a, b;

    cpu_policy_features(p, &fs);
    must(featureset_is_closed(&fs, &a, &b), "a feature is left without what it needs");
    again = fs;
    featureset_close(&again);
    must(featureset_equal(&fs, &again), "closing what is closed changes it");
}

static void check_subset(const struct cpu_policy *part, const struct cpu_policy *whole)
{
    struct featureset a, b, any;

    cpu_policy_features(part, &a);
    cpu_policy_features(whole, &b);
    featureset_offered(FEATURE_ANY, &any);
    featureset_or(&b, &any);
    must(featureset_subset(&a, &b), "a feature that not every host has");
    must(cpu_policy_reg(part, 0, 0, 0) <= cpu_policy_reg(whole, 0, 0, 0), "a maximum grew");
    must((xstate_present(part) & ~xstate_present(whole)) == 0, "an XSAVE component that is new");
}

static void check_algebra(void)
{
    level_pair(&host[0], &host[1], &ab);
    level_pair(&host[1], &host[0], &ba);
    must(cpu_policy_equal(&ab, &ba), "levelling two hosts depends on their order");
    level_pair(&ab, &host[2], &abc);
    level_pair(&host[1], &host[2], &ba);
    level_pair(&host[0], &ba, &other);
    must(cpu_policy_equal(&abc, &other), "levelling three hosts depends on how they are paired");
    level_pair(&abc, &abc, &other);
    must(cpu_policy_equal(&abc, &other), "levelling what is level changes it");
    level_pair(&abc, &host[0], &other);
    must(cpu_policy_equal(&abc, &other), "levelling with a host once more changes it");
    check_closed(&abc);
    for (unsigned i = 0; i < HOSTS; i++)
        check_subset(&abc, &host[i]);
}

/* Hosts accept what they were levelled to, and what their own guests get by default. */
static void check_verify(void)
{
    struct verify_finding f;
    char text[200];

    for (unsigned i = 0; i < HOSTS; i++) {
        offer_host(&host[i], &closed[i]);
        offer_max(&closed[i], OFFER_HOST, &max[i]);
        check_closed(&closed[i]);
        check_closed(&max[i]);
        if (cpu_policy_vendor(&abc) == TSP_VENDOR_OTHER ||
            cpu_policy_vendor(&abc) != cpu_policy_vendor(&host[i]))
            continue;
        if (verify_cpu_policy(&abc, &max[i], &f, 1) != 0) {
            verify_text(&f, text, sizeof(text));
            harness_fail("policy: a host refuses what it was levelled to", text);
        }
    }
}

static void check_offers(void)
{
    struct verify_finding f;
    char text[200];

    for (unsigned kind = OFFER_PV; kind < OFFER_KINDS; kind++) {
        struct featureset def, most;

        offer_max(&closed[0], (enum offer_kind)kind, &ab);
        offer_default(&closed[0], (enum offer_kind)kind, &ba);
        cpu_policy_features(&ab, &most);
        cpu_policy_features(&ba, &def);
        check_closed(&ab);
        check_closed(&ba);
        must(featureset_subset(&def, &most), "a default feature that max does not have");
        if (verify_cpu_policy(&ba, &ab, &f, 1) != 0) {
            verify_text(&f, text, sizeof(text));
            harness_fail("policy: max refuses the default", text);
        }
        other = ba;
        offer_clamp(&other, &ab);
        must(cpu_policy_equal(&other, &ba), "clamping what fits changes it");
    }
}

static void check_round_trip(const struct cpu_policy *p)
{
    static uint8_t bytes[2][SERIAL_MAX];
    struct tsp_error err = {.text = ""};
    size_t n = serial_write(p, bytes[0], SERIAL_MAX), again;

    must(n > 0, "a policy that does not fit its byte form");
    if (serial_read(bytes[0], n, &other, &err) != TSP_OK)
        harness_fail("policy: what was written does not read", err.text);
    must(cpu_policy_equal(&other, p), "a policy changes when written and read");
    again = serial_write(&other, bytes[1], SERIAL_MAX);
    must(again == n && memcmp(bytes[0], bytes[1], n) == 0, "two byte forms of one policy");
}

static void check_identity(void)
{
    struct identity before, after;
    uint32_t leaf;

    identity_of(&abc, &before);
    identity_of(&other, &after);
    must(identity_changed(&before, &after, &leaf) == NULL, "a round trip changes who the guest is");
}

/* A trapped CPUID shows the policy alone: whatever host is below, and whatever its MSRs hold. */
static void check_background(const uint8_t *data, size_t size)
{
    struct levelling caps[2];
    struct levelling_view view[2];

    for (unsigned i = 0; i < 2; i++) {
        levelling_probe(&host[i], &caps[i]);
        view[i] = (struct levelling_view){&caps[i], &host[i], &abc, true, (size & 1) != 0};
    }
    for (size_t i = 0; i < abc.n + 8; i++) {
        uint32_t in[2] = {i < abc.n ? abc.leaf[i].leaf : (uint32_t)le_load(data + i % size, 1),
                          i < abc.n ? abc.leaf[i].subleaf : data[i % size]};
        uint32_t out[2][4];

        levelling_cpuid(&view[0], in, out[0]);
        levelling_cpuid(&view[1], in, out[1]);
        must(memcmp(out[0], out[1], sizeof(out[0])) == 0, "an answer depends on the host below");
    }
}

/* Under masks a guest sees at most what the processor has, and of the words under control what its
 * policy has, but for what describes leaves that cannot be changed. */
static void check_masks(void)
{
    struct levelling caps;
    struct featureset leaks;
    uint64_t from[LEVELLING_MAX_MSR], to[LEVELLING_MAX_MSR];

    for (unsigned i = 0; i < HOSTS; i++) {
        levelling_probe(&host[i], &caps);
        levelling_values(&caps, &host[i], &abc, false, to);
        levelling_defaults(&caps, &host[i], from);
        must(levelling_cost(&caps, from, to) <= caps.n, "more MSR writes than MSRs");
        must(levelling_cost(&caps, to, to) == 0, "a switch to the same guest writes MSRs");
        levelling_leaks(&caps, &host[i], &abc, &leaks);
        if ((caps.caps & (LEVELLING_FAULTING | LEVELLING_1C)) != 0)
            must(leaks.w[FEATURE_WORD_1C] == 0 && leaks.w[FEATURE_WORD_1D] == 0,
                 "a feature shows through the mask of its word");
    }
}

static void check_topology(const uint8_t *data, size_t size)
{
    struct topology t = {1u + data[0] % 4, 1u + data[size / 2], 1u + data[size - 1] % 4};
    struct cpu_policy *p = &other;

    *p = abc;
    if (!topology_put(p, &t, data[size / 3]))
        return;
    must(cpu_policy_reg(p, 1, 0, 1) >> 16 != 0 || cpu_policy_find(p, 1, 0) == NULL,
         "a package without ids");
    for (uint32_t leaf = 0xb; leaf <= 0x1f; leaf += 0x14)
        if (cpu_policy_reg(p, 0, 0, 0) >= leaf && cpu_policy_find(p, leaf, 0) != NULL)
            must((cpu_policy_reg(p, leaf, 2, 2) >> 8 & 0xff) == 0, "levels of topology do not end");
}

/* The model's verdict on the guest's policy, judged by the reference table. */
static void check_model(const struct cpu_policy *guest)
{
    struct scenario *s = &harness.scenario;
    struct tsp_setup *setup = &harness.setup;
    enum tsp_status status;

    if ((harness.target.caps & TSP_CAP_X86) == 0)
        return;
    input_default(s, TSP_ARCH_X86);
    harness_build(s);
    setup->npolicy = 3;
    setup->policy[0] = cpu_policy_view(guest);
    setup->policy[1] = cpu_policy_view(&max[1]);
    setup->policy[2] = cpu_policy_view(&max[2]);
    status = exec_run(&harness.target, setup, NULL, 0, HARNESS_BUDGET, &harness.trace);
    if (status == TSP_OK)
        judge_stop(harness.spec, &harness.target, setup, &harness.trace, &harness.options);
}

static void read_bytes(const uint8_t *data, size_t size)
{
    static uint8_t bytes[SERIAL_MAX];
    struct tsp_error err = {.text = ""};
    struct stream_reader r;
    struct stream_record rec;

    if (serial_read(data, size, &host[0], &err) == TSP_OK) {
        must(serial_write(&host[0], bytes, sizeof(bytes)) == size && memcmp(bytes, data, size) == 0,
             "what was read writes as other bytes");
        check_round_trip(&host[0]);
    } else {
        must(strncmp(err.text, "offset ", 7) == 0, "a refusal that does not say where");
    }
    stream_open(&r, data, size);
    while (stream_next(&r, &rec, &err) == TSP_OK && rec.type != STREAM_END)
        must(r.at <= size, "a record beyond the end");
}

/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == BYTES) {
        read_bytes(data + 1, size - 1);
        return 0;
    }
    make_hosts(data, size);
    check_algebra();
    check_verify();
    check_round_trip(&abc);
    check_identity();
    check_background(data, size);
    check_masks();
    check_topology(data, size);
    check_model(&abc);
    check_model(&host[0]);
    check_offers();
    return 0;
}
