/* SPDX-License-Identifier: MIT */
/* Rows of small guests: code, and the exception it ends in. */
#ifndef TSP_TESTS_UNIT_EMU_ROWS_H
#define TSP_TESTS_UNIT_EMU_ROWS_H

#include "tests/unit/emu_guest.h"

#define DONE 0xff /* no exception: the guest halted */

struct row {
    const char *code;
    uint8_t len, cpl, vector;
    uint16_t error;
    enum tsp_mode mode;
};

/* Runs the row's code followed by HLT, or OUT to the end port in user mode. */
static inline void run_row(const struct row *r, unsigned i)
{
    uint32_t stop;

    guest.setup.end_port = 0xf4;
    memcpy(guest.ram + GUEST_CODE + r->len, r->cpl ? "\xe6\xf4" : "\xf4", r->cpl ? 2 : 1);
    if (r->cpl)
        guest.setup.vcpu[0].regs.flags |= 0x3000;
    stop = guest_run();
    if (r->vector == DONE) {
        if (guest.fault.kind != TSP_EV_NONE)
            fail_msg("row %u: vector %u error %x", i, guest.fault.code,
                     (unsigned)guest.fault.info[0]);
        assert_int_equal(stop, r->cpl ? TSP_STOP_END : TSP_STOP_HALT);
        return;
    }
    if (guest.fault.code != r->vector || guest.fault.info[0] != r->error)
        fail_msg("row %u: vector %u error %x stop %u", i, guest.fault.code,
                 (unsigned)guest.fault.info[0], stop);
    assert_int_equal(guest.fault.kind, TSP_EV_FAULT);
}

static inline uint64_t reg(unsigned r)
{
    return guest.ev.after.r[r];
}

#endif
