/* SPDX-License-Identifier: MIT */
/*
 * From "before and after" to events. A recording knows the registers a run began and ended with,
 * the memory at its code and how it ended. When the first instruction is one that a hypervisor
 * answers, and nothing else of substance ran, that is enough to say which events a stepping target
 * would have shown. When it is not, no event is made up.
 */
#include "fuzz/target/builtin.h"

#include <string.h>

#include "trapspec/bits.h"

#define OPCODE_LEN 3u  /* of a hypercall without prefixes */
#define ARM64_SEEN 18u /* X0 to X17 are recorded; the others are the harness's own */

/* What the functions below pass around. */
struct view {
    const struct recorded_run *run;
    const struct outcome *o;
    bool x86;
    struct scan scan; /* of the original code */
    uint64_t lin;     /* linear address of the first byte */
    bool patched;     /* bytes of the code changed */
    bool astray;      /* bytes changed where pc points when the CS base is forgotten */
    uint64_t patch_lin;
    unsigned patch_len;
    const uint8_t *now; /* code bytes after the run */
    size_t nnow;
    struct tsp_event base; /* common parts */
};

static uint64_t cut_pc(const struct view *v, uint64_t pc)
{
    return v->x86 && v->base.before.mode != TSP_MODE_LONG64 ? (uint32_t)pc : pc;
}

/* A rewrite stores one whole three-byte hypercall opcode, of which as little as one byte may
 * differ. The window that holds all changed bytes and such an opcode is what was written; else just
 * the changed bytes. */
static void find_window(struct view *v, const uint8_t *was, size_t n, uint64_t lin)
{
    size_t first = 0, last = n;

    while (was[first] == v->now[first])
        first++;
    while (was[last - 1] == v->now[last - 1])
        last--;
    v->patch_lin = lin + first;
    v->patch_len = (unsigned)(last - first);
    for (size_t at = last >= 3 ? last - 3 : 0; at <= first && at + 3 <= n; at++) {
        if (scan_first(v->base.before.mode, v->now + at, 3).class == SCAN_CALL) {
            v->patch_lin = lin + at;
            v->patch_len = OPCODE_LEN;
        }
    }
}

static void find_patch(struct view *v)
{
    const struct recorded_run *run = v->run;
    size_t n = run->ncode < v->nnow ? run->ncode : v->nnow;
    uint64_t astray = run->setup->vcpu[0].regs.pc;
    unsigned i = 0, end = 16;
    uint64_t gpa;
    uint8_t text;

    if (memcmp(run->code, v->now, n) != 0) {
        v->patched = true;
        find_window(v, run->code, n, v->lin);
        return;
    }
    if (!v->x86 || !v->o->has_nobase || !initial_translate(run->setup, astray, &gpa, &text))
        return;
    while (i < 16 && v->o->nobase[i] == initial_byte(run->setup, gpa + i, NULL))
        i++;
    while (end > i && v->o->nobase[end - 1] == initial_byte(run->setup, gpa + end - 1, NULL))
        end--;
    v->astray = i < 16;
    v->patch_lin = astray + i;
    v->patch_len = end - i;
}

/* Bytes of the first instruction that could be fetched: up to a page without the right, or the CS
 * limit. */
static unsigned fetchable(const struct view *v, unsigned len)
{
    const struct tsp_setup *setup = v->run->setup;
    const struct tsp_segment *cs = &setup->vcpu[0].x86.seg[TSP_CS];
    uint64_t gpa;
    uint8_t text;

    if (!v->x86)
        return len;
    for (unsigned i = 0; i < len; i++) {
        if (!initial_translate(setup, v->lin + i, &gpa, &text) || !(text & TSP_TEXT_FETCH))
            return i;
        if (v->base.before.mode != TSP_MODE_LONG64 && v->base.before.pc + i > cs->limit)
            return i;
    }
    return len;
}

