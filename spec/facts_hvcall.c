/* SPDX-License-Identifier: MIT */
/*
 * Parameters of Hyper-V's calls as a judge sees them: two registers and XMM0 to XMM5 (TLFS, XMM
 * fast hypercall input), or memory, both known at the first instruction of a machine alone; sets of
 * virtual processors (HV_VP_SET); and interrupts that such a call owes its targets.
 */
#include "spec/build.h"
#include "spec/pred.h"

#include <string.h>

#include "trapspec/bits.h"

#define PAGE 0x1000u
#define CALL_IPI 0xbu
#define CALL_FLUSH 2u
#define CALL_FLUSH_EX 0x13u
#define CALL_FLUSH_LIST_EX 0x14u
#define CALL_IPI_EX 0x15u
#define CONTROL_FAST 16
#define FORMAT_SPARSE 0u
#define FORMAT_ALL 1u
#define BANKS_MAX 64u
#define VECTOR_LOW 0x10u
#define NONE (~(uint64_t)0)
#define FLAG_TF 8
#define FLAG_IF 9

/* ORDER: names[] */
enum hv_field { HV_SET = 0, HV_VECTOR, HV_DUE, HV_FLAGS, HV_FIELDS };
static const char *const names[HV_FIELDS] = {"hv_set", "hv_vector", "hv_due", "hv_flags"};

/* What hv_set is. A set is fine where the header has as many banks as the mask has bits. */
enum set { SET_UNKNOWN = 0, SET_SPARSE, SET_ALL, SET_ALL_ODD, SET_ODD, SET_OTHER };

bool hv_cond_parse(const char *key, struct cond *c)
{
    unsigned v = 0;

    if (!parse_word(names, HV_FIELDS, key, &v))
        return false;
    c->field = (uint8_t)(COND_HVC + v);
    return true;
}

/* The first instruction of its vCPU: an earlier pass would have left an event. */
static bool at_start(const struct judge *j)
{
    unsigned v = j->ev->vcpu < TSP_MAX_VCPU ? j->ev->vcpu : 0;

    if (j->ev->before.pc != j->setup->vcpu[v].regs.pc)
        return false;
    return j->last[v] == 0 || j->trace->ev[j->last[v] - 1].kind == TSP_EV_POLICY;
}

/* Eight bytes of register input. */
static bool fast_word(const struct judge *j, unsigned off, uint64_t *v)
{
    unsigned half = off / 8 - 2;

    if (off < 16) {
        *v = hv_input(j, 1 + off / 8);
        return true;
    }
    if (half >= 2 * TSP_XMM_COUNT || !at_start(j))
        return false;
    *v = j->setup->vcpu[j->ev->vcpu].x86.xmm[half / 2][half % 2];
    return true;
}

/* Another vCPU may have written by now: what is plain leaves no event. */
static bool others_run(const struct tsp_setup *s, unsigned vcpu)
{
    for (unsigned v = 0; v < s->nvcpu && v < TSP_MAX_VCPU; v++)
        if (v != vcpu && s->vcpu[v].run_state == TSP_RUN_READY)
            return true;
    return false;
}

/* ... of input in memory, all of which lies in one page. */
static bool memory_word(const struct judge *j, unsigned off, uint64_t *v)
{
    const struct tsp_setup *s = j->setup;
    uint64_t at = hv_input(j, 1);
    bool rom = false;

    if (at % 8 != 0 || at % PAGE + off + 8 > PAGE || !at_start(j) || others_run(s, j->ev->vcpu) ||
        at < s->ram_base || !range_ok(at - s->ram_base, off + 8, s->ram_size))
        return false;
    *v = 0;
    for (unsigned i = 0; i < 8; i++)
        *v |= (uint64_t)judge_first_byte(s, at + off + i, &rom) << 8 * i;
    return true;
}

static bool input_word(const struct judge *j, unsigned off, uint64_t *v)
{
    return bits_test(hv_input(j, 0), CONTROL_FAST) ? fast_word(j, off, v) : memory_word(j, off, v);
}

