/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes from the loop to the forwards on the store's thread. They pass the bound of the
 * store's queue, so that a disk that hangs loses none unseen, and have a bound of their
 * own.
 */
#include "gatewayd/route_note.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"

static void note_free(struct note *note)
{
    if (!note)
        return;
    store_place_free(note->place);
    free(note);
}

static struct note *note_new(struct route_link *link, enum note_kind kind, size_t len)
{
    struct note *note = calloc(1, sizeof *note + len + 1);

    if (!note)
        return NULL;
    note->kind = kind;
    note->link = link;
    note->len = len;
    note->place = store_place_new();
    if (!note->place) {
        free(note);
        return NULL;
    }
    return note;
}

static void note_send(struct note *note)
{
    struct store_place *place = note->place;

    note->place = NULL;
    store_post_in(note->link->owner->store, place, route_link_on_note, note);
}

int route_note_prepare(struct route_link *link)
{
    for (unsigned kind = 0; kind < NOTES_KEPT; kind++) {
        link->kept[kind] = note_new(link, (enum note_kind)kind, 0);
        if (!link->kept[kind])
            return -ENOMEM;
    }
    return 0;
}

void route_note_done(struct route_link *link)
{
    for (unsigned kind = 0; kind < NOTES_KEPT; kind++)
        note_free(link->kept[kind]);
}

void route_note_tell(struct route_link *link, enum note_kind kind, unsigned number)
{
    struct note *note = link->kept[kind];

    if (!note)
        return; /* sent before */
    link->kept[kind] = NULL;
    note->number = number;
    note_send(note);
}

/* One waits at most: a process that comes and goes adds nothing to the queue. */
void route_note_connected(struct route_link *link, unsigned window)
{
    struct note *note = note_new(link, NOTE_CONNECTED, 0);
    bool is_sent;

    pthread_mutex_lock(&link->owner->lock);
    is_sent = link->is_state_sent;
    link->is_state_sent = is_sent || note;
    link->new_window = window;
    link->went_down |= window == 0;
    pthread_mutex_unlock(&link->owner->lock);
    link->owes_state = !is_sent && !note;
    if (is_sent)
        note_free(note);
    else if (note)
        note_send(note);
}

static bool may_wait(const struct route_link *link, enum note_kind kind, size_t len)
{
    return kind == NOTE_RECEIPT || /* one at most */
           (atomic_load(&link->n_waiting) < NOTES_WAITING_MAX &&
           atomic_load(&link->waiting_bytes) + len <= NOTES_WAITING_BYTES);
}

/* What the receiver says again makes up for a lost receipt. */
static void drop_receipts(struct route_link *link)
{
    pthread_mutex_lock(&link->owner->lock);
    while (link->n_receipts > 0)
        free(link->receipts[--link->n_receipts].payload);
    pthread_mutex_unlock(&link->owner->lock);
}

static void lose_note(struct route_link *link, enum note_kind kind)
{
    if (kind == NOTE_RECEIPT)
        drop_receipts(link);
    else if (kind == NOTE_GRID)
        log_warning(link->route.name, "the store hangs: the grid message waits");
    else if (kind == NOTE_ANSWER || !link->process)
        log_warning(link->route.name, "the store hangs: an answer is not sent");
    else
        route_process_restart(link->process,
                              "the store hangs and what it did cannot be kept");
}

void route_note_send(struct route_link *link, enum note_kind kind, uint64_t token,
                     unsigned number, const char *topic, const char *payload, size_t len)
{
    struct note *note = may_wait(link, kind, len) ? note_new(link, kind, len) : NULL;

    if (!note) {
        lose_note(link, kind);
        return;
    }
    note->token = token;
    note->number = number;
    snprintf(note->topic, sizeof note->topic, "%s", topic ? topic : "");
    if (len)
        memcpy(note->payload, payload, len);
    atomic_fetch_add(&link->n_waiting, 1);
    atomic_fetch_add(&link->waiting_bytes, (unsigned)len);
    note_send(note);
}

static struct waiting_receipt *place_of(struct route_link *link, const char *topic)
{
    struct waiting_receipt *place;

    for (unsigned i = 0; i < link->n_receipts; i++)
        if (strcmp(link->receipts[i].topic, topic) == 0)
            return &link->receipts[i];
    if (link->n_receipts == RECEIPTS_MAX)
        return NULL;
    place = &link->receipts[link->n_receipts++];
    snprintf(place->topic, sizeof place->topic, "%s", topic);
    place->payload = NULL;
    return place;
}

void route_note_receipt(struct route_link *link, const char *topic, const char *payload,
                        size_t len)
{
    struct waiting_receipt *place = NULL;
    char *copy = malloc(len + 1);
    bool is_first = false;

    if (!copy)
        return;
    memcpy(copy, payload, len);
    copy[len] = '\0';
    pthread_mutex_lock(&link->owner->lock);
    if (strlen(topic) < sizeof place->topic) {
        is_first = link->n_receipts == 0;
        place = place_of(link, topic);
    }
    if (place) {
        free(place->payload);
        place->payload = copy;
        place->len = len;
    }
    pthread_mutex_unlock(&link->owner->lock);
    if (!place)
        free(copy);
    if (place && is_first)
        route_note_send(link, NOTE_RECEIPT, 0, 0, NULL, NULL, 0);
}
