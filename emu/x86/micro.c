/* SPDX-License-Identifier: MIT */
/*
 * Micro-steps of a vCPU: it fetches up to the next 16-byte boundary, and executes what it has
 * fetched, as separate steps. What was fetched stays until it is needed no more or until the vCPU
 * serialises, however old it has become: bytes that another processor changes may be executed old
 * or new until then (Intel SDM Vol. 3A 9.1.3, Handling self- and cross-modifying code; 9.3 lists
 * what serialises). A processor's own stores are seen by its own fetches (12.6, Self-modifying
 * code).
 *
 * A translation of the site's pages stays in the same way: until the others are told that tables
 * were changed a processor goes on with what it has, or drops it at any time (5.10.4.4, Delayed
 * Invalidation). The hypervisor walks the tables as they are.
 */
#include <string.h>

#include "emu/hv/protocol.h"
#include "emu/state/event.h"
#include "emu/x86/x86.h"

#define LINE 16u
#define INT_LGUEST 0x1fu /* torvalds/linux v2.6.38 arch/x86/include/asm/lguest_hcall.h */

static void drop_lines(struct vcpu *vc)
{
    memset(vc->micro.line, 0, sizeof(vc->micro.line));
    vc->micro.next_line = 0;
}

void x86_micro_invalidate(struct vcpu *vc)
{
    memset(vc->micro.page, 0, sizeof(vc->micro.page));
}

/* Where the 16 bytes of the site lie: those at the first vCPU's first instruction. */
void x86_micro_start(struct vm *vm)
{
    struct vcpu *vc = &vm->vcpu[0];
    uint64_t lin = vcpu_lin(vc);
    unsigned room = MEM_PAGE - (unsigned)(lin % MEM_PAGE);

    vm->holder = 0;
    vm->hold_stores = false;
    vm->site_lin = lin;
    vm->site_room[0] = (uint8_t)(room < LINE ? room : LINE);
    vm->site_room[1] = (uint8_t)(LINE - vm->site_room[0]);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t at = i == 0 ? lin : mmu_add(vc, lin, room, MMU_FETCH);

        vm->site[i] = 0;
        if (!(mmu_text_at(vm, vc, at, &vm->site[i]) & TSP_TEXT_PRESENT) ||
            !mem_has(&vm->mem, vm->site[i], 1))
            vm->site_room[i] = 0;
    }
    if (protocol_at(vm->setup->protocol)->flags & PROTOCOL_OVERLAY)
        for (unsigned i = 0; i < 2; i++)
            if (vm->site_room[i] > 0)
                mmu_mark(vm, vm->site[i], MEM_ROM);
    memset(vm->ev->stored, 0, sizeof(vm->ev->stored));
    for (unsigned i = 0; i < 2; i++)
        if (vm->site_room[i] > 0)
            mem_get(&vm->mem, vm->site[i], vm->ev->stored + (i ? LINE - vm->site_room[1] : 0),
                    vm->site_room[i]);
}

void x86_micro_forget(struct vm *vm, struct vcpu *vc)
{
    vc->micro.opened = 0; /* memory is another by now */
    x86_poke_end(vm, vc);
    memset(&vc->micro, 0, sizeof(vc->micro));
}

static void show_site(struct vm *vm)
{
    uint8_t *p = vm->ev->stored;

    memset(p, 0, TSP_INSN_BYTES);
    for (unsigned i = 0; i < 2; i++)
        if (vm->site_room[i] > 0)
            mem_get(&vm->mem, vm->site[i], p + (i ? LINE - vm->site_room[1] : 0), vm->site_room[i]);
}

bool x86_micro_elsewhere(const struct vm *vm, uint64_t lin, unsigned n, uint64_t gpa)
{
    uint64_t off = lin - vm->site_lin, skip = 0;

    if (vm->site_lin - lin < n) {
        skip = vm->site_lin - lin;
        off = 0;
    }
    if (off >= LINE)
        return false;
    return gpa + skip !=
           (off < vm->site_room[0] ? vm->site[0] + off : vm->site[1] + off - vm->site_room[0]);
}

/* The line that holds the byte at lin, or NULL. */
static const struct fetch_line *line_at(const struct vcpu *vc, uint64_t lin)
{
    for (unsigned i = 0; i < MICRO_LINES; i++)
        if (lin - vc->micro.line[i].lin < vc->micro.line[i].n)
            return &vc->micro.line[i];
    return NULL;
}

