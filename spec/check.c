/* SPDX-License-Identifier: MIT */
/* Walks a trace and judges each event by the rules that cover it. */
#include "spec/pred.h"
#include "spec/race.h"

#include <stdio.h>
#include <string.h>

#define NO_RULE (~0u)
/* Below this many events, indexing the policy costs more than searching it. */
#define INDEX_FROM 6u

void judge_report(struct judge *j, enum verdict v, enum subject subject, unsigned rule,
                  const struct say *say)
{
    struct finding f;

    if (v > j->worst)
        j->worst = v;
    if (!j->opt->found || v < j->opt->least)
        return;
    f = (struct finding){.verdict = v, .subject = subject, .event = j->index, .rule = rule};
    if (say) {
        snprintf(f.expected, sizeof(f.expected), "%s", say->expected);
        snprintf(f.got, sizeof(f.got), "%s", say->got);
    }
    j->opt->found(j->opt->ctx, &f);
}

static void count(const struct judge *j, unsigned rule)
{
    if (j->opt->hits)
        j->opt->hits[rule]++;
}

static unsigned persona_of(uint16_t scope)
{
    for (unsigned i = 1; i < TSP_PERSONA_COUNT; i++)
        if (scope >> i & 1)
            return i;
    return TSP_PERSONA_KVM;
}

static bool conditions_hold(const struct judge *j, const struct trap_rule *t)
{
    for (unsigned i = 0; i < t->ncond; i++)
        if (!cond_holds(j, &j->s->cond[t->cond + i], persona_of(t->scope)))
            return false;
    return true;
}

bool judge_rule_applies(const struct judge *j, const struct trap_rule *t)
{
    return pick_allows(j, t) && conditions_hold(j, t);
}

static bool rule_holds(const struct judge *j, const struct trap_rule *t, struct say *say)
{
    for (unsigned i = 0; i < t->npred; i++) {
        const struct pred_use *p = &j->s->pred[t->pred + i];

        if (!pred_defs[p->fn].holds(j, p, say))
            return false;
    }
    return true;
}

/* What the rules of one event came to. */
struct outcome_of_rules {
    unsigned matched, failed, best, best_weight;
    bool guest; /* the best one says that the guest erred; it comes before others */
};

/* The rule to name when all is well: what a look shows never is. */
static void prefer(struct outcome_of_rules *o, const struct trap_rule *t)
{
    bool guest = (t->traits & TRAP_GUEST) != 0;

    if ((t->traits & TRAP_LOOKS) ||
        (o->best != NO_RULE && !guest && (t->weight <= o->best_weight || o->guest)))
        return;
    o->best = t->rule;
    o->best_weight = t->weight;
    o->guest = guest;
}

/* Every rule that covers the event; a failing one is reported at once. */
static struct outcome_of_rules run_rules(struct judge *j)
{
    struct outcome_of_rules o = {0, 0, NO_RULE, 0, false};
    struct rule_walk w = {pick_rules(j), 0};
    const struct trap_rule *t;
    unsigned table = 0, in_table = 0;
    struct say say;

    while ((t = pick_next(j, &w))) {
        if (t->table != table) {
            table = t->table;
            in_table = 0;
        }
        if ((t->otherwise && in_table) || !conditions_hold(j, t))
            continue;
        if (t->traits & TRAP_COVERS) {
            in_table++;
            o.matched++;
        }
        count(j, t->rule);
        say.expected[0] = say.got[0] = 0;
        if (rule_holds(j, t, &say)) {
            prefer(&o, t);
            continue;
        }
        o.failed++;
        judge_report(j, VERDICT_FAIL, SUBJECT_TARGET, t->rule, &say);
    }
    return o;
}

static void judge_cpuid(struct judge *j)
{
    struct outcome_of_rules o = run_rules(j);
    bool covered = j->rec != NULL || (!j->entry && j->setup->npolicy != 0);

    if (j->rec)
        o.failed += leaf_judge(j);
    if (o.failed)
        return;
    if (!covered || (o.matched == 0 && !j->rec)) {
        judge_report(j, VERDICT_GAP, SUBJECT_TARGET, NO_RULE, NULL);
        return;
    }
    if (j->rec && !j->redirected)
        o.best = j->s->field[j->s->rec_row[j->rec->row]].rule;
    judge_report(j, VERDICT_PASS, SUBJECT_TARGET, o.best, NULL);
}

/* The lowest of the bits is the question, and the target says which one it answers. */
static bool was_asked(const struct judge *j)
{
    uint32_t ask = j->setup->config & TSP_CFG_ASK;

    return ask != 0 && j->ev->info[1] == (ask & (~ask + 1));
}

