/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the store share: a directory, a catalogue, a store with waiting
 * hooks. */
#ifndef GATEWAYD_TESTS_UNIT_STORE_FIXTURE_H
#define GATEWAYD_TESTS_UNIT_STORE_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "gatewayd/store/store_read.h"
#include "lib/model/record.h"

#define FIXTURE_SECONDS 20

extern char fixture_dir[256];
extern struct store *fixture_store;
extern struct catalog *fixture_catalog; /* devices meter (8 points) and panel (3) */

extern const char *fixture_gateway_id; /* "home-1" */
extern const char *fixture_machine_id; /* NULL: the real one */
extern const char *fixture_witness;    /* NULL: none */
extern uint32_t fixture_probe_ms;       /* 0: the store's own */

void fixture_make(void); /* directory and catalogue */
void fixture_make_catalog(void);
void fixture_remove(void); /* all of it */
void fixture_open(void);   /* 512 MiB, 60 s: only urgent things commit */
void fixture_open_sized(uint64_t max_bytes, size_t queue_bytes, uint32_t interval_ms);
void fixture_open_in(const char *directory);
void fixture_close(void);

/* A batch of n records of the meter, all points, values that depend on `salt`. */
struct record_batch *fixture_batch(uint32_t n, uint32_t salt);
/* Appends it urgently and waits until it is committed; the last seq. */
uint64_t fixture_store_batch(uint32_t n, uint32_t salt);
uint64_t fixture_wait_committed(uint64_t at_least); /* last_seq */
/* Was an event with this code told through the hook? Waits for it. */
bool fixture_wait_event(const char *code);
unsigned fixture_count_events(const char *code);
/* Runs fn(arg) on the store's thread and waits for its end. */
void fixture_run(void (*fn)(void *arg), void *arg);
void fixture_epoch(char ret_epoch[33]); /* of the store as it is now */
/* For fixture_run; arg: struct store_cursor of the route "community". */
void fixture_load_cursor(void *arg);
void fixture_save_cursor(void *arg);

#endif