/* What has been fetched from lin on, as far as it goes; buf holds TSP_INSN_BYTES. */
static unsigned gather(const struct vcpu *vc, uint64_t lin, uint8_t *buf, bool *away)
{
    unsigned n = 0;
    const struct fetch_line *line;

    *away = false;
    while (n < TSP_INSN_BYTES && (line = line_at(vc, mmu_add(vc, lin, n, MMU_FETCH))) != NULL) {
        unsigned off = (unsigned)(mmu_add(vc, lin, n, MMU_FETCH) - line->lin);

        *away = *away || line->elsewhere;
        while (off < line->n && n < TSP_INSN_BYTES)
            buf[n++] = line->byte[off++];
    }
    return n;
}

static uint64_t code_limit(const struct vcpu *vc)
{
    return vc->s.regs.mode == TSP_MODE_LONG64 ? ~(uint64_t)0 : vc->s.x86.seg[TSP_CS].limit;
}

/* The translation of a page of the site, or where one may be kept; NULL: of another page. */
static struct fetch_page *page_of(const struct vm *vm, struct vcpu *vc, uint64_t lin)
{
    if (lin / MEM_PAGE == vm->site_lin / MEM_PAGE)
        return &vc->micro.page[0];
    return lin / MEM_PAGE == (vm->site_lin + LINE - 1) / MEM_PAGE ? &vc->micro.page[1] : NULL;
}

/* As mmu_fetch, within a page, by the translation that the vCPU has. */
static unsigned fetch_bytes(struct vm *vm, struct vcpu *vc, struct fetch_line *line, unsigned n)
{
    struct fetch_page *page = page_of(vm, vc, line->lin);
    uint64_t tag = mmu_tag(vc, line->lin, MMU_FETCH);
    unsigned got;

    line->gpa = 0;
    if (page != NULL && page->tag == tag) {
        line->gpa = page->gpa + line->lin % MEM_PAGE;
        mem_get(&vm->mem, line->gpa, line->byte, n);
        return n;
    }
    got = mmu_fetch(vm, vc, line->lin, line->byte, n);
    if (got == 0 || !(mmu_text_at(vm, vc, line->lin, &line->gpa) & TSP_TEXT_PRESENT) ||
        page == NULL || !mem_has(&vm->mem, line->gpa, n))
        return got;
    *page = (struct fetch_page){tag, line->gpa - line->lin % MEM_PAGE};
    return got;
}

bool x86_micro_out_of_date(struct vm *vm, struct vcpu *vc)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t gpa = 0, tag = vc->micro.page[i].tag;

        if (tag != 0 &&
            (!(mmu_text_at(vm, vc, tag & ~(uint64_t)(MEM_PAGE - 1), &gpa) & TSP_TEXT_PRESENT) ||
             gpa != vc->micro.page[i].gpa))
            return true;
    }
    return false;
}

/* A line that the new one overlaps goes, else the older of the two. */
static struct fetch_line *place_line(struct micro *m, uint64_t lin, unsigned n, const void *keep)
{
    struct fetch_line *line;

    for (unsigned i = 0; i < MICRO_LINES; i++)
        if (lin < m->line[i].lin + m->line[i].n && m->line[i].lin < lin + n)
            m->line[i].n = 0;
    line = &m->line[m->next_line];
    if (line == keep)
        line = &m->line[1 - m->next_line];
    m->next_line = (uint8_t)(line == &m->line[0]);
    return line;
}

/* Fetches from the byte `have` bytes behind pc to the next boundary. */
static void fetch(struct vm *vm, struct vcpu *vc, unsigned have)
{
    uint64_t lin = mmu_add(vc, vcpu_lin(vc), have, MMU_FETCH), limit = code_limit(vc);
    uint64_t pc = vc->s.regs.pc + have;
    unsigned n = LINE - (unsigned)(lin % LINE), got;
    struct fetch_line *line;

    if (pc > limit) {
        step_fault_code(vc, X86_GP, 0);
        x86_step(vm, vc, NULL);
        return;
    }
    if (limit - pc < n - 1)
        n = (unsigned)(limit - pc) + 1;
    line = place_line(&vc->micro, lin, n, have > 0 ? line_at(vc, vcpu_lin(vc)) : NULL);
    line->lin = lin;
    got = fetch_bytes(vm, vc, line, n);
    line->n = (uint8_t)got;
    line->elsewhere = got > 0 && x86_micro_elsewhere(vm, lin, got, line->gpa);
    if (got == 0) {
        x86_step(vm, vc, NULL);
        return;
    }
    x86_flags(vc);
    vm->ev->kind = TSP_EV_FETCH;
    vm->ev->code = TSP_MICRO_FETCH;
    ev_begin(vm, vc, NULL);
    memcpy(vm->ev->fetched, line->byte, got);
    vm->ev->info[0] = lin;
    vm->ev->info[1] = got;
    ev_end(vm, vc);
}

