/* SPDX-License-Identifier: MIT */
/*
 * A hypervisor emulator of one page, as a plug-in in C++17: 64-bit code, one vCPU, CPUID from the
 * table it was given, a few of KVM's hypercalls, and KVM's rewrite of the other vendor's hypercall
 * instruction. Machines it cannot make are refused (TSP_ENOTSUP), instructions it does not know end
 * the run (TSP_STOP_UNSUPPORTED): both are counted and are no findings. Put your own emulator's
 * calls where class machine has its functions.
 */
#include <trapspec/bits.h>
#include <trapspec/target.h>

#include <cstring>
#include <exception>
#include <vector>

namespace
{

constexpr uint64_t error(unsigned code)
{
    return uint64_t{0} - code; /* include/uapi/linux/kvm_para.h: errors are negative */
}
constexpr unsigned eperm = 1, enosys = 1000;
constexpr uint8_t vmcall[] = {0x0f, 0x01, 0xc1}, vmmcall[] = {0x0f, 0x01, 0xd9};

class machine
{
  public:
    tsp_status reset(const tsp_setup *setup, tsp_event *out);
    uint32_t runnable() const
    {
        return v.run_state == TSP_RUN_READY ? 1 : 0;
    }
    void run(uint32_t budget, tsp_event *out);
    tsp_status access(uint64_t gpa, void *get, const void *put, size_t n);
    tsp_vcpu_state v{}; /* the vCPU */

  private:
    struct place {
        uint64_t gpa;
        bool write, fetch;
    };
    bool walk(uint64_t lin, place *out) const;
    bool text(uint64_t lin, uint8_t *bytes, unsigned n, uint8_t rights[]) const;
    void begin(tsp_event *ev, unsigned len) const;
    void end(tsp_event *ev, uint16_t kind, uint32_t code);
    void cpuid(tsp_event *ev);
    bool hypercall(tsp_event *ev, bool native);
    bool step(tsp_event *ev);
    const tsp_leaf *find(uint32_t leaf, uint32_t subleaf) const;