static void fill_bytes(const struct view *v, struct tsp_event *e, const uint8_t *p, unsigned len)
{
    uint64_t gpa;

    len = len < TSP_INSN_BYTES ? len : TSP_INSN_BYTES;
    e->len = (uint8_t)len;
    memset(e->fetched, 0, sizeof(e->fetched));
    memcpy(e->fetched, p, len);
    memset(e->stored, 0, sizeof(e->stored));
    memcpy(e->stored, v->now, v->nnow < sizeof(e->stored) ? v->nnow : sizeof(e->stored));
    e->addr = v->lin;
    initial_translate(v->run->setup, v->lin, &gpa, &e->text[0]);
    initial_translate(v->run->setup, v->lin + (len ? len - 1 : 0), &gpa, &e->text[1]);
}

/* Bytes that changed behind the first instruction are its doing only when nothing else can have
 * run. */
static bool patch_is_first(const struct view *v)
{
    const struct recorded_run *run = v->run;
    unsigned off;
    bool flags;

    if (v->patch_lin + v->patch_len <= v->lin + v->scan.len)
        return true;
    return v->scan.len < run->ncode &&
           scan_end_mark(run->code + v->scan.len, run->ncode - v->scan.len, &v->o->out, &off,
                         &flags);
}

static bool view_init(struct view *v, const struct recorded_run *run)
{
    const struct tsp_vcpu_state *s = &run->setup->vcpu[0];

    *v = (struct view){.run = run, .o = run->outcome, .x86 = run->setup->arch == TSP_ARCH_X86};
    v->base.before = v->base.after = s->regs;
    v->scan = scan_first(s->regs.mode, run->code, run->ncode);
    v->lin = initial_linear(run->setup, s->regs.pc);
    v->now = v->o->mem_len ? v->o->mem : run->code;
    v->nnow = v->o->mem_len ? v->o->mem_len : run->ncode;
    tsp_x86_sys(&s->x86, v->base.sys);
    if (v->scan.class == SCAN_NONE || v->o->vary)
        return false;
    /* Another vCPU may have written the text; on AArch64 no text is at stake. */
    if (v->x86 && run->setup->nvcpu != 1)
        return false;
    /* Whether text was rewritten must be known before a hypercall can be judged. */
    if (v->x86 && v->scan.class == SCAN_CALL && v->o->mem_len < 3)
        return false;
    find_patch(v);
    return !v->patched || (v->scan.class == SCAN_CALL && patch_is_first(v));
}

/* Registers at the end, in the mode and privilege that the kind of end implies. */
static struct tsp_regs final_regs(const struct view *v, bool handler)
{
    struct tsp_regs r = v->o->out;

    r.mode = v->base.before.mode;
    r.level = v->base.before.level;
    for (unsigned i = ARM64_SEEN; !v->x86 && i < 32; i++)
        r.r[i] = v->base.before.r[i];
    if (!handler)
        return r;
    r.level = v->x86 ? 0 : 1;
    if (r.mode == TSP_MODE_COMPAT16 || r.mode == TSP_MODE_COMPAT32)
        r.mode = TSP_MODE_LONG64;
    else if (r.mode == TSP_MODE_VM86 || r.mode == TSP_MODE_PROT16)
        r.mode = TSP_MODE_PROT32;
    return r;
}

static struct tsp_event patch_event(const struct view *v)
{
    struct tsp_event e = v->base;

    e.kind = TSP_EV_PATCH;
    fill_bytes(v, &e, v->run->code, v->scan.len);
    e.info[0] = v->patch_lin;
    e.info[1] = v->patch_len;
    return e;
}

/* The bytes that the first rewrite left behind are another call, rewritten in turn or native
 * already: the writes are certain, the registers are not those after the first call. */
static bool called_twice(const struct view *v)
{
    if (!v->patched)
        return false;
    return v->patch_len > OPCODE_LEN ||
           (v->patch_lin == v->lin && v->scan.len > OPCODE_LEN && v->nnow > OPCODE_LEN &&
            scan_first(v->base.before.mode, v->now + OPCODE_LEN, v->nnow - OPCODE_LEN).class ==
                SCAN_CALL);
}