/* What user space asked for: rules that speak of that, and no others. */
static void judge_asked(struct judge *j)
{
    const struct fact_place *p = &fact_groups[FACT_ASKED];
    uint64_t all = (((uint64_t)1 << p->n) - 1) << p->first;
    struct rule_walk w = {pick_rules(j), 0};
    const struct trap_rule *t, *held = NULL;
    struct say say;
    unsigned failed = 0;

    while ((t = pick_next(j, &w))) {
        if ((t->allow[p->word] & all) == all || !conditions_hold(j, t))
            continue;
        count(j, t->rule);
        say.expected[0] = say.got[0] = 0;
        if (rule_holds(j, t, &say)) {
            held = t;
        } else {
            failed++;
            judge_report(j, VERDICT_FAIL, SUBJECT_TARGET, t->rule, &say);
        }
    }
    if (!failed && held)
        judge_report(j, VERDICT_PASS, SUBJECT_TARGET, held->rule, NULL);
}

/* Most MSRs are the processor's, and nobody here speaks of them. */
static bool is_msr(const struct judge *j)
{
    return j->insn.insn == j->s->rdmsr || j->insn.insn == j->s->wrmsr;
}

/* Events at instructions that trap to a hypervisor. Elsewhere a fault or a stop is the guest's own
 * affair. */
static void judge_trap(struct judge *j)
{
    struct outcome_of_rules o = run_rules(j);

    if (o.failed)
        return;
    if (o.matched)
        judge_report(j, VERDICT_PASS, o.guest ? SUBJECT_GUEST : SUBJECT_TARGET, o.best, NULL);
    else if ((j->insn.insn && !is_msr(j)) || j->ev->kind == TSP_EV_HYPERCALL ||
             j->ev->kind == TSP_EV_PATCH)
        judge_report(j, VERDICT_GAP, SUBJECT_TARGET, NO_RULE, NULL);
}

static void judge_stop_event(struct judge *j)
{
    struct say say = {"the target goes on", "it died or gave garbage"};

    switch (j->ev->code) {
    case TSP_STOP_ERROR:
        if (j->ev->info[0] == TSP_WRONG_UNKNOWN) {
            judge_report(j, VERDICT_ERROR, SUBJECT_TARGET, NO_RULE, &say);
            break;
        }
        facts_event(j);
        run_rules(j);
        break;
    case TSP_STOP_TRIPLE:
    case TSP_STOP_HALT:
    case TSP_STOP_END:
        /* Most are the guest's own doing: no event to be covered, but rules may speak of it. */
        facts_event(j);
        if (j->insn.insn || j->look || lguest_call(j))
            run_rules(j);
        break;
    case TSP_STOP_UNSUPPORTED: /* judged only where somebody looked */
        facts_event(j);
        if (j->look)
            run_rules(j);
        break;
    case TSP_STOP_BUDGET:
    case TSP_STOP_DONE:
        break;
    default:
        facts_event(j);
        if (j->insn.insn || lguest_call(j))
            judge_trap(j);
    }
}

/* Hyper-V's hypercalls begin when the guest names itself. */
static void note_msr(struct judge *j)
{
    j->memo.clean = false; /* some answers follow what was written */
    if (j->hv.mine)
        hv_note(j);
    kvm_note(j);
    if (j->ev->info[1] == 1 && j->ev->code == HYPERV_OS_ID && j->setup->arch == TSP_ARCH_X86)
        facts_hyperv(j, j->ev->info[0] != 0);
}

/* The machine goes on elsewhere: nothing that came before was the last thing its vCPUs did there.
 */
static void judge_move(struct judge *j)
{
    if (j->ev->code != TSP_MICRO_MIGRATE)
        return;
    facts_moved(j, (unsigned)j->ev->info[0]);
    if (j->ev->info[1] != 0) {
        facts_event(j);
        judge_trap(j);
    }
    for (unsigned i = 0; i < TSP_MAX_VCPU; i++)
        j->last[i] = j->index + 1;
}

/* One policy alone is what user space says it is; with a pool it has to fit every host. */
static void judge_verdict(struct judge *j)
{
    if (j->setup->arch != TSP_ARCH_X86 || j->setup->npolicy == 0)
        return;
    if (j->setup->npolicy == 1 && !was_asked(j))
        return;
    facts_event(j);
    if (j->setup->npolicy == 1)
        judge_asked(j);
    else
        judge_trap(j);
}

/* An exception between a rewrite and its retry comes without an instruction; how AArch64 tells of
 * an exception is the same for all of them. */
static void judge_fault(struct judge *j)
{
    facts_event(j);
    if (j->insn.insn || fact_is(j, FACT_LENGTH, 1) || fact_is(j, FACT_PREV, 1) ||
        j->setup->arch == TSP_ARCH_ARM64)
        judge_trap(j);
    else if (j->look || vmw_backdoor(j) || lguest_call(j))
        run_rules(j);
}

