/* SPDX-License-Identifier: MIT */
/*
 * Recordings of real KVM (Linux 6.1) against the look-up, the calls and the rewrite, handler by
 * handler: the answer to every recorded CPUID, and RAX, RDX, the exception and the text after every
 * recorded hypercall. Skipped when the recordings are not beside the checkout.
 */
#include <jansson.h>

#include "tests/unit/kvm_rig.h"

#define FOLDER TSP_SOURCE_DIR "/../shared/golden/"
#define MAX_TABLE 16
#define CALL_STEPS 8

struct table {
    char name[24];
    struct tsp_leaf leaf[TSP_MAX_LEAF];
    size_t n;
};

static struct table tables[MAX_TABLE];
static size_t ntable;

static uint64_t number(const json_t *v)
{
    return v == NULL           ? 0
           : json_is_string(v) ? strtoull(json_string_value(v), NULL, 16)
                               : (uint64_t)json_integer_value(v);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

static bool has_flag(const json_t *rec, const char *flag)
{
    const json_t *flags = json_object_get(rec, "flags");

    for (size_t i = 0; i < json_array_size(flags); i++)
        if (strncmp(json_string_value(json_array_get(flags, i)), flag, strlen(flag)) == 0)
            return true;
    return false;
}

static void add_table(const json_t *rec)
{
    const json_t *entries = json_object_get(rec, "entries");
    struct table *t = &tables[ntable++];

    assert_true(ntable <= MAX_TABLE);
    snprintf(t->name, sizeof(t->name), "%s", text_of(rec, "id") + strlen("table/"));
    t->n = json_array_size(entries);
    for (size_t i = 0; i < t->n; i++) {
        const json_t *e = json_array_get(entries, i), *r = json_object_get(e, "r");
        json_int_t sub = json_integer_value(json_object_get(e, "i"));

        t->leaf[i].leaf = (uint32_t)number(json_object_get(e, "f"));
        t->leaf[i].subleaf = sub < 0 ? 0 : (uint32_t)sub;
        t->leaf[i].flags = sub < 0 ? 0 : TSP_LEAF_INDEXED;
        for (size_t k = 0; k < 4; k++)
            t->leaf[i].reg[k] = (uint32_t)number(json_array_get(r, k));
    }
}

static void use_table(struct rig *r, const json_t *rec)
{
    const char *name = text_of(rec, "tab");

    for (size_t i = 0; i < ntable; i++) {
        if (strcmp(tables[i].name, name) != 0)
            continue;
        memcpy(r->leaf, tables[i].leaf, sizeof(r->leaf));
        r->setup.policy[0].n = tables[i].n;
        return;
    }
    fail_msg("no table %s", name);
}

static void one_cpuid(struct rig *r, const json_t *rec, size_t *seen)
{
    uint32_t leaf = (uint32_t)number(json_object_get(rec, "leaf"));
    json_t *want;
    const char *sub;

    use_table(r, rec);
    rig_vcpu(r, 0);
    rig_start(r);
    json_object_foreach(json_object_get(rec, "sub"), sub, want)
    {
        uint32_t out[4];

        x86_cpuid_answer(r->vm, &r->vm->vcpu[0], leaf, (uint32_t)strtoul(sub, NULL, 16), out);
        for (size_t k = 0; k < 4; k++)
            if (out[k] != number(json_array_get(want, k)))
                fail_msg("%s/%s register %zu: got %x", text_of(rec, "id"), sub, k, out[k]);
        ++*seen;
    }
}

/* ORDER: enum tsp_mode */
static const char *const mode_names[] = {"real16",   "vm86",     "prot16", "prot32",
                                         "compat16", "compat32", "long64"};

static uint32_t mode_of(const char *name)
{
    if (strcmp(name, "prot32pg") == 0)
        return TSP_MODE_PROT32;
    for (uint32_t m = 0; m < sizeof(mode_names) / sizeof(mode_names[0]); m++)
        if (strcmp(name, mode_names[m]) == 0)
            return m;
    fail_msg("no mode %s", name);
    return 0;
}

static const char *const reg_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static void set_config(struct rig *r, const json_t *rec)
{
    /* The Intel machine has one processor, so its kernel trusts the TSC; the other's does not. */
    uint32_t c = r->setup.host == TSP_VENDOR_INTEL ? TSP_CFG_HOST_TSC : 0;

    c |= has_flag(rec, "irqchip") ? TSP_CFG_IRQCHIP : 0;
    c |= has_flag(rec, "apic SPIV") ? TSP_CFG_APIC_ON : 0;
    c |= has_flag(rec, "KVM_CAP_ENFORCE_PV_FEATURE_CPUID") ? TSP_CFG_ENFORCE_PV : 0;
    c |= has_flag(rec, "KVM_CAP_EXIT_HYPERCALL") ? TSP_CFG_EXIT_MAP_GPA : 0;
    c |= has_flag(rec, "userspace sets hypercall.ret") ? TSP_CFG_EXIT_RESUME : 0;
    r->setup.config = c;
    r->setup.exit_ret = 0x123456789abcdef0;
    r->setup.patch = has_flag(rec, "quirk-disabled") ? TSP_PATCH_INJECT : TSP_PATCH_REWRITE;
    for (size_t i = 0; i < r->setup.policy[0].n; i++) {
        if (r->leaf[i].leaf != 0x40000001)
            continue;
        if (has_flag(rec, "kvm_features&=0"))
            r->leaf[i].reg[0] = 0;
        if (has_flag(rec, "kvm_features&=(1<<11|1<<13)"))
            r->leaf[i].reg[0] &= 1u << 11 | 1u << 13;
    }
}

static void set_state(struct rig *r, const json_t *rec)
{
    const json_t *in = json_object_get(rec, "in");
    struct tsp_vcpu_state *s = rig_vcpu(r, 0);
    const char *mode = text_of(rec, "mode");

    for (unsigned i = 0; i < 16; i++)
        s->regs.r[i] = number(json_object_get(in, reg_names[i]));
    s->regs.pc = number(json_object_get(in, "rip"));
    s->regs.flags = number(json_object_get(in, "rflags"));
    s->regs.mode = mode_of(mode);
    s->regs.level = (uint32_t)json_integer_value(json_object_get(rec, "cpl"));
    s->x86.cr0 = s->regs.mode != TSP_MODE_REAL16;
    s->x86.seg[TSP_CS].base = number(json_object_get(rec, "code_lin")) - s->regs.pc;
    if (has_flag(rec, "HV_X64_MSR_GUEST_OS_ID")) {
        s->x86.nmsr = 1;
        s->x86.msr[0] = (struct tsp_msr){0x40000000, 0x8100000000000001};
    }
}

static size_t unhex(const char *hex, uint8_t *out, size_t max)
{
    size_t n = 0;

    for (; hex[0] != '\0' && hex[1] != '\0' && n < max; hex += 2, n++) {
        const char two[3] = {hex[0], hex[1], '\0'};

        out[n] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

static void check_event(const struct rig *r, const json_t *rec, enum step end)
{
    const json_t *exc = json_object_get(rec, "exc");
    const struct vcpu *vc = &r->vm->vcpu[0];
    const char *id = text_of(rec, "id");
    /* #DB after the call is the run loop's */
    bool after = json_is_object(exc) && number(json_object_get(exc, "vec")) == 1;
    bool stepped = after && r->ev.kind == TSP_EV_PATCH;

    if (strcmp(text_of(rec, "exit"), "hypercall") == 0) {
        if (end != STEP_STOP || r->ev.code != TSP_STOP_EXIT || r->ev.info[0] != 12)
            fail_msg("%s: no exit to user space", id);
    } else if (strncmp(text_of(rec, "exit"), "internal_error", 14) == 0) {
        if (end != STEP_RETRY) /* reset, at the reset vector, where there is no memory */
            fail_msg("%s: end %d", id, (int)end);
    } else if (end == STEP_FAULT || (json_is_object(exc) && !after)) {
        if (end != STEP_FAULT || vc->fault.vector != number(json_object_get(exc, "vec")))
            fail_msg("%s: end %d, vector %u", id, (int)end, vc->fault.vector);
        if (vc->fault.has_error != !json_is_null(json_object_get(exc, "err")))
            fail_msg("%s: error code", id);
    } else if (end != STEP_EVENT || (r->ev.kind != TSP_EV_HYPERCALL && !stepped)) {
        fail_msg("%s: end %d, event %u", id, (int)end, r->ev.kind);
    }
}

static void check_state(struct rig *r, const json_t *rec)
{
    const json_t *out = json_object_get(rec, "out"), *in = json_object_get(rec, "in");
    const struct vcpu *vc = &r->vm->vcpu[0];
    const char *id = text_of(rec, "id");
    uint8_t want[16], got[16];
    size_t n = unhex(text_of(rec, "mem"), want, sizeof(want));

    for (unsigned i = 0; i < 16; i++) {
        const json_t *v = json_object_get(out, reg_names[i]);

        if (i == TSP_RSP && json_is_object(json_object_get(rec, "exc")))
            continue; /* pushed by the delivery that is not made here */
        if (vc->s.regs.r[i] != number(v != NULL ? v : json_object_get(in, reg_names[i])))
            fail_msg("%s: %s is %llx", id, reg_names[i], (unsigned long long)vc->s.regs.r[i]);
    }
    rig_peek(r, number(json_object_get(rec, "code_lin")), got, n);
    if (memcmp(want, got, n) != 0)
        fail_msg("%s: text", id);
}

static void one_call(struct rig *r, const json_t *rec, size_t *seen)
{
    uint8_t code[16];
    size_t n = unhex(text_of(rec, "code"), code, sizeof(code));
    enum step end = STEP_RETRY;

    use_table(r, rec);
    set_config(r, rec);
    set_state(r, rec);
    rig_start(r);
    rig_poke(r, number(json_object_get(rec, "code_lin")), code, n);
    for (unsigned i = 0; i < CALL_STEPS; i++) {
        struct vcpu *vc = &r->vm->vcpu[0];
        bool pending = vc->patch.active;

        end = pending ? x86_patch_step(r->vm, vc) : rig_call(r, 0);
        if (end == STEP_FAULT || end == STEP_STOP || (pending && end == STEP_RETRY))
            break;
        if (r->ev.kind == TSP_EV_HYPERCALL && !vc->patch.active)
            break;
        if (r->ev.kind == TSP_EV_PATCH && (vc->s.regs.flags & X86_TF) != 0)
            break; /* #DB before the retry: the run loop's */
    }
    check_event(r, rec, end);
    check_state(r, rec);
    ++*seen;
}

static bool is_call(const char *id)
{
    static const char *const groups[] = {"hc/",    "hcarg/",        "pvfeat/", "hv-tab/",
                                         "hv-os/", "guest-vendor/", "noquirk/"};

    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (strncmp(id, groups[i], strlen(groups[i])) == 0)
            return true;
    return false;
}

static void each_record(const char *file, enum tsp_vendor host, bool calls)
{
    static char line[1 << 16];
    FILE *f = fopen(file, "r");
    size_t seen = 0;
    struct rig r;

    if (f == NULL)
        exit(77); /* ctest counts it as skipped */
    rig_open(&r, "kvm@linux-6.1");
    r.setup.host = (uint8_t)host;
    ntable = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        json_t *rec = json_loads(line, 0, NULL);
        const char *id = text_of(rec, "id");

        assert_non_null(rec);
        if (strncmp(id, "table/", 6) == 0)
            add_table(rec);
        else if (!calls && strncmp(id, "cpuid/", 6) == 0)
            one_cpuid(&r, rec, &seen);
        else if (calls && is_call(id))
            one_call(&r, rec, &seen);
        json_decref(rec);
    }
    fclose(f);
    rig_close(&r);
    print_message("%zu answers compared\n", seen);
    assert_true(seen > 100);
}

static void golden_cpuid_amd(void **state)
{
    (void)state;
    each_record(FOLDER "x86-kvm-amd.jsonl", TSP_VENDOR_AMD, false);
}

static void golden_cpuid_intel(void **state)
{
    (void)state;
    each_record(FOLDER "x86-kvm-intel.jsonl", TSP_VENDOR_INTEL, false);
}

static void golden_calls_amd(void **state)
{
    (void)state;
    each_record(FOLDER "x86-kvm-amd.jsonl", TSP_VENDOR_AMD, true);
}

static void golden_calls_intel(void **state)
{
    (void)state;
    each_record(FOLDER "x86-kvm-intel.jsonl", TSP_VENDOR_INTEL, true);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(golden_cpuid_amd),
    cmocka_unit_test(golden_cpuid_intel),
    cmocka_unit_test(golden_calls_amd),
    cmocka_unit_test(golden_calls_intel),
};

TEST_MAIN(tests)
