/* SPDX-License-Identifier: MIT */
/*
 * What a guest kernel does early in its boot: is there a hypervisor (leaf 1, ECX bit 31), whose
 * signature stands at which base (0x40000000 in steps of 0x100), what does it offer, and does a
 * hypercall work.
 */
#include "lib/x86.h"

#define HV_FIRST 0x40000000u
#define HV_STEP 0x100u
#define HV_COUNT 256u
#define KVM_HC_VAPIC_POLL_IRQ 1

static void put_word(uint32_t v)
{
    for (int i = 0; i < 4; i++, v >>= 8)
        if ((v & 0xff) != 0)
            put_char((char)(v & 0xff));
}

static int is_kvm(const struct cpuid *r)
{
    return r->b == 0x4b4d564b && r->c == 0x564b4d56 && r->d == 0x4d;
}

static uint32_t find_kvm(void)
{
    for (uint32_t i = 0; i < HV_COUNT; i++) {
        uint32_t base = HV_FIRST + i * HV_STEP;
        struct cpuid r = cpuid(base, 0);

        if (is_kvm(&r) && r.a >= base + 1)
            return base;
        if (r.b == 0)
            break;
    }
    return 0;
}

static void show_vendor(void)
{
    struct cpuid r = cpuid(0, 0);

    put_text("processor ");
    put_word(r.b);
    put_word(r.d);
    put_word(r.c);
    put_char('\n');
    put_line("highest basic leaf", r.a);
    r = cpuid(0x80000000, 0);
    put_line("highest extended leaf", r.a);
}

void guest_main(void)
{
    struct cpuid r;
    uint32_t base;

    show_vendor();
    r = cpuid(1, 0);
    if ((r.c >> 31) == 0) {
        put_text("no hypervisor\n");
        return;
    }
    base = find_kvm();
    if (base == 0) {
        put_text("a hypervisor, but none this guest knows\n");
        return;
    }
    r = cpuid(base, 0);
    put_text("hypervisor ");
    put_word(r.b);
    put_word(r.c);
    put_word(r.d);
    put_char('\n');
    put_line("base", base);
    r = cpuid(base + 1, 0);
    put_line("features", r.a);
    put_line("vmcall poll-irq", (uint64_t)call_vmcall(KVM_HC_VAPIC_POLL_IRQ, 0, 0));
}