static void judge_event(struct judge *j)
{
    switch (j->ev->kind) {
    case TSP_EV_FETCH:
        judge_move(j);
        break;
    case TSP_EV_CPUID:
        if (j->setup->arch != TSP_ARCH_X86)
            break;
        facts_event(j);
        judge_cpuid(j);
        break;
    case TSP_EV_POLICY:
        judge_verdict(j);
        break;
    case TSP_EV_MMIO: /* by itself the guest's own affair */
        facts_event(j);
        if (j->insn.insn || j->setup->arch == TSP_ARCH_ARM64)
            run_rules(j);
        break;
    case TSP_EV_FAULT:
        judge_fault(j);
        break;
    case TSP_EV_HYPERCALL:
    case TSP_EV_PATCH:
        facts_event(j);
        judge_trap(j);
        kvm_note_call(j);
        hv_note_call(j);
        lguest_note(j);
        vmi_note(j);
        break;
    case TSP_EV_STOP:
        judge_stop_event(j);
        break;
    case TSP_EV_PIO:
        facts_event(j);
        if (vmw_backdoor(j))
            judge_trap(j);
        else
            run_rules(j);
        break;
    case TSP_EV_MSR:
        facts_event(j);
        if (j->hv.mine || (j->personas & 1u << TSP_PERSONA_XEN))
            judge_trap(j);
        else
            run_rules(j);
        note_msr(j);
        break;
    default:
        break;
    }
}

/* Steps that left no event, up to the one with this index. Findings go to an event that is there.
 */
static const struct tsp_look *judge_quiet(struct judge *j, size_t *at, size_t n)
{
    size_t index = j->index;
    const struct tsp_look *k;
    struct tsp_event ev;

    while ((k = look_next(j, at, index)) && k->quiet) {
        look_event(k, j->setup, &ev);
        j->ev = &ev;
        j->look = k;
        j->index = index < n ? index : n - 1;
        facts_event(j);
        run_rules(j);
        j->index = index;
    }
    return k;
}

/* Field by field: clearing the whole of it would cost more than judging a short trace. */
static void judge_open(struct judge *j, size_t n)
{
    j->personas = 0;
    j->cpuid_ready = j->hyperv_on = j->redirected = j->blurred = false;
    memset(j->run, 0, sizeof(j->run));
    j->hv.mine = false;
    j->lguest.bits = 0;
    memset(j->hv.due, 0, sizeof(j->hv.due));
    memset(j->hv.owed, 0, sizeof(j->hv.owed));
    j->look = NULL;
    j->worst = VERDICT_PASS;
    memset(j->last, 0, sizeof(j->last));
    j->memo.asked = j->memo.clean = false;
    if (j->opt->hits)
        memset(j->tally, 0, sizeof(j->tally));
    if (j->setup->npolicy)
        spec_policy_open(&j->policy, &j->setup->policy[0], n >= INDEX_FROM);
    else
        spec_policy_open(&j->policy, &(struct tsp_policy){NULL, 0}, false);
    facts_setup(j);
}

static void judge_race(struct judge *j, size_t n)
{
    for (j->index = 0; j->index < n; j->index++) {
        j->ev = &j->trace->ev[j->index];
        if (j->ev->kind == TSP_EV_POLICY)
            race_start(j, j->ev);
        else
            race_event(j);
    }
}

static void judge_run(struct judge *j, size_t n)
{
    bool looks = j->trace->looks && j->trace->looks->of == j->trace;
    size_t look = 0;

    for (j->index = 0; j->index < n; j->index++) {
        bool due;

        j->look = looks ? judge_quiet(j, &look, n) : NULL;
        j->ev = &j->trace->ev[j->index];
        j->entry = j->served = NULL;
        j->rec = NULL;
        j->served_leaf = 0;
        due = j->ev->vcpu < TSP_MAX_VCPU && j->hv.due[j->ev->vcpu] != 0;
        judge_event(j);
        if (due)
            hv_note_taken(j);
        if (j->ev->vcpu < TSP_MAX_VCPU && j->ev->kind != TSP_EV_NONE)
            j->last[j->ev->vcpu] = j->index + 1;
    }
    if (looks && n)
        judge_quiet(j, &look, n);
}

enum verdict spec_check(const struct spec *s, const struct tsp_setup *setup,
                        const struct tsp_trace *trace, const struct spec_options *opt)
{
    size_t n = trace->n < TSP_MAX_EVENT ? trace->n : TSP_MAX_EVENT;
    struct race_memo memo;
    struct judge j;

    j.s = s;
    j.setup = setup;
    j.trace = trace;
    j.opt = opt;
    /* Taken apart into micro-steps, a run is judged by the rules of races. */
    j.race = setup->protocol != TSP_PROTOCOL_NONE ? &memo : NULL;
    memo.on = 0;
    judge_open(&j, n);
    if (j.race)
        judge_race(&j, n);
    else
        judge_run(&j, n);
    if (opt->hits)
        leaf_flush(&j);
    return j.worst;
}
