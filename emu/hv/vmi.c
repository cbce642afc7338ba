/* SPDX-License-Identifier: MIT */
/*
 * VMI: an option ROM whose code a 32-bit kernel calls (Paravirtualization API, Appendix A;
 * torvalds/linux v2.6.36 arch/x86/include/asm/vmi.h). It is laid over guest-physical memory where
 * guests look for it:
 *
 *   0x000  struct vrom_header; 0x080 VMI_Init; 0x088 VMI_GetRelocationInfo
 *   0x090  license, PCI header
 *   0x100  32 bytes a call: the host's hypercall instruction and RET, or the native instruction
 *
 * The guest asks for the place of each call that it wants. Of page tables, descriptors, debug and
 * control registers that are written, of timers and of other processors there are no calls: their
 * native instructions stay in the guest, as on a processor that virtualizes them.
 */
#include "emu/hv/hv.h"

#include "emu/state/overlay.h"
#include "trapspec/bits.h"

#define X86_UD 6u
#define ROM_AT 0xc8000u
#define SLOT_INIT 0x80u
#define SLOT_RELOC 0x88u
#define CALLS_AT 0x100u
#define CALL_SIZE 32u
#define CALLS 74u
#define LICENSE_AT 0x90u
#define PCI_AT 0x98u
#define INSN_SIZE 3u
#define FLAG_IF ((uint64_t)0x200)

enum reloc { RELOC_NONE = 0, RELOC_CALL, RELOC_JUMP, RELOC_NOP };

enum vmi_call {
    CPUID = 0,
    WRMSR,
    RDMSR,
    GET_CR0 = 19,
    GET_CR2,
    GET_CR3,
    GET_CR4,
    WBINVD,
    RDTSC = 27,
    ENABLE_INTERRUPTS = 29,
    DISABLE_INTERRUPTS,
    GET_INTERRUPT_MASK,
    SET_INTERRUPT_MASK,
    HALT = 35,
    REBOOT,
    SHUTDOWN,
    IO_DELAY = 65
};

/* Two bytes of code where the native instruction is the call; 0: the hypervisor's. */
static const struct {
    uint8_t type, native[2];
} slot[CALLS] = {
    [CPUID] = {RELOC_CALL, {0x0f, 0xa2}},
    [WRMSR] = {RELOC_CALL, {0x0f, 0x30}},
    [RDMSR] = {RELOC_CALL, {0x0f, 0x32}},
    [RDTSC] = {RELOC_CALL, {0x0f, 0x31}},
    [GET_CR0] = {RELOC_CALL, {0}},
    [GET_CR2] = {RELOC_CALL, {0}},
    [GET_CR3] = {RELOC_CALL, {0}},
    [GET_CR4] = {RELOC_CALL, {0}},
    [ENABLE_INTERRUPTS] = {RELOC_CALL, {0}},
    [DISABLE_INTERRUPTS] = {RELOC_CALL, {0}},
    [GET_INTERRUPT_MASK] = {RELOC_CALL, {0}},
    [SET_INTERRUPT_MASK] = {RELOC_CALL, {0}},
    [HALT] = {RELOC_CALL, {0}},
    [REBOOT] = {RELOC_CALL, {0}},
    [SHUTDOWN] = {RELOC_CALL, {0}},
    [WBINVD] = {RELOC_NOP, {0}},
    [IO_DELAY] = {RELOC_NOP, {0}},
};

/* Of two personas the first runs the machine. */
static bool leads(const struct vm *vm)
{
    return vm->hv[0] == &hv_vmi_x86 || (vm->hv[0] == NULL && vm->hv[1] == &hv_vmi_x86);
}

static void put_call(uint8_t *p, bool svm)
{
    p[0] = 0x0f;
    p[1] = 0x01;
    p[2] = svm ? 0xd9 : 0xc1;
    p[3] = 0xc3;
}

/* What guests check: both signatures, the version, the PCI header and the license. */
static void put_header(uint8_t rom[MEM_PAGE])
{
    static const uint8_t pci[] = {'P', 'C', 'I', 'R', 0xad, 0x15, 0x01, 0x08,
                                  0,   0,   24,  0,   0,    0,    0,    0xff};

    rom[0] = 0x55;
    rom[1] = 0xaa;
    rom[2] = MEM_PAGE / 512;
    rom[3] = 0xcb; /* RETF: nothing to do for 16-bit code */
    memcpy(rom + 8, "cVmi", 4);
    rom[13] = 3; /* API 3.0 */
    rom[14] = CALLS;
    le_store(rom + 16, 0xfc000000u, 4); /* where the hypervisor begins */
    le_store(rom + 22, LICENSE_AT, 2);
    le_store(rom + 24, PCI_AT, 2);
    memcpy(rom + LICENSE_AT, "GPL", 4);
    memcpy(rom + PCI_AT, pci, sizeof(pci));
    rom[PCI_AT + 16] = MEM_PAGE / 512;
    rom[PCI_AT + 21] = 0x80; /* the last image */
}

