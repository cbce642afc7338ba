/* SPDX-License-Identifier: MIT */
/*
 * States of a machine with a protocol, to come back to: registers, what is under way, and the
 * granules of memory that were touched since vm_track. Cheap enough to try every schedule.
 */
#include "emu/emu.h"

#include "emu/hv/protocol.h"
#include "emu/state/code.h"
#include "emu/state/mmu.h"
#include "emu/x86/x86.h"
#include "trapspec/bits.h"

struct saved_vcpu {
    struct tsp_vcpu_state s;
    struct lazy_flags lazy;
    struct patch_job patch;
    struct micro micro;
    uint64_t retired, stall_pc, stall_retired, hv_state[16];
    uint32_t stall, stop_code;
};

struct saved {
    uint64_t tsc, hv_state[16];
    uint32_t nvcpu, ngranule;
    bool moved;
    uint8_t holder;
    struct saved_vcpu vcpu[];
};

void vm_track(struct vm *vm)
{
    mem_track(&vm->mem);
}

static uint32_t touched(const struct vm *vm)
{
    return vm->mem.nlist - vm->mem.tracked;
}

static uint8_t *granule(const struct vm *vm, uint32_t i)
{
    return vm->mem.ram + (size_t)vm->mem.list[vm->mem.tracked + i] * MEM_GRANULE;
}

static size_t saved_size(const struct vm *vm)
{
    return sizeof(struct saved) + vm->nvcpu * sizeof(struct saved_vcpu) +
           (size_t)touched(vm) * MEM_GRANULE;
}

static void save_vcpu(struct saved_vcpu *to, const struct vcpu *vc)
{
    to->s = vc->s;
    to->lazy = vc->lazy;
    to->patch = vc->patch;
    to->micro = vc->micro;
    to->retired = vc->retired;
    to->stall_pc = vc->stall_pc;
    to->stall_retired = vc->stall_retired;
    memcpy(to->hv_state, vc->hv_state, sizeof(to->hv_state));
    to->stall = vc->stall;
    to->stop_code = vc->stop_code;
}

static void load_vcpu(struct vcpu *vc, const struct saved_vcpu *from)
{
    vc->s = from->s;
    vc->lazy = from->lazy;
    vc->patch = from->patch;
    vc->micro = from->micro;
    vc->retired = from->retired;
    vc->stall_pc = from->stall_pc;
    vc->stall_retired = from->stall_retired;
    memcpy(vc->hv_state, from->hv_state, sizeof(vc->hv_state));
    vc->stall = from->stall;
    vc->stop_code = from->stop_code;
    mmu_flush(vc);
}

size_t vm_save(const struct vm *vm, void *buf, size_t max)
{
    struct saved *to = buf;
    uint32_t n = touched(vm);
    uint8_t *p = (uint8_t *)&to->vcpu[vm->nvcpu];

    if (!vm->mem.tracking || vm->mem.track_full || saved_size(vm) > max)
        return 0;
    to->tsc = vm->tsc;
    memcpy(to->hv_state, vm->hv_state, sizeof(to->hv_state));
    to->nvcpu = vm->nvcpu;
    to->ngranule = n;
    to->moved = vm->moved;
    to->holder = vm->holder;
    for (unsigned i = 0; i < vm->nvcpu; i++)
        save_vcpu(&to->vcpu[i], &vm->vcpu[i]);
    for (uint32_t i = 0; i < n; i++, p += MEM_GRANULE)
        memcpy(p, granule(vm, i), MEM_GRANULE);
    return saved_size(vm);
}

void vm_load(struct vm *vm, const void *buf)
{
    const struct saved *from = buf;
    const uint8_t *p = (const uint8_t *)&from->vcpu[from->nvcpu];
    uint32_t n = touched(vm);

    if (vm->holder != 0)
        x86_poke_hold(vm, false);
    vm->tsc = from->tsc;
    memcpy(vm->hv_state, from->hv_state, sizeof(vm->hv_state));
    vm->moved = from->moved;
    vm->holder = from->holder;
    for (unsigned i = 0; i < vm->nvcpu; i++)
        load_vcpu(&vm->vcpu[i], &from->vcpu[i]);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *old = i < from->ngranule ? p + (size_t)i * MEM_GRANULE
                                                : vm->mem.pre + (size_t)i * MEM_GRANULE;

        memcpy(granule(vm, i), old, MEM_GRANULE);
    }
    code_reset(vm->code);
    if (vm->holder != 0)
        x86_poke_hold(vm, true);
}

