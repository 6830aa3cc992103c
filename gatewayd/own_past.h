/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the home's own past out of the store for control: a short thread of its own,
 * because a month of half hours may take a second on a slow card. One at a time; on the
 * loop.
 */
#ifndef GATEWAYD_OWN_PAST_H
#define GATEWAYD_OWN_PAST_H

#include "gatewayd/loop_calls.h"
#include "gatewayd/store/store.h"

struct past;
struct own_past;

/* done gets every past that was asked for, filled as far as it could be read, or NULL for
 * one that could not; it owns it then. NULL: no memory. */
struct own_past *own_past_new(struct store *store, struct loop_calls *calls,
                              void (*done)(void *ctx, struct past *past), void *ctx);
/* Nothing is asked for any more. NULL is fine. */
void own_past_stop(struct own_past *own);
/* Waits for the thread, bounded by a query's limit. Before the store ends; NULL is
 * fine. */
void own_past_join(struct own_past *own);
/* After own_past_join. NULL is fine. */
void own_past_free(struct own_past *own);
/* Takes past; while another is being read the newest waits and those before it go. */
void own_past_ask(struct own_past *own, struct past *past);

#endif
