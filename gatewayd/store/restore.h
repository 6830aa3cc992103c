/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restoring a backup while the store works: the database comes in pieces, a thread of its
 * own checks it and takes over what must not be lost, and between two commits the store
 * goes on with it, under a new epoch. The replaced database stays beside it. One at a
 * time.
 */
#ifndef GATEWAYD_STORE_RESTORE_H
#define GATEWAYD_STORE_RESTORE_H

#include "gatewayd/store/store.h"
#include "lib/base/sha256.h"

enum restore_phase {
    RESTORE_IDLE = 0,
    RESTORE_RECEIVING = 1,
    RESTORE_CHECKING = 2, /* from here on by the worker */
    RESTORE_COPYING = 3,
    RESTORE_ENTERING = 4,
    RESTORE_DONE = 5,
    RESTORE_FAILED = 6,
};
const char *restore_phase_name(enum restore_phase phase); /* "receiving", ... */

struct restore_request {
    uint64_t bytes;
    char sha256[SHA256_HEX];
    bool is_forced; /* also another gateway's */
};

struct restore_status {
    enum restore_phase phase;
    uint32_t id; /* of the one it tells of */
    uint64_t bytes, received;
    char code[40];  /* why it failed */
    char text[480]; /* for a person, once it is done or failed */
};

/* ---- any thread but the store's ---- */

/* A place for it is made; an earlier one that is still being received is given up.
 * -EBUSY: another is at work; -EROFS: in RAM; -ENOSPC: no room on the disk. */
int store_restore_begin(struct store *store, const struct restore_request *request,
                        uint32_t *ret_id, struct gw_error *reterr);
/* In order: -EINVAL when id or offset are not those of the next piece. */
int store_restore_data(struct store *store, uint32_t id, uint64_t offset,
                       const void *data, size_t size, struct gw_error *reterr);
/* All is there: -EBADMSG when it is not what the sum says; else the rest is done behind
 * this call, see the status. */
int store_restore_start(struct store *store, uint32_t id, struct gw_error *reterr);
void store_restore_get(struct store *store, struct restore_status *ret_status);

/* ---- store.c ---- */

struct restore;
struct restore *restore_new(struct store *store);
/* Ends the worker first; the store's thread still runs. NULL is fine. */
void restore_free(struct restore *restore);

#endif
