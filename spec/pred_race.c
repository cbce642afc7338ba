/* SPDX-License-Identifier: MIT */
/* Predicates of races between vCPUs at one hypercall site. They hold where no protocol is in force.
 */
#include "spec/pred.h"

#include "spec/race.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool about_site(const struct judge *j, struct race_view *view)
{
    if (!j->race || !j->race->on)
        return false;
    race_view(j, view);
    return true;
}

/* Versions of the site that agree with the executed bytes, as far as they lie in the site. */
static unsigned matching(const struct judge *j, const struct race_view *view)
{
    const struct race_memo *m = j->race;
    unsigned n = j->ev->len, set = 0;

    if (n > TSP_INSN_BYTES - view->off)
        n = TSP_INSN_BYTES - view->off;
    for (unsigned i = 0; i < m->nversion; i++)
        if (memcmp(m->version[i] + view->off, j->ev->fetched, n) == 0)
            set |= 1u << i;
    return set;
}

/* The guest's own store came between two fetches of one instruction: bytes up to a 16-byte boundary
 * of one version and the rest of another, one of which the guest made. */
static bool guest_tore(const struct judge *j, const struct race_view *view)
{
    const struct race_memo *m = j->race;
    unsigned n = j->ev->len, cut = TSP_INSN_BYTES - (unsigned)(j->ev->addr % TSP_INSN_BYTES);

    if (n > TSP_INSN_BYTES - view->off)
        n = TSP_INSN_BYTES - view->off;
    for (unsigned i = 0; cut < n && i < m->nversion; i++) {
        for (unsigned k = 0; k < m->nversion; k++) {
            if (((m->by_guest >> i | m->by_guest >> k) & 1) &&
                memcmp(m->version[i] + view->off, j->ev->fetched, cut) == 0 &&
                memcmp(m->version[k] + view->off + cut, j->ev->fetched + cut, n - cut) == 0)
                return true;
        }
    }
    return false;
}

/* The instruction of the site itself, and what the vCPU falls into behind the call that it was; one
 * that overlaps it otherwise is the guest's own doing. */
static bool at_site(const struct judge *j, struct race_view *view)
{
    return about_site(j, view) && view->executed && !j->race->full &&
           (view->off == 0 || (view->off < j->race->len && view->v->calls > 0));
}

/* What is executed stood there at some time when no rewrite was half done. */
bool pred_executes_whole(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct race_view view;

    (void)p;
    if (!at_site(j, &view) || matching(j, &view) || guest_tore(j, &view))
        return true;
    snprintf(say->expected, sizeof(say->expected), "the old or the new instruction");
    say_bytes(say->got, sizeof(say->got), j->ev->fetched, j->ev->len);
    return false;
}

/* It is not what a finished rewrite has replaced. */
bool pred_executes_current(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct race_view view;
    unsigned set;

    (void)p;
    if (!at_site(j, &view))
        return true;
    set = matching(j, &view);
    if (!set || (set & ~(unsigned)j->race->dead))
        return true;
    say_bytes(say->expected, sizeof(say->expected), j->race->now + view.off,
              j->ev->len < TSP_INSN_BYTES - view.off ? j->ev->len : TSP_INSN_BYTES - view.off);
    say_bytes(say->got, sizeof(say->got), j->ev->fetched, j->ev->len);
    return false;
}

/* A store has to do with the site: of others nobody says which memory they went to. */
static bool stores_at_site(const struct judge *j)
{
    uint64_t from = j->ev->info[0], n = j->ev->info[1];

    return from - j->race->site < TSP_INSN_BYTES || j->race->site - from < n;
}

/* A store changes the instruction that trapped and nothing else: all its bytes are still there, but
 * for those that the rewrite itself has changed. */
bool pred_overwrites_trapped(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    const struct race_memo *m = j->race;
    struct race_view view;
    uint64_t off;

    (void)p;
    if (!about_site(j, &view) || !view.v->trapped)
        return true;
    off = ev->info[0] - view.v->trap_addr;
    if (ev->before.mode != TSP_MODE_LONG64)
        off = (uint32_t)off;
    if (ev->info[1] > view.v->trap_len || off > view.v->trap_len - ev->info[1])
        return say_value(say, "linear address written", view.v->trap_addr, ev->info[0]);
    /* the page was exchanged after it was read, or compared */
    if (stores_at_site(j) && (ev->code == 1) != view.v->read_away)
        return say_value(say, "memory written is other than that read", 0, 1);
    for (unsigned i = 0; view.changed && i < TSP_INSN_BYTES; i++) {
        unsigned at = i - (unsigned)(view.v->trap_addr - m->site);

        if (at < view.v->trap_len && !(view.v->mine >> i & 1) && m->now[i] != view.v->trap[at])
            return say_value(say, "byte of the instruction", view.v->trap[at], m->now[i]);
    }
    return true;
}