/* The instruction completed and the run went on to `pc` before it ended there. */
static bool completed_event(const struct view *v, uint64_t pc, struct tsp_event *e)
{
    struct scan s = v->patched ? scan_first(v->base.before.mode, v->now, v->nnow) : v->scan;
    unsigned off = 0;
    bool flags = false, told;

    if (s.class != SCAN_CALL && s.class != SCAN_CPUID)
        return false;
    *e = v->base;
    e->kind = s.class == SCAN_CPUID ? TSP_EV_CPUID : TSP_EV_HYPERCALL;
    e->after = final_regs(v, false);
    e->after.pc = pc;
    fill_bytes(v, e, v->now, s.len);
    if (pc == cut_pc(v, v->base.before.pc + s.len))
        return true;
    told = v->x86 && s.len < v->nnow &&
           scan_end_mark(v->now + s.len, v->nnow - s.len, &e->after, &off, &flags) &&
           pc == cut_pc(v, v->base.before.pc + s.len + off);
    if (told) {
        e->after.pc = cut_pc(v, v->base.before.pc + s.len);
        if (flags)
            e->after.flags = v->base.before.flags;
    }
    /* After a rewrite pc shows where the bytes left behind led; otherwise unknown code ran: nothing
     * can be said. */
    return told || (v->patched && v->scan.len > OPCODE_LEN && !called_twice(v));
}

static struct tsp_event fault_event(const struct view *v)
{
    struct tsp_event e = v->base;

    e.kind = TSP_EV_FAULT;
    e.code = v->o->exc_vector;
    e.info[0] = v->x86 && !v->o->exc_has_error ? 0 : v->o->exc_error;
    e.info[1] = v->o->exc_has_cr2 ? v->o->exc_cr2 : 0;
    e.after = final_regs(v, true);
    fill_bytes(v, &e, v->run->code, fetchable(v, v->scan.len));
    /* Cut off: nothing was decoded. */
    if (e.len < v->scan.len && e.len < TSP_INSN_BYTES)
        e.len = 0;
    return e;
}

/* The end was an exception: of the instruction itself, or of what came after it. */
static size_t exception_events(const struct view *v, struct tsp_event *ev, size_t n)
{
    if (v->o->exc_rip == v->base.before.pc) {
        ev[n++] = fault_event(v);
        return n;
    }
    if (!completed_event(v, v->o->exc_rip, &ev[n]))
        return called_twice(v) ? n : 0;
    /* The handler's frame moved the stack pointer; the pushed flags are those the instruction left.
     */
    if (v->x86) {
        ev[n].after.r[TSP_RSP] = v->base.before.r[TSP_RSP];
        ev[n].after.flags = v->o->exc_rflags & ~(uint64_t)(1u << 16);
    }
    n++;
    ev[n] = fault_event(v);
    ev[n].before = ev[n - 1].after;
    ev[n].len = 0;
    ev[n].addr = initial_linear(v->run->setup, v->o->exc_rip);
    memset(ev[n].fetched, 0, sizeof(ev[n].fetched));
    memset(ev[n].stored, 0, sizeof(ev[n].stored));
    memset(ev[n].text, 0, sizeof(ev[n].text));
    return n + 1;
}

static struct tsp_event stop_event(const struct view *v, enum tsp_stop why, uint64_t info)
{
    struct tsp_event e = v->base;

    e.kind = TSP_EV_STOP;
    e.code = (uint32_t)why;
    e.info[0] = info;
    e.after = final_regs(v, false);
    if (v->patched)
        fill_bytes(v, &e, v->now, scan_first(v->base.before.mode, v->now, v->nnow).len);
    else
        fill_bytes(v, &e, v->run->code, v->scan.len);
    return e;
}

