/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One route as both threads see it: the process on the loop, the forward on the store's
 * thread. Shared by forwarding.c (loop) and route_link.c (store's thread).
 */
#ifndef GATEWAYD_ROUTE_LINK_H
#define GATEWAYD_ROUTE_LINK_H

#include <pthread.h>
#include <stdatomic.h>

#include "gatewayd/forwarding.h"

#define OWN_TOKEN (UINT64_C(1) << 63) /* state, ack: no forward waits for them */
/* topics whose last receipt waits, one per epoch; more are dropped */
#define RECEIPTS_MAX 64
#define LINKS_MAX 16 /* the ones still ending count: a new one waits for its place */

struct route_link;

/* A forward knows one epoch of the store: there is one for the epoch that goes on and,
 * behind it, one for the oldest closed epoch of which the route has not got all. */
struct route_side {
    struct route_link *link;
    char epoch[33];
    struct forward *forward; /* NULL: none */
};

enum link_life {
    LINK_NEW,
    LINK_RESOLVING,
    LINK_WAITING,
    LINK_RUNNING,
    LINK_REFUSED,
    LINK_RETIRED
};

struct locality;
struct note;

/* What crosses from the loop to the store's thread. */
enum note_kind {
    NOTE_ATTACH,
    NOTE_GOODBYE,
    NOTE_DETACH,
    NOTE_CONNECTED,
    NOTE_DONE,
    NOTE_LOST,
    NOTE_RECEIPT,
    NOTE_ANSWER,
    NOTE_GRID
};
/* the first: each once in a link's life, had in advance, never lost */
#define NOTES_KEPT 3
#define NOTES_WAITING_MAX 1024u /* of the others, while the store's thread hangs */
#define NOTES_WAITING_BYTES (256u * 1024)

struct route_link {
    struct forwarding *owner;
    struct config_route route; /* own strings */
    char *gateway_id, *site;
    /* loop */
    struct route_process *_Atomic process; /* the loop sets it, all look at it */
    enum link_life life;
    int64_t resolve_boot_ns; /* when to ask again */
    struct locality *question;
    struct route_link *next_retired;
    bool is_removed; /* gone from the configuration: its cursor is forgotten */
    struct note *kept[NOTES_KEPT]; /* NULL: sent */
    /* no memory for a NOTE_CONNECTED: the tick tries again */
    bool owes_state;
    /* any thread */
    atomic_uint n_waiting, waiting_bytes;
    /* set before the store's thread sees it */
    bool is_local;
    /* store's thread */
    struct route_side live, drain;
    struct forward_stats past; /* counts of forwards that are gone */
    char epoch[33];
    unsigned window;
    /* of epochs whose turn has not come: a receiver says a thing once */
    struct early_receipt {
        char epoch[33], *payload;
        size_t len;
    } early[RECEIPTS_MAX];
    unsigned n_early;
    /* under owner->lock */
    struct waiting_receipt {
        char topic[80], *payload;
        size_t len;
    } receipts[RECEIPTS_MAX];
    unsigned n_receipts;
    char state[16], text[200];
    struct forward_stats stats;
    unsigned new_window;
    bool is_state_sent, went_down; /* a NOTE_CONNECTED waits; one before said 0 */
};

struct forwarding {
    sd_event *event;
    struct loop_calls *calls;
    struct forwarding_hooks hooks;
    char *route_program, *credentials, *version;
    struct store *_Atomic store; /* the loop sets it; its thread may already be at work */
    /* loop */
    struct route_link *links[LINKS_MAX];
    unsigned n_links;
    struct route_link *retired; /* no longer wanted, not ended yet */
    bool stopping;
    /* store's thread */
    struct consent *consent;
    struct { /* where the log stood when grants were entered last: route_begin.h */
        char epoch[33];
        uint64_t seq;
    } present;
    struct route_link *active[LINKS_MAX];
    unsigned n_active;
    uint64_t last_seq;
    uint64_t n_events; /* stored when the routes were told last */
    int64_t tell_boot_ns; /* when they are at the latest */
    atomic_bool is_saving;
    char *grid; /* under lock: the newest grid message; NULL: none yet */
    pthread_mutex_t lock;
};

/* Store's thread: takes the note. */
void route_link_on_note(void *note);
/* Any thread: what the views show. */
void route_link_set_state(struct route_link *link, const char *state, const char *text);

/* forwarding.c, called by loop_calls_post with a link. */
void forwarding_start_process(void *link);
void forwarding_stop_process(void *link);
void forwarding_refuse_link(void *link);
void forwarding_free_link(void *link);

#endif