static void reset(struct vm *vm)
{
    uint8_t rom[MEM_PAGE], sum = 0;
    bool svm = vm_host_is_amd(vm);

    if (!leads(vm))
        return;
    memset(rom, 0, sizeof(rom));
    put_header(rom);
    put_call(rom + SLOT_INIT, svm);
    put_call(rom + SLOT_RELOC, svm);
    for (unsigned i = 0; i < CALLS; i++) {
        uint8_t *p = rom + CALLS_AT + (size_t)i * CALL_SIZE;

        put_call(p, svm);
        if (slot[i].native[0] != 0) {
            memcpy(p, slot[i].native, 2);
            p[2] = 0xc3;
        }
    }
    for (size_t i = 0; i < sizeof(rom); i++)
        sum = (uint8_t)(sum + rom[i]);
    rom[sizeof(rom) - 1] = (uint8_t)-sum; /* all bytes of an option ROM add up to 0 */
    overlay_set(vm, ROM_AT, rom, sizeof(rom));
}

static void relocation(struct vcpu *vc)
{
    uint64_t *r = vc->s.regs.r;
    uint32_t nr = (uint32_t)r[TSP_RAX], base = (uint32_t)vc->s.regs.pc - SLOT_RELOC;
    unsigned type = nr < CALLS ? slot[nr].type : RELOC_NONE;

    r[TSP_RAX] = type == RELOC_CALL ? base + CALLS_AT + nr * CALL_SIZE : 0;
    r[TSP_RDX] = type;
}

static void interrupts(struct vcpu *vc, bool on)
{
    vc->s.regs.flags = (vc->s.regs.flags & ~FLAG_IF) | (on ? FLAG_IF : 0);
}

/* How the vCPU ends; TSP_STOP_BUDGET: it does not. */
static enum tsp_stop perform(struct vcpu *vc, uint32_t nr)
{
    const struct tsp_x86_state *x = &vc->s.x86;
    uint64_t *r = vc->s.regs.r;

    switch (nr) {
    case GET_CR0:
        r[TSP_RAX] = (uint32_t)x->cr0;
        break;
    case GET_CR2:
        r[TSP_RAX] = (uint32_t)x->cr2;
        break;
    case GET_CR3:
        r[TSP_RAX] = (uint32_t)x->cr3;
        break;
    case GET_CR4:
        r[TSP_RAX] = (uint32_t)x->cr4;
        break;
    case ENABLE_INTERRUPTS:
    case DISABLE_INTERRUPTS:
        interrupts(vc, nr == ENABLE_INTERRUPTS);
        break;
    case GET_INTERRUPT_MASK:
        r[TSP_RAX] = vc->s.regs.flags & FLAG_IF;
        break;
    case SET_INTERRUPT_MASK:
        interrupts(vc, (r[TSP_RAX] & FLAG_IF) != 0);
        break;
    case HALT:
        interrupts(vc, true);
        return TSP_STOP_HALT;
    case REBOOT: /* hard or soft */
        return TSP_STOP_RESET;
    case SHUTDOWN:
        return TSP_STOP_SHUTDOWN;
    default:
        break;
    }
    return TSP_STOP_BUDGET;
}

/* Which call stands at this place of the ROM. */
static bool call_at(uint32_t off, uint32_t *nr)
{
    *nr = (off - CALLS_AT) / CALL_SIZE;
    return off >= CALLS_AT && *nr < CALLS && off % CALL_SIZE == 0 && slot[*nr].type == RELOC_CALL &&
           slot[*nr].native[0] == 0;
}

/* Both instructions: a ROM stays as it is where a machine has moved to. */
static enum step trap(struct vm *vm, struct vcpu *vc, const struct insn *in)
{
    uint32_t off = (uint32_t)vcpu_lin(vc) & (MEM_PAGE - 1), nr = 0;
    bool call = in->status == INSN_OK && (in->op == OP_VMCALL || in->op == OP_VMMCALL) &&
                in->len == INSN_SIZE && vc->s.regs.mode == TSP_MODE_PROT32 &&
                vc->s.regs.level == 0 && (vm->ev->text[0] & vm->ev->text[1] & TSP_TEXT_OVERLAY);
    enum tsp_stop stop = TSP_STOP_BUDGET;

    if (!call || (off != SLOT_INIT && off != SLOT_RELOC && !call_at(off, &nr)))
        return step_fault(vc, X86_UD);
    if (off == SLOT_INIT)
        vc->s.regs.r[TSP_RAX] = 0;
    else if (off == SLOT_RELOC)
        relocation(vc);
    else
        stop = perform(vc, nr);
    if (stop != TSP_STOP_RESET && stop != TSP_STOP_SHUTDOWN)
        vcpu_advance(vc, in->len);
    if (stop != TSP_STOP_BUDGET)
        return step_stop(vm, vc, stop);
    vm->ev->kind = TSP_EV_HYPERCALL;
    return STEP_EVENT;
}

const struct hv_ops hv_vmi_x86 = {
    .name = "vmi",
    .persona = TSP_PERSONA_VMI,
    .arch = TSP_ARCH_X86,
    .reset = reset,
    .trap = trap,
    .undefined = trap,
};