/* The write that left RAM: what the first exit of its kind showed. */
static struct tsp_event mmio_event(const struct view *v)
{
    struct tsp_event e = stop_event(v, TSP_STOP_BUDGET, 0);

    e.kind = TSP_EV_MMIO;
    e.code = 0;
    e.addr = v->o->mmio_gpa;
    e.info[0] = le_load(v->o->mmio_data, v->o->mmio_len < 8 ? v->o->mmio_len : 8);
    e.info[1] = 1u | v->o->mmio_len << 4;
    return e;
}

/* A black box sees only that the vCPU never came back. On x86 it never left the instruction; on
 * AArch64 it was told to sleep or to switch itself off, and which of the two follows from what it
 * had asked for (Arm DEN0022, CPU_SUSPEND and SYSTEM_SUSPEND are functions 1 and 0xE of the
 * service). */
static struct tsp_event timeout_event(const struct view *v)
{
    uint32_t fn = (uint32_t)v->base.before.r[0] & 0x1f;

    if (v->x86)
        return stop_event(v, TSP_STOP_LIVELOCK, 0);
    if (fn == 0x01 || fn == 0x0e)
        return stop_event(v, TSP_STOP_SUSPEND, fn == 0x0e);
    return stop_event(v, TSP_STOP_OFF, 0);
}

static struct tsp_event system_event(const struct view *v)
{
    if (v->o->code == 1)
        return stop_event(v, TSP_STOP_SHUTDOWN, 0);
    if (v->o->code == 2)
        return stop_event(v, TSP_STOP_RESET, 0);
    return stop_event(v, TSP_STOP_SUSPEND, 1);
}

/* The vCPU still is at the instruction. Elsewhere other code ran, and the end may be its. */
static bool at_start(const struct view *v)
{
    return v->o->out.pc == v->base.before.pc;
}

/* Ends that are the instruction's own doing. */
static bool own_end(const struct view *v, struct tsp_event *e)
{
    bool anywhere = !v->x86 || v->o->exit == OUTCOME_HYPERCALL || v->o->exit == OUTCOME_SYSTEM;

    if (!anywhere && !at_start(v))
        return false;
    switch (v->o->exit) {
    case OUTCOME_MMIO:
        *e = mmio_event(v);
        return true;
    case OUTCOME_HYPERCALL:
        *e = stop_event(v, TSP_STOP_EXIT, v->o->call_nr);
        return true;
    case OUTCOME_TIMEOUT:
        *e = timeout_event(v);
        return true;
    case OUTCOME_SYSTEM:
        *e = system_event(v);
        return true;
    case OUTCOME_SHUTDOWN:
        *e = stop_event(v, TSP_STOP_TRIPLE, 0);
        return true;
    default:
        return false;
    }
}

/* pc of the end mark that was reached; false when the run did not end at one. */
static bool end_mark_pc(const struct view *v, uint64_t *pc)
{
    switch (v->o->exit) {
    case OUTCOME_HALT: /* HLT is one byte and was executed */
        *pc = cut_pc(v, v->o->out.pc - 1);
        return true;
    case OUTCOME_IO: /* user space sees the OUT not yet completed */
        *pc = v->o->out.pc;
        return true;
    case OUTCOME_END: /* the store was executed */
        *pc = v->o->out.pc - 4;
        return true;
    default:
        return false;
    }
}

size_t outcome_events(const struct recorded_run *run, struct tsp_event *ev, size_t max)
{
    struct view v;
    uint64_t pc;
    size_t n = 0;

    if (max < 4 || !view_init(&v, run))
        return 0;
    if (v.patched || v.astray)
        ev[n++] = patch_event(&v);
    if (v.o->exit == OUTCOME_EXCEPTION)
        return exception_events(&v, ev, n);
    if (end_mark_pc(&v, &pc) && completed_event(&v, pc, &ev[n]))
        return n + 1;
    if (end_mark_pc(&v, &pc))
        return n;
    return own_end(&v, &ev[n]) ? n + 1 : n; /* what was written is certain */
}