/* A line whose bytes memory no longer holds. A line never crosses a page. */
static bool line_old(const struct vm *vm, const struct fetch_line *line)
{
    uint8_t now[LINE];

    if (line->n == 0)
        return false;
    if (!mem_has(&vm->mem, line->gpa, line->n))
        return true;
    mem_get(&vm->mem, line->gpa, now, line->n);
    return memcmp(now, line->byte, line->n) != 0;
}

/* Intel SDM Vol. 3A 9.3: moves to control registers but CR8, and to debug registers. */
static bool serialises(const struct insn *in)
{
    switch (in->op) {
    case OP_MOV_CR:
        return in->opnd[0].kind == OPND_CR && in->opnd[0].reg != 8;
    case OP_MOV_DR:
        return in->opnd[0].kind == OPND_DR;
    case OP_IRET:
    case OP_INVLPG:
    case OP_INVD:
    case OP_WBINVD:
    case OP_LGDT:
    case OP_LIDT:
    case OP_LLDT:
    case OP_LTR:
        return true;
    default:
        return false;
    }
}

/* Cannot read or write memory, whatever its registers hold. */
static bool local(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->opnd[i].kind == OPND_MEM)
            return in->op == OP_LEA || in->op == OP_NOP;
    return (in->op >= OP_ADD && in->op <= OP_LEA) || in->op == OP_NOP || in->op == OP_JCC ||
           in->op == OP_JMP || (in->op >= OP_CLC && in->op <= OP_STD);
}

/* Where the instruction at pc was fetched from is RAM. */
static bool from_ram(const struct vm *vm, const struct vcpu *vc)
{
    const struct fetch_line *line = line_at(vc, vcpu_lin(vc));

    return line != NULL && mem_has(&vm->mem, line->gpa, line->n);
}

/* The vCPU's own stores reach its fetches. */
static void execute(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    struct tsp_event *ev = vm->ev;
    bool old[MICRO_LINES], plain = in->op > OP_TRAP_LAST && !local(in), ram = from_ram(vm, vc);

    for (unsigned i = 0; plain && i < MICRO_LINES; i++)
        old[i] = line_old(vm, &vc->micro.line[i]);
    vm->hold_stores = vm->holder != 0;
    x86_step(vm, vc, in);
    vm->hold_stores = false;
    /* the tables may have no such page any more: it was fetched all the same */
    if (ram && ev->len == 0)
        ev->len = vc->ev_len;
    if (in->op == OP_INVLPG || (in->op == OP_MOV_CR && serialises(in)))
        x86_micro_invalidate(vc);
    if (ev->kind != TSP_EV_RETIRE || serialises(in)) {
        drop_lines(vc);
        return;
    }
    ev->code = local(in);
    for (unsigned i = 0; plain && i < MICRO_LINES; i++)
        if (!old[i] && line_old(vm, &vc->micro.line[i]))
            vc->micro.line[i].n = 0;
}

/* An event of this vCPU at which nothing is executed. */
static void note(struct vm *vm, struct vcpu *vc, enum tsp_micro code)
{
    x86_flags(vc);
    vm->ev->kind = TSP_EV_FETCH;
    vm->ev->code = (uint32_t)code;
    ev_begin(vm, vc, NULL);
    ev_end(vm, vc);
}

/* A breakpoint of the rewrite under way. One that is not there, as the tables are by now, was met
 * by a translation out of date. */
static bool hit(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    enum poke_hit found = x86_poke_hit(vm, vc, in);

    if (found == POKE_NOT_HIT)
        return false;
    note(vm, vc, found == POKE_HIT ? TSP_MICRO_WAIT : TSP_MICRO_REFETCH);
    vc->micro.wait = found == POKE_HIT;
    drop_lines(vc);
    if (found == POKE_HIT)
        return true;
    vm->ev->info[0] = 1;
    x86_micro_invalidate(vc);
    return true;
}

