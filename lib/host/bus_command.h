/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands to a bus: writes within the limits of their points, leases and failsafes. What
 * the core sends waits in a queue of COMMAND_MAX (beyond it: refused at once with BUSY);
 * the bus thread takes from it before each read.
 */
#ifndef GATEWAYD_HOST_BUS_COMMAND_H
#define GATEWAYD_HOST_BUS_COMMAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/host/bus.h"
#include "lib/host/lease.h"

#define COMMAND_MAX 64

enum command_kind { COMMAND_WRITE, COMMAND_RELEASE, COMMAND_READ };

struct command {
    enum command_kind kind;
    uint64_t id;
    uint32_t device, point; /* within the bus */
    struct gw_value value;  /* no string */
    uint32_t lease_ms;
    int64_t end_boot_ns; /* a write is refused from then on; 0: never */
};

struct command_queue;

struct command_queue *command_queue_new(void);
void command_queue_free(struct command_queue *queue);
/* False when it is full. Any thread. */
bool command_queue_put(struct command_queue *queue, const struct command *command);
/* False when it is empty; costs no lock then. */
bool command_queue_take(struct command_queue *queue, struct command *ret_command);

/* ---- bus thread -------------------------------------------------------------------- */

/* Does a WRITE or RELEASE and answers with HOST_MSG_WRITE_DONE. */
void command_write(struct bus *bus, struct lease_table *leases,
                   const struct command *command);
void command_release(struct bus *bus, struct lease_table *leases,
                     const struct command *command);
/* Writes the failsafes whose lease is over and tells HOST_MSG_LEASE_END. */
void command_end_leases(struct bus *bus, struct lease_table *leases);
/* Writes the failsafe of everything owned, again and again until all are written or
 * until_boot_ns has come. Returns how many are left. */
unsigned command_all_to_failsafe(struct bus *bus, struct lease_table *leases,
                                 int64_t until_boot_ns);

/* HOST_MSG_WRITE_DONE; readback may be NULL. Any thread. */
void command_answer(struct outbox *outbox, uint64_t id, enum gw_result result,
                    int32_t detail, const char *text, const struct gw_value *readback);

#endif