/* No byte that the guest stored since the trap is overwritten. */
bool pred_keeps_stores(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct race_view view;
    unsigned lost;

    (void)p;
    if (!about_site(j, &view))
        return true;
    lost = view.changed & view.v->theirs & ~(unsigned)view.v->mine;
    for (unsigned i = 0; lost && i < TSP_INSN_BYTES; i++) {
        /* what was stored and put back again is as it was */
        if ((lost >> i & 1) &&
            j->race->now[i] != view.v->trap[(i - (view.v->trap_addr - j->race->site)) % 16])
            return say_value(say, "byte that another vCPU stored", j->race->now[i],
                             j->ev->stored[i]);
    }
    return true;
}

/* The guest's store changes only what its own page tables let it write. */
bool pred_keeps_rights(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct race_memo *m = j->race;
    struct race_view view;
    unsigned wrong;

    (void)p;
    if (!about_site(j, &view) || j->ev->before.level != m->level)
        return true;
    wrong = view.changed & m->forbidden;
    for (unsigned i = 0; wrong && i < TSP_INSN_BYTES; i++)
        if (wrong >> i & 1)
            return say_value(say, "byte on a page that the guest may not write", m->now[i],
                             j->ev->stored[i]);
    return true;
}

/* The vCPU's rewrite has stored all or nothing. */
bool pred_rewrite_complete(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct race_view view;

    (void)p;
    if (!about_site(j, &view) || view.v->left == 0 || view.v->mine == 0)
        return true;
    snprintf(say->expected, sizeof(say->expected), "all of the rewrite, or nothing");
    snprintf(say->got, sizeof(say->got), "exception 0x%" PRIx32 ", %u of its bytes not stored",
             j->ev->code, view.v->left);
    return false;
}

bool pred_retries(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct race_view view;

    if (!about_site(j, &view) || j->ev->code != TSP_MICRO_TRAP ||
        view.v->trap_addr != j->ev->addr || view.v->retries < p->arg[0])
        return true;
    return say_value(say, "traps in a row at this instruction", p->arg[0], view.v->retries + 1u);
}

bool pred_ends_at_site(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct race_view view;

    (void)p;
    if (!about_site(j, &view) || (!view.v->trapped && view.off >= TSP_INSN_BYTES))
        return true;
    snprintf(say->expected, sizeof(say->expected), "an end of patching and trying again");
    snprintf(say->got, sizeof(say->got), "stop: livelock");
    return false;
}

bool pred_one_call(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct race_view view;

    (void)p;
    if (!about_site(j, &view) || view.off >= j->race->len || view.v->calls == 0)
        return true;
    return say_value(say, "calls of one instruction", 1, view.v->calls + 1u);
}

static bool is_hypercall(const struct judge *j, const uint8_t *p, unsigned n)
{
    struct insn_view view;

    opcode_view(j->s, j->ev->before.mode, p, n, &view);
    return !view.lock && view.insn && (view.insn == j->s->vmcall || view.insn == j->s->vmmcall);
}

/* A call that ends in an exception is a call; INT 0x1f is one too (torvalds/linux v2.6.38
 * arch/x86/include/asm/lguest_hcall.h, LGUEST_TRAP_ENTRY). */
static bool call_faulted(const struct judge *j)
{
    static const uint8_t gate[] = {0xcd, 0x1f};

    return j->ev->kind == TSP_EV_FAULT && (is_hypercall(j, j->ev->fetched, j->ev->len) ||
                                           memcmp(j->ev->fetched, gate, sizeof(gate)) == 0);
}

/* What the hypervisor wrote is executed as a call and nothing else, and nothing is left over of the
 * instruction it wrote over. */
