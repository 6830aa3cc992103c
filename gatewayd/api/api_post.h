/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that changes something, on its way from an API thread to the loop and back.
 * The API waits 5 s for the answer, then says 504; the object lives until both sides are
 * done, so the loop may finish it at any later time.
 */
#ifndef GATEWAYD_API_API_POST_H
#define GATEWAYD_API_API_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/value.h"

#define API_POST_TIMEOUT_MS 5000
/* handed to the loop and not finished; more are refused with 503 */
#define API_POSTS_MAX 16

enum api_post_kind {
    API_POST_WRITE = 1, /* device, point, value, lease_ms */
    API_POST_READ = 2, /* device: poll it now, answer when its records are in the table */
    API_POST_RELOAD = 3,
    /* device: the circuit; point: on, off, auto; lease_ms: for so long */
    API_POST_OVERRIDE = 4,
    API_POST_HOLD = 5,     /* value */
    API_POST_STORM = 6,    /* lease_ms: for so long, 0 ends it */
    API_POST_DRILL = 7,    /* as storm */
    API_POST_CONFIRM = 8,  /* value: the grid is there */
    API_POST_ISLAND = 9,   /* as storm */
};

enum api_outcome {
    API_CONFIRMED = 0, /* written and read back; read; reloaded */
    API_ACCEPTED = 1,  /* written, the device cannot confirm */
    API_REFUSED = 2,   /* limits, not writable, errors in the configuration */
    API_FAILED = 3,    /* the device or bus did not do it */
    API_NOT_FOUND = 4, /* no such device or point */
};
const char *api_outcome_name(enum api_outcome outcome); /* "confirmed", ... */

/* For the loop; constant after creation, owned by the post. */
struct api_post_request {
    enum api_post_kind kind;
    char device[64], point[64];
    /* Physical value as JSON gave it: BOOL, INT, FLOAT64, or STRING (an enumeration's
     * word). */
    struct gw_value value;
    uint32_t lease_ms; /* 0: the point's own */
    uint32_t uid;      /* who asked, for events; UINT32_MAX: not known */
};

struct api_post;

const struct api_post_request *api_post_get(const struct api_post *post);
/* The loop's answer; gives the loop's reference back: do not touch the post afterwards.
 * text: a sentence for people, may be long (the messages of a failed reload), copied;
 * readback: or NULL. Any thread. */
void api_post_finish(struct api_post *post, enum api_outcome outcome, const char *text,
                     const struct gw_value *readback);

/* ---- the API's side ------------------------------------------------------------------
 */

struct api_post_result {
    enum api_outcome outcome;
    char *text;               /* malloc'ed or NULL */
    struct gw_value readback; /* a string lives in readback_text */
    char readback_text[VALUE_STRING_MAX + 1];
};

/* Two references: one is the API's, one the loop's. Copies. NULL: no memory or
 * descriptor. */
struct api_post *api_post_new(const struct api_post_request *request);
/* Waits until finished, until stop_fd (an eventfd) is readable, or the time is over. 0
 * with *ret_result (free its text), -ETIMEDOUT, -ECANCELED. */
int api_post_wait(struct api_post *post, int stop_fd, int timeout_ms,
                  struct api_post_result *ret_result);
void api_post_unref(struct api_post *post);
/* Posts that exist, of all APIs of this process. */
unsigned api_post_count(void);

#endif
