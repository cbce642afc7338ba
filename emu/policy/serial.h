/* SPDX-License-Identifier: MIT */
/*
 * Policies as bytes. One policy has one form: what is read writes back to the same bytes.
 *
 *      0  "TSPPOLCY"
 *      8  version, 16 bits: 1; size of this header, 16 bits: 32
 *     12  length of all, 32 bits
 *     16  number of leaves, number of MSRs: 32 bits each
 *     24  CRC-32 of what follows the header
 *     28  zero
 *     32  leaves: leaf, sub-leaf, flags (bit 0: the sub-leaf counts), EAX, EBX, ECX, EDX
 *      .  MSRs: number, zero: 32 bits each; value, 64 bits
 *
 * Little-endian. Leaves ascend, then sub-leaves; MSRs ascend; none of them is zero.
 */
#ifndef TSP_EMU_POLICY_SERIAL_H
#define TSP_EMU_POLICY_SERIAL_H

#include "emu/policy/cpu_policy.h"

#define SERIAL_VERSION 1u
#define SERIAL_MAX (32u + TSP_MAX_LEAF * 28u + 2u * 16u)

/* True when the bytes begin as a policy does, whatever its version. */
bool serial_is(const uint8_t *p, size_t n);
/* Run-time state that found its way into p is not written. Returns the length, 0: more than max. */
size_t serial_write(const struct cpu_policy *p, uint8_t *out, size_t max);
/* Total: any bytes give a policy or a reason with the offset it is about. */
enum tsp_status serial_read(const uint8_t *p, size_t n, struct cpu_policy *out,
                            struct tsp_error *err);

/*
 * A migration stream: records of type, length (32 bits each) and body, padded to 8 bytes. The
 * policy comes first, so that the receiver knows what it is asked to run before it takes over a
 * single register (docs/features/feature-levelling.pandoc and
 * docs/specs/libxc-migration-stream.pandoc of Xen: static data comes before everything that depends
 * on it).
 */
enum stream_type {
    STREAM_END = 0,
    STREAM_POLICY = 1,     /* serial_write */
    STREAM_STATIC_END = 2, /* all that does not change while the guest runs has been sent */
    STREAM_VCPU = 3,       /* state of one vCPU: 32 bits its number, then what the sender knows */
    STREAM_MEMORY = 4,     /* 64 bits guest-physical address, then bytes */
    STREAM_TYPES
};

struct stream_writer {
    uint8_t *out;
    size_t n, max;
    uint32_t last; /* type of the record before */
    bool failed;   /* too long, or out of order: the stream is of no use */
};
void stream_begin(struct stream_writer *w, uint8_t *out, size_t max);
bool stream_put(struct stream_writer *w, enum stream_type type, const void *body, size_t n);
bool stream_put_policy(struct stream_writer *w, const struct cpu_policy *p);

struct stream_record {
    enum stream_type type;
    const uint8_t *body;
    size_t n;
};
struct stream_reader {
    const uint8_t *p;
    size_t n, at;
    uint32_t last;
};
void stream_open(struct stream_reader *r, const uint8_t *p, size_t n);
/* The next record; TSP_EPARSE with the offset for what is cut short, unknown or out of order. After
 * STREAM_END nothing may follow. */
enum tsp_status stream_next(struct stream_reader *r, struct stream_record *out,
                            struct tsp_error *err);

#endif