/* ---- digests ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static uint64_t mix_bytes(uint64_t h, const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t v, lane[4] = {h, 1, 2, 3};

    if (n >= 128) {
        for (; n >= 32; p += 32, n -= 32) {
            for (unsigned i = 0; i < 4; i++) {
                memcpy(&v, p + (size_t)8 * i, 8);
                lane[i] = mix(lane[i], v);
            }
        }
        h = mix(mix(mix(lane[0], lane[1]), lane[2]), lane[3]);
    }
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&v, p, 8);
        h = mix(h, v);
    }
    return n > 0 ? mix(h, le_load(p, (unsigned)n)) : h;
}

static uint64_t mix_micro(uint64_t h, const struct micro *m)
{
    for (unsigned i = 0; i < MICRO_LINES; i++) {
        h = mix(h, m->line[i].lin * 64 + (uint64_t)m->line[i].n * 2 + m->line[i].elsewhere);
        h = mix(mix_bytes(h, m->line[i].byte, m->line[i].n), m->line[i].gpa);
        h = mix(h, m->page[i].tag * 3 + m->page[i].gpa);
    }
    h = mix(h, (uint64_t)m->next_line | (uint64_t)m->wait << 8 | (uint64_t)m->traps << 9);
    if (!m->traps)
        return h;
    h = mix(h, (uint64_t)m->refused | (uint64_t)m->called << 1 | (uint64_t)m->read_native << 2 |
                   (uint64_t)m->step << 8 | (uint64_t)m->done << 16 | (uint64_t)m->sync << 24 |
                   (uint64_t)m->read_len << 32 | (uint64_t)m->trap_len << 40 |
                   (uint64_t)m->opened << 48);
    h = mix_bytes(mix_bytes(h, m->trap, sizeof(m->trap)), m->old, sizeof(m->old));
    return mix(mix(h, m->lin), (m->gpa[0] * 3 + m->gpa[1]) * 3 + m->gpa[2]);
}

static uint64_t mix_vcpu(uint64_t h, const struct vcpu *vc)
{
    const struct tsp_x86_state *x = &vc->s.x86;

    h = mix_bytes(h, vc->s.regs.r, 16 * sizeof(vc->s.regs.r[0]));
    h = mix(mix(h, vc->s.regs.pc), vc->s.regs.flags);
    h = mix(h, (uint64_t)vc->s.regs.mode | (uint64_t)vc->s.regs.level << 8 |
                   (uint64_t)vc->s.run_state << 16 | (uint64_t)x->shadow << 24 |
                   (uint64_t)vc->stop_code << 48 | (uint64_t)vc->patch.active << 60);
    h = mix_bytes(h, x->seg, sizeof(x->seg));
    h = mix(mix(mix(h, x->cr0), x->cr2), x->cr3);
    h = mix(mix(h, x->cr4), x->efer);
    h = mix(mix(h, vc->hv_state[0]), vc->hv_state[1]);
    return mix_micro(h, &vc->micro);
}

/* Counts of instructions and the clock they make are left out: they only say how a state was
 * reached. A granule that holds what it began with counts like one never touched. */
uint64_t vm_digest(const struct vm *vm)
{
    uint64_t h = mix((uint64_t)vm->moved << 8 | vm->holder, vm->hv_state[0]);
    uint32_t n = touched(vm);

    for (unsigned i = 0; i < vm->nvcpu; i++)
        h = mix_vcpu(h, &vm->vcpu[i]);
    for (uint32_t i = 0; i < n && i < MEM_TRACK_MAX; i++) {
        const uint8_t *now = granule(vm, i), *old = vm->mem.pre + (size_t)i * MEM_GRANULE;

        if (memcmp(now, old, MEM_GRANULE) != 0)
            h = mix_bytes(mix(h, vm->mem.list[vm->mem.tracked + i]), now, MEM_GRANULE);
    }
    return h;
}

bool vm_protocol_at(unsigned i, struct vm_behaviour *out)
{
    const struct protocol *p = protocol_at(i);

    if (p == NULL)
        return false;
    out->name = p->name;
    out->text = p->text;
    out->source = p->source;
    return true;
}