static unsigned count_bits(uint64_t v)
{
    unsigned n = 0;

    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

/* Where the set stands among the parameters; 0: the call has none. */
static unsigned set_offset(uint64_t control)
{
    switch (control & 0xffff) {
    case CALL_FLUSH_EX:
    case CALL_FLUSH_LIST_EX:
        return 16;
    case CALL_IPI_EX:
        return 8;
    default:
        return 0;
    }
}

static enum set set_kind(const struct judge *j)
{
    uint64_t control = hv_input(j, 0), format, mask, last;
    unsigned at = set_offset(control), banks = (unsigned)bits_get(control, 26, 17);

    if (at == 0 || banks > BANKS_MAX || !input_word(j, at, &format) ||
        !input_word(j, at + 8, &mask))
        return SET_UNKNOWN;
    if (banks > 0 && !input_word(j, at + 8 + 8 * banks, &last))
        return SET_UNKNOWN;
    if (format > FORMAT_ALL)
        return SET_OTHER;
    if (format == FORMAT_ALL)
        return banks == count_bits(mask) ? SET_ALL : SET_ALL_ODD;
    return banks == count_bits(mask) ? SET_SPARSE : SET_ODD;
}

/* The vector of an interrupt that a call sends; NONE where that is not known. */
static uint64_t vector_of(const struct judge *j)
{
    uint16_t code = (uint16_t)hv_input(j, 0);
    uint64_t v, next;

    if ((code != CALL_IPI && code != CALL_IPI_EX) || !input_word(j, 0, &v) ||
        !input_word(j, 8, &next) || v >> 32 != 0)
        return NONE;
    return v;
}

/* What a flush is told to do, with all of its 24 bytes known; NONE where they are not. */
static uint64_t flags_of(const struct judge *j)
{
    uint16_t code = (uint16_t)hv_input(j, 0);
    uint64_t space, flags, mask;

    if ((code != CALL_FLUSH && code != CALL_FLUSH_EX) || !input_word(j, 0, &space) ||
        !input_word(j, 8, &flags) || !input_word(j, 16, &mask))
        return NONE;
    return flags;
}

static uint64_t value_of(const struct judge *j, unsigned field)
{
    switch (field) {
    case HV_FLAGS:
        return flags_of(j);
    case HV_SET:
        return (uint64_t)set_kind(j);
    case HV_VECTOR:
        return vector_of(j);
    default:
        return j->ev->vcpu < TSP_MAX_VCPU && j->hv.due[j->ev->vcpu] != 0;
    }
}

bool hv_cond_holds(const struct judge *j, const struct cond *c)
{
    uint64_t v = value_of(j, c->field - COND_HVC) & c->mask;
    bool in = false;

    for (unsigned i = 0; i < c->nspan && !in; i++) {
        const struct cond_span *span = &j->s->span[c->span + i];

        in = span->lo <= v && v <= span->hi;
    }
    return in != (c->negate != 0);
}

/* Bit per virtual processor that the call names: those of the machine are in the first bank. */
static uint64_t targets(const struct judge *j)
{
    uint64_t mask = 0, bank = 0;

    if ((hv_input(j, 0) & 0xffff) == CALL_IPI)
        return input_word(j, 8, &mask) ? mask : 0;
    switch (set_kind(j)) {
    case SET_ALL:
    case SET_ALL_ODD:
        return NONE;
    case SET_SPARSE:
        if (!input_word(j, 16, &mask) || !(mask & 1) || !input_word(j, 24, &bank))
            return 0;
        return bank;
    default:
        return 0;
    }
}

/* The vCPU is about to take interrupts: what it was last seen with. */
bool judge_takes(const struct judge *j, unsigned v)
{
    const struct tsp_vcpu_state *s = &j->setup->vcpu[v];
    const struct tsp_event *last = j->last[v] > 0 ? &j->trace->ev[j->last[v] - 1] : NULL;
    uint64_t flags = v == j->ev->vcpu ? j->ev->after.flags
                     : last           ? last->after.flags
                                      : s->regs.flags;

    if (v != j->ev->vcpu && (s->run_state != TSP_RUN_READY || (last && last->kind == TSP_EV_STOP)))
        return false;
    return bits_test(flags, FLAG_IF) && !bits_test(flags, FLAG_TF) && s->x86.shadow == 0 &&
           s->x86.smm == 0 && bits_test(s->x86.apic_base, 11);
}

/*
 * A call that succeeded in sending an interrupt, with local APICs in the hypervisor and switched
 * on: each target takes it before its next instruction (Intel SDM Vol. 3A 6.6, 6.9). One a vCPU:
 * nothing is known of the end of an earlier one. Only where each step is shown.
 */
void hv_note_call(struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    uint64_t vector, set;

    if (ev->kind != TSP_EV_HYPERCALL || !fact_is(j, FACT_HYPERV, 1) || ev->before.level != 0 ||
        (j->personas & (1u << TSP_PERSONA_KVM | 1u << TSP_PERSONA_HYPERV)) == 0 ||
        (ev->after.r[TSP_RAX] & 0xffff) != 0 || (j->opt->caps & TSP_CAP_STEPS) == 0)
        return;
    vector = vector_of(j);
    if (!fact_is(j, FACT_IRQCHIP, 1) || !fact_is(j, FACT_APIC, 1) || vector < VECTOR_LOW ||
        vector > 0xff)
        return;
    set = targets(j);
    for (unsigned v = 0; v < j->setup->nvcpu && v < TSP_MAX_VCPU; v++) {
        if (bits_test(set, v) && !j->hv.owed[v] && judge_takes(j, v))
            j->hv.due[v] = (uint8_t)vector;
        j->hv.owed[v] |= bits_test(set, v);
    }
}

/* A rewrite that may have begun, with its trap, before another vCPU sent the interrupt: no
 * instruction begins before the hypervisor is through with it. */
static bool ends_rewrite(const struct judge *j)
{
    const struct tsp_event *ev = j->ev;
    bool call = fact_is(j, FACT_CALL, CALL_FOREIGN);

    return j->setup->nvcpu > 1 &&
           (ev->kind == TSP_EV_PATCH ||
            (call && (ev->kind == TSP_EV_MMIO || (ev->kind == TSP_EV_FAULT && ev->code == 6))));
}

/* Events that are not judged, a rewrite's end and interrupts being masked leave it pending. */
void hv_note_taken(struct judge *j)
{
    const struct tsp_event *ev = j->ev;

    if (!ends_rewrite(j) && ev->kind != TSP_EV_NONE && ev->kind != TSP_EV_FETCH &&
        ev->kind != TSP_EV_RETIRE && (ev->kind != TSP_EV_STOP || ev->code != TSP_STOP_BUDGET) &&
        bits_test(ev->before.flags, FLAG_IF))
        j->hv.due[ev->vcpu] = 0;
}

/* The interrupt that is due enters its handler, and nothing else happens first. */
bool pred_hv_taken(const struct judge *j, const struct pred_use *p, struct say *say)
{
    uint64_t want = j->hv.due[j->ev->vcpu];

    (void)p;
    if (ends_rewrite(j))
        return true;
    if (j->ev->kind == TSP_EV_FAULT)
        return j->ev->code == want || say_value(say, "vector", want, j->ev->code);
    return say_text(say, "the interrupt that was sent comes first", "the guest goes on without it");
}