    const tsp_setup *s = nullptr;
    std::vector<uint8_t> ram;
    std::vector<bool> rom; /* 4 KiB pages */
};

tsp_status machine::reset(const tsp_setup *setup, tsp_event *out)
{
    s = setup;
    if (s->arch != TSP_ARCH_X86 || s->nvcpu != 1 || s->vcpu[0].regs.mode != TSP_MODE_LONG64 ||
        s->persona[0] != TSP_PERSONA_KVM || s->persona[1] != TSP_PERSONA_NONE ||
        s->vcpu[0].x86.nmsr != 0 || s->vcpu[0].x86.cpuid_faulting != 0 || s->npolicy == 0 ||
        (s->vcpu[0].regs.flags & 0x100) != 0 || /* TF: no single steps */
        (s->config & TSP_CFG_HLT_NOEXIT) != 0 || find(0x40000000, 0) == nullptr ||
        find(0x40000000, 0)->reg[1] != 0x4b4d564b) /* "KVMK": no Hyper-V block below */
        return TSP_ENOTSUP;
    v = s->vcpu[0];
    ram.assign(s->ram_size, 0);
    rom.assign(s->ram_size >> 12, false);
    for (uint32_t i = 0; i < s->npage; i++) {
        const tsp_page &p = s->page[i];

        if (!range_ok(p.gpa - s->ram_base, p.len, ram.size()))
            return TSP_EARG;
        if (p.data != nullptr)
            std::memcpy(&ram[p.gpa - s->ram_base], p.data, p.len);
        for (uint64_t at = p.gpa >> 12; (p.flags & TSP_PAGE_ROM) && at << 12 < p.gpa + p.len; at++)
            rom[at - (s->ram_base >> 12)] = true;
    }
    std::memset(out, 0, sizeof(*out));
    out->kind = TSP_EV_POLICY;
    return TSP_OK;
}

tsp_status machine::access(uint64_t gpa, void *get, const void *put, size_t n)
{
    if (s == nullptr || gpa < s->ram_base || !range_ok(gpa - s->ram_base, n, ram.size()))
        return TSP_EARG;
    if (n != 0 && get != nullptr)
        std::memcpy(get, &ram[gpa - s->ram_base], n);
    if (n != 0 && put != nullptr)
        std::memcpy(&ram[gpa - s->ram_base], put, n);
    return TSP_OK;
}

/* Intel SDM Vol. 3A 4.5: four levels, 4 KiB and 2 MiB pages. */
bool machine::walk(uint64_t lin, place *out) const
{
    uint64_t table = v.x86.cr3 & 0xffffffffff000, pte = 0;
    bool user = true, write = true, nx = false;

    for (unsigned level = 4; level-- > 0;) {
        uint64_t at = table + (lin >> (12 + 9 * level) & 511) * 8;

        if (at < s->ram_base || !range_ok(at - s->ram_base, 8, ram.size()))
            return false;
        pte = le_load(&ram[at - s->ram_base], 8);
        if (!(pte & 1))
            return false;
        write = write && (pte & 2);
        user = user && (pte & 4);
        nx = nx || (pte >> 63 && v.x86.efer >> 11 & 1);
        table = pte & 0xffffffffff000;
        if (level == 1 && (pte & 0x80)) {
            table = (table & ~uint64_t{0x1fffff}) | (lin & 0x1ff000);
            break;
        }
    }
    out->gpa = table | (lin & 0xfff);
    if (out->gpa < s->ram_base || out->gpa - s->ram_base >= ram.size())
        return false;
    if (v.regs.level == 3 && !user)
        return false;
    out->fetch = !nx && !(v.regs.level != 3 && user && v.x86.cr4 >> 20 & 1);
    out->write = (write || (v.regs.level != 3 && !(v.x86.cr0 >> 16 & 1))) &&
                 !(v.regs.level != 3 && user && v.x86.cr4 >> 21 & 1 && !(v.regs.flags >> 18 & 1));
    return true;
}

/* n bytes of code, and what may be done with the first and the last one. */
bool machine::text(uint64_t lin, uint8_t *bytes, unsigned n, uint8_t rights[]) const
{
    for (unsigned i = 0; i < n; i++) {
        place p{};

        if (!walk(lin + i, &p))
            return false;
        bytes[i] = ram[p.gpa - s->ram_base];
        rights[i == 0 ? 0 : 1] = static_cast<uint8_t>(
            TSP_TEXT_KNOWN | TSP_TEXT_PRESENT | (p.write ? TSP_TEXT_WRITE : 0) |
            (p.fetch ? TSP_TEXT_FETCH : 0) | (rom[(p.gpa - s->ram_base) >> 12] ? TSP_TEXT_ROM : 0));
        if (!p.fetch)
            return false;
    }
    return true;
}

/* What every event holds of the instruction and of the state it began with. */
void machine::begin(tsp_event *ev, unsigned len) const
{
    std::memset(ev, 0, sizeof(*ev));
    ev->len = static_cast<uint8_t>(len);
    ev->addr = v.regs.pc;
    for (unsigned i = 0; i < TSP_INSN_BYTES; i++) {
        place p{};

        if (walk(ev->addr + i, &p))
            ev->fetched[i] = ram[p.gpa - s->ram_base];
    }
    uint8_t bytes[TSP_INSN_BYTES];
    text(ev->addr, bytes, len, ev->text);
    tsp_x86_sys(&v.x86, ev->sys);
    ev->before = v.regs;
}

/* And of what it left behind. */
void machine::end(tsp_event *ev, uint16_t kind, uint32_t code)
{
    ev->kind = kind;
    ev->code = code;
    ev->after = v.regs;
    for (unsigned i = 0; i < TSP_INSN_BYTES; i++) {
        place p{};

        if (walk(ev->addr + i, &p))
            ev->stored[i] = ram[p.gpa - s->ram_base];
    }
    if (kind == TSP_EV_STOP)
        v.run_state = code == TSP_STOP_HALT ? TSP_RUN_HALTED : TSP_RUN_STOPPED;
}

const tsp_leaf *machine::find(uint32_t leaf, uint32_t subleaf) const
{
    const tsp_policy &p = s->policy[0];

    for (size_t i = 0; i < p.n; i++)
        if (p.leaf[i].leaf == leaf &&
            (!(p.leaf[i].flags & TSP_LEAF_INDEXED) || p.leaf[i].subleaf == subleaf))
            return &p.leaf[i];
    return nullptr;
}

void machine::cpuid(tsp_event *ev)
{
    uint64_t *r = v.regs.r;
    const auto leaf = static_cast<uint32_t>(r[TSP_RAX]);
    const auto subleaf = static_cast<uint32_t>(r[TSP_RCX]);
    const tsp_leaf *l = find(leaf, subleaf);
    uint32_t reg[4] = {0, 0, 0, 0};

    begin(ev, 2);
    if (l != nullptr)
        std::memcpy(reg, l->reg, sizeof(reg));
    if (leaf == 1 && l != nullptr) { /* OSXSAVE follows CR4, APIC its own enable bit */
        reg[2] = (reg[2] & ~(1u << 27)) |
                 static_cast<uint32_t>((v.x86.cr4 >> 18 & reg[2] >> 26 & 1) << 27);
        if (!(v.x86.apic_base >> 11 & 1))
            reg[3] &= ~(1u << 9);
    }
    if (leaf == 7 && l != nullptr && l->subleaf == 0) /* OSPKE follows CR4 */
        reg[2] =
            (reg[2] & ~(1u << 4)) | static_cast<uint32_t>((v.x86.cr4 >> 22 & 1) << 4);
    r[TSP_RAX] = reg[0];
    r[TSP_RBX] = reg[1];
    r[TSP_RCX] = reg[2];
    r[TSP_RDX] = reg[3];
    v.regs.pc += 2;
    v.regs.flags &= ~(uint64_t{1} << 16); /* RF */
    end(ev, TSP_EV_CPUID, 0);
}

/* VMCALL or VMMCALL. false: it asks for what this hypervisor does not have. */
bool machine::hypercall(tsp_event *ev, bool native)
{
    const bool amd = s->host == TSP_VENDOR_AMD || s->host == TSP_VENDOR_HYGON;
    uint64_t nr = v.regs.r[TSP_RAX], result = error(enosys);
    place first{}, last{};

    begin(ev, 3);
    if (!native && s->patch != TSP_PATCH_EMULATE) {
        if (s->patch != TSP_PATCH_REWRITE || !walk(ev->addr, &first) ||
            !walk(ev->addr + 2, &last) || !first.write || !last.write ||
            last.gpa != first.gpa + 2 || rom[(first.gpa - s->ram_base) >> 12])
            return false; /* an exception, which this hypervisor cannot deliver */
        std::memcpy(&ram[first.gpa - s->ram_base], amd ? vmmcall : vmcall, 3);
        ev->info[0] = ev->addr;
        ev->info[1] = 3;
        end(ev, TSP_EV_PATCH, 0);
        return true;
    }
    if (nr > 1 && nr < 16)
        return false; /* calls that were not written yet */
    if (v.regs.level != 0)
        result = error(eperm);
    else if (nr == 1)
        result = 0;
    v.regs.r[TSP_RAX] = result;
    v.regs.pc += 3;
    v.regs.flags &= ~(uint64_t{1} << 16);
    end(ev, TSP_EV_HYPERCALL, 0);
    return true;
}

/* One instruction. true: it is an event. */
bool machine::step(tsp_event *ev)
{
    const bool amd = s->host == TSP_VENDOR_AMD || s->host == TSP_VENDOR_HYGON;
    uint8_t b[3] = {0, 0, 0}, rights[2];

    if (text(v.regs.pc, b, 2, rights) && b[0] == 0x0f && b[1] == 0xa2) {
        const uint32_t top = find(0, 0) != nullptr ? find(0, 0)->reg[0] : 0;
        const auto leaf = static_cast<uint32_t>(v.regs.r[TSP_RAX]);

        /* The sizes of leaf 0xd follow XCR0: not written yet. */
        if (leaf <= top && leaf != 0xd && find(leaf, static_cast<uint32_t>(v.regs.r[TSP_RCX]))) {
            cpuid(ev);
            return true;
        }
    } else if (text(v.regs.pc, b, 3, rights) &&
               (std::memcmp(b, vmcall, 3) == 0 || std::memcmp(b, vmmcall, 3) == 0)) {
        if (hypercall(ev, (b[2] == 0xd9) == amd))
            return true;
    } else if (text(v.regs.pc, b, 1, rights) && b[0] == 0xf4 && v.regs.level == 0) {
        begin(ev, 1);
        v.regs.pc++;
        end(ev, TSP_EV_STOP, TSP_STOP_HALT);
        return true;
    } else if (b[0] == 0x90) {
        v.regs.pc++;
        return false;
    }
    begin(ev, 0);
    end(ev, TSP_EV_STOP, TSP_STOP_UNSUPPORTED);
    return true;
}

void machine::run(uint32_t budget, tsp_event *out)
{
    for (uint32_t n = 0; n < budget; n++)
        if (step(out))
            return;
    begin(out, 0);
    out->kind = TSP_EV_STOP;
    out->code = TSP_STOP_BUDGET;
    out->info[0] = budget;
    out->after = v.regs;
}

/* The interface is C: no exception may leave these. */
tsp_status tiny_open(void **self, const char *, tsp_error *err)
{
    try {
        *self = new machine;
        return TSP_OK;
    } catch (const std::exception &e) {
        err->code = TSP_ENOMEM;
        std::strncpy(err->text, e.what(), sizeof(err->text) - 1);
        return TSP_ENOMEM;
    }
}

tsp_status tiny_reset(void *self, const tsp_setup *setup, tsp_event *out)
{
    try {
        return static_cast<machine *>(self)->reset(setup, out);
    } catch (const std::exception &) {
        return TSP_ENOMEM;
    }
}

uint32_t tiny_runnable(void *self)
{
    return static_cast<machine *>(self)->runnable();
}

tsp_status tiny_run(void *self, unsigned, uint32_t budget, tsp_event *out)
{
    static_cast<machine *>(self)->run(budget, out);
    return TSP_OK;
}

tsp_status tiny_peek(void *self, uint64_t gpa, void *buf, size_t len)
{
    return static_cast<machine *>(self)->access(gpa, buf, nullptr, len);
}

tsp_status tiny_poke(void *self, uint64_t gpa, const void *buf, size_t len)
{
    return static_cast<machine *>(self)->access(gpa, nullptr, buf, len);
}

tsp_status tiny_get(void *self, unsigned, tsp_vcpu_state *out)
{
    *out = static_cast<machine *>(self)->v;
    return TSP_OK;
}

tsp_status tiny_set(void *self, unsigned, const tsp_vcpu_state *in)
{
    static_cast<machine *>(self)->v = *in;
    return TSP_OK;
}

void tiny_close(void *self)
{
    delete static_cast<machine *>(self);
}

} // namespace

const tsp_target_ops *tsp_plugin(uint32_t abi, const tsp_host *)
{
    static tsp_target_ops ops;

    if (abi != TSP_ABI_VERSION)
        return nullptr;
    ops.size = sizeof(ops);
    ops.abi = TSP_ABI_VERSION;
    ops.name = "tiny";
    ops.caps = TSP_CAP_X86 | TSP_CAP_EXEC | TSP_CAP_DETERMINISTIC | TSP_CAP_PEEK | TSP_CAP_STEPS;
    ops.open = tiny_open;
    ops.reset = tiny_reset;
    ops.runnable = tiny_runnable;
    ops.run = tiny_run;
    ops.peek = tiny_peek;
    ops.poke = tiny_poke;
    ops.get_vcpu = tiny_get;
    ops.set_vcpu = tiny_set;
    ops.close = tiny_close;
    return &ops;
}