bool pred_is_call(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct race_view view;
    unsigned bytes;

    (void)p;
    if (!about_site(j, &view) || !view.executed || view.off >= j->race->len || !j->race->by_hv)
        return true;
    bytes = (unsigned)(((1u << j->ev->len) - 1) << view.off);
    if (call_faulted(j))
        return true;
    /* code that jumps into the middle of an instruction has itself to blame */
    if (view.off > 0 && view.v->calls == 0)
        return true;
    /* an instruction that the guest has changed since is its own */
    if ((j->race->guest_bytes & bytes) && (j->race->by_guest >> j->race->current & 1))
        return true;
    /* nor is one behind the call that begins with a byte of the guest's, whatever was rewritten
     * elsewhere in the meantime */
    if (view.off > 0 && (j->race->guest_bytes >> view.off & 1))
        return true;
    if (view.off == 0 ? !(j->race->by_hv & bytes) : j->race->by_hv >> view.off & 1)
        return true;
    snprintf(say->expected, sizeof(say->expected), "a hypercall");
    say_bytes(say->got, sizeof(say->got), j->ev->fetched, j->ev->len);
    return false;
}

/* Whether these bytes are an instruction on the processor that runs the guest now. */
static bool valid_now(const struct judge *j, const uint8_t *p, unsigned n)
{
    const struct spec *s = j->s;
    struct insn_view view;

    opcode_view(s, j->ev->before.mode, p, n, &view);
    if (view.lock)
        return false;
    if (view.insn == s->vmcall)
        return !j->race->amd && !view.mandatory;
    if (view.insn == s->vmmcall)
        return j->race->amd != 0;
    return !view.insn || (strncmp(s->insn[view.insn], "ud", 2) != 0);
}

/* #UD for an instruction that is no longer there, where one stands that is legal. */
bool pred_truly_undefined(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct race_memo *m = j->race;
    struct race_view view;

    (void)p;
    /* of memory other than the site's nothing is known */
    if (!about_site(j, &view) || !view.v->trapped || view.v->away)
        return true;
    /* another page stands there: the exception is for what is no longer at its address */
    if (j->ev->spare != 0) {
        snprintf(say->expected, sizeof(say->expected), "what stands on the new page is tried");
        snprintf(say->got, sizeof(say->got), "exception 6");
        return false;
    }
    if (view.off >= TSP_INSN_BYTES)
        return true;
    /* an instruction that the 16 bytes do not hold whole cannot be told from another */
    if (view.v->trap_len > TSP_INSN_BYTES - view.off ||
        memcmp(m->now + view.off, view.v->trap, view.v->trap_len) == 0)
        return true;
    if (!valid_now(j, m->now + view.off, TSP_INSN_BYTES - view.off))
        return true;
    snprintf(say->expected, sizeof(say->expected), "the new instruction runs");
    snprintf(say->got, sizeof(say->got), "exception 6");
    return false;
}

bool pred_trapped_call(const struct judge *j, const struct pred_use *p, struct say *say)
{
    struct race_view view;

    (void)p;
    if (!about_site(j, &view) || !view.v->trapped || is_hypercall(j, view.v->trap, TSP_INSN_BYTES))
        return true;
    snprintf(say->expected, sizeof(say->expected), "#UD for the instruction that trapped");
    say_bytes(say->got, sizeof(say->got), view.v->trap, view.v->trap_len);
    return false;
}

/* Calls in Hyper-V's convention are #UD for user code and in real mode, on every host (TLFS, Legal
 * hypercall environments). */
static bool no_place_for_hyperv(const struct judge *j)
{
    const struct tsp_regs *r = &j->ev->before;

    return j->hyperv_on && (r->level != 0 || r->mode == TSP_MODE_REAL16);
}

/* After a migration a call that could be made before is still made. */
bool pred_moved_alike(const struct judge *j, const struct pred_use *p, struct say *say)
{
    const struct tsp_event *ev = j->ev;
    struct race_view view;
    uint8_t text = ev->text[0] & ev->text[1];

    (void)p;
    /* nobody to call, no call */
    if (j->setup->persona[0] != TSP_PERSONA_KVM && j->setup->persona[1] != TSP_PERSONA_KVM)
        return true;
    if (!about_site(j, &view) || !j->race->migrated || view.off != 0 || ev->len == 0 ||
        ev->len > TSP_INSN_BYTES || no_place_for_hyperv(j))
        return true;
    if (!is_hypercall(j, ev->fetched, ev->len) || j->insn.mandatory || !(text & TSP_TEXT_WRITE) ||
        ((ev->text[0] | ev->text[1]) & TSP_TEXT_ROM) ||
        memcmp(j->race->now, ev->fetched, ev->len) != 0)
        return true;
    snprintf(say->expected, sizeof(say->expected), "the call, as before the migration");
    snprintf(say->got, sizeof(say->got), "exception 6");
    return false;
}