/* What the hypervisor intercepts besides undefined opcodes. true: it did. */
static bool intercepted(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    bool call = in->op == OP_VMCALL || in->op == OP_VMMCALL;
    struct insn as_call = *in;

    if (hit(vm, vc, in))
        return true;
    if (!(x86_poke_flags(vm) & PROTOCOL_INT1F) || in->status != INSN_OK ||
        (vm->hv[0] == NULL && vm->hv[1] == NULL))
        return false;
    if (call && (in->prefix & INSN_LOCK) == 0) {
        note(vm, vc, TSP_MICRO_TRAP);
        x86_poke_trap(vm, vc, in);
        vm->ev->len = in->len;
        memcpy(vm->ev->fetched, in->bytes, sizeof(vm->ev->fetched));
        return true;
    }
    if (in->op != OP_INT || in->imm != INT_LGUEST || vc->s.regs.level != 0)
        return false;
    /* the call by its new instruction: to all that comes after it is a call like any other */
    as_call.op = vm_host_is_amd(vm) ? OP_VMMCALL : OP_VMCALL;
    as_call.prefix = 0;
    execute(vm, vc, &as_call);
    return true;
}

static void run(struct vm *vm, struct vcpu *vc)
{
    uint8_t text[TSP_INSN_BYTES];
    struct insn in;
    unsigned n;
    bool away;

    if (vc->micro.traps) {
        x86_poke_step(vm, vc);
        if (vm->ev->kind != TSP_EV_PATCH)
            drop_lines(vc);
        return;
    }
    if (x86_step_pending(vm, vc)) {
        drop_lines(vc);
        return;
    }
    n = gather(vc, vcpu_lin(vc), text, &away);
    if (n == 0 ||
        decode_one(vm->dec, (enum tsp_mode)vc->s.regs.mode, text, n, &in) == INSN_TRUNCATED) {
        fetch(vm, vc, n);
        return;
    }
    if (!intercepted(vm, vc, &in))
        execute(vm, vc, &in);
    vm->ev->spare = away;
    if (vc->micro.traps)
        drop_lines(vc);
}

/* A machine moves between two exits to user space, so never in the middle of a trap. */
static bool migrate(struct vm *vm, struct vcpu *vc)
{
    for (unsigned i = 0; i < vm->nvcpu; i++)
        if (vm->vcpu[i].micro.traps || vm->vcpu[i].micro.wait)
            return false;
    vm->moved = !vm->moved;
    for (unsigned i = 0; i < vm->nvcpu; i++) {
        drop_lines(&vm->vcpu[i]);
        x86_micro_invalidate(&vm->vcpu[i]);
    }
    note(vm, vc, TSP_MICRO_MIGRATE);
    vm->ev->info[0] = vm_host_is_amd(vm) ? TSP_VENDOR_AMD : TSP_VENDOR_INTEL;
    return true;
}

static bool has_lines(const struct vcpu *vc)
{
    return vc->micro.line[0].n + vc->micro.line[1].n > 0;
}

void x86_micro(struct vm *vm, struct vcpu *vc, uint32_t what)
{
    if (vc->micro.wait) {
        note(vm, vc, TSP_MICRO_WAIT);
    } else if (what == TSP_STEP_REFETCH && has_lines(vc)) {
        drop_lines(vc);
        note(vm, vc, TSP_MICRO_REFETCH);
    } else if (what == TSP_STEP_REFETCH && x86_micro_out_of_date(vm, vc)) {
        x86_micro_invalidate(vc);
        note(vm, vc, TSP_MICRO_REFETCH);
        vm->ev->info[0] = 1;
    } else if (what == TSP_STEP_INTERRUPT && vc->hv_state[0] == 0) {
        hv_pend(vc, HV_PENDING_NMI);
        note(vm, vc, TSP_MICRO_INTERRUPT);
    } else if (what == TSP_STEP_REFETCH || what == TSP_STEP_INTERRUPT ||
               (what == TSP_STEP_MIGRATE && !migrate(vm, vc))) {
        note(vm, vc, TSP_MICRO_WAIT);
        vm->ev->kind = TSP_EV_NONE;
    } else if (what != TSP_STEP_MIGRATE) {
        run(vm, vc);
    }
    if (vc->s.run_state != TSP_RUN_READY)
        x86_poke_end(vm, vc);
    show_site(vm);
}
