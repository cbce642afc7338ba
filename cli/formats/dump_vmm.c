/* SPDX-License-Identifier: MIT */
/*
 * Logs of hosted hypervisors that list the CPUID of a virtual machine beside the host's: VirtualBox
 * (VBox.log, "CPUID dump"; src/VBox/VMM/VMMR3/CPUMR3CpuId.cpp) and VMware (vmware.log). What the
 * guest sees is read; a log of VMware without it is read for the host.
 */
#include "cli/formats/dump_in.h"

#include <string.h>

/* "Gst: 00000004/0001  0c000122 01c0003f 0000003f 00000000"; before version 5 without sub-leaf. */
static enum tsp_status vbox_line(struct dump_in *in, struct line l)
{
    struct tsp_leaf leaf;

    memset(&leaf, 0, sizeof(leaf));
    if (!line_find(&l, "Gst: "))
        return TSP_OK;
    line_space(&l);
    if (!line_hex(&l, &leaf.leaf) || (line_take(&l, "/") && !line_hex(&l, &leaf.subleaf)))
        return dump_fail(in, "not \"Gst: LEAF/SUB  EAX EBX ECX EDX\"");
    for (unsigned i = 0; i < 4; i++) {
        line_space(&l);
        if (!line_hex(&l, &leaf.reg[i]))
            return dump_fail(in, "not \"Gst: LEAF/SUB  EAX EBX ECX EDX\"");
    }
    return dump_add_leaf(in, &leaf, NULL);
}

enum tsp_status dump_in_vbox(struct dump_in *in)
{
    return dump_lines(in, vbox_line);
}

/* Behind one of these: "00000004,  1: 0x.. 0x.. 0x.. 0x..", sub-leaf in hexadecimal. */
static const char *const vmware_guest[] = {"CPUID guest level ", "guestCPUID level ", NULL};
static const char *const vmware_host[] = {"hostCPUID level ", NULL};

static enum tsp_status vmware_record(struct dump_in *in, struct line l, const char *const *words)
{
    struct tsp_leaf leaf;

    memset(&leaf, 0, sizeof(leaf));
    while (*words != NULL && !line_find(&l, *words))
        words++;
    if (*words == NULL)
        return TSP_OK;
    if (!line_hex(&l, &leaf.leaf) || !line_take(&l, ","))
        return dump_fail(in, "not \"level LEAF, SUB: EAX EBX ECX EDX\"");
    line_space(&l);
    if (!line_hex(&l, &leaf.subleaf) || !line_take(&l, ":"))
        return dump_fail(in, "not \"level LEAF, SUB: EAX EBX ECX EDX\"");
    for (unsigned i = 0; i < 4; i++) {
        line_space(&l);
        if (!line_0x(&l, &leaf.reg[i]))
            return dump_fail(in, "not \"level LEAF, SUB: EAX EBX ECX EDX\"");
    }
    return dump_add_leaf(in, &leaf, NULL);
}

static enum tsp_status vmware_guest_line(struct dump_in *in, struct line l)
{
    return vmware_record(in, l, vmware_guest);
}

static enum tsp_status vmware_host_line(struct dump_in *in, struct line l)
{
    return vmware_record(in, l, vmware_host);
}

enum tsp_status dump_in_vmware(struct dump_in *in)
{
    enum tsp_status st = dump_lines(in, vmware_guest_line);

    if (st == TSP_OK && in->out->n == 0)
        st = dump_lines(in, vmware_host_line);
    return st;
}
