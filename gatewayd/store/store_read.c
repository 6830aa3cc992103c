/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of the log, its epochs and the cursors of the routes: see store_read.h. */
#include "gatewayd/store/store_read.h"

#include <errno.h>
#include <string.h>

#include "gatewayd/store/cursors.h"
#include "gatewayd/store/epochs.h"
#include "gatewayd/store/reader.h"
#include "gatewayd/store/store_thread.h"

int store_reader_open(struct store *store, uint64_t from_seq, struct store_reader **ret)
{
    return store_reader_open_epoch(store, store_writer(store)->book.epoch, from_seq, ret);
}

int store_reader_open_epoch(struct store *store, const char *epoch_hex, uint64_t from_seq,
                            struct store_reader **ret)
{
    const struct epoch *epoch = epochs_find(&store_writer(store)->book.epochs, epoch_hex);
    struct writer *writer = store_writer(store);
    struct store_reader *reader = writer->spare_reader;
    int rc;

    if (!epoch)
        return -ENOENT;
    writer->spare_reader = NULL;
    if (!reader)
        reader = reader_new(&writer->book, &writer->spare_reader);
    if (!reader)
        return -ENOMEM;
    rc = reader_begin(reader, epoch, from_seq);
    if (rc < 0)
        reader_end(reader);
    else
        *ret = reader;
    return rc;
}

int store_reader_next(struct store_reader *reader, struct stored_record *ret_record)
{
    return reader_next(reader, ret_record);
}

void store_reader_close(struct store_reader *reader)
{
    if (reader)
        reader_end(reader);
}

int store_cursor_load(struct store *store, const char *route,
                      struct store_cursor *ret_cursor)
{
    const struct logbook *book = &store_writer(store)->book;
    const struct store_cursor *known =
        cursors_get(&store_writer(store)->cursors, route, book->epoch);
    struct store_cursor fresh = {.low = book->first_seq ? book->first_seq - 1 : 0};

    if (known) {
        *ret_cursor = *known;
        return 0;
    }
    memcpy(fresh.epoch, book->epoch, sizeof fresh.epoch);
    if (fresh.low + 1 < book->epoch_first_seq)
        fresh.low = book->epoch_first_seq - 1;
    *ret_cursor = fresh;
    return cursors_put(&store_writer(store)->cursors, route, &fresh);
}

int store_cursor_load_epoch(struct store *store, const char *route, const char *epoch,
                            struct store_cursor *ret_cursor)
{
    const struct store_cursor *known;

    if (strcmp(epoch, store_writer(store)->book.epoch) == 0)
        return store_cursor_load(store, route, ret_cursor);
    known = cursors_get(&store_writer(store)->cursors, route, epoch);
    if (!known)
        return -ENOENT;
    *ret_cursor = *known;
    return 0;
}

int store_epochs_pending(struct store *store, const char *route, struct store_epoch *ret,
                         int n_max)
{
    const struct epochs *epochs = &store_writer(store)->book.epochs;
    int n = 0;

    for (uint32_t i = 0; i < epochs->n && n < n_max; i++) {
        const struct epoch *epoch = &epochs->items[i];
        const struct store_cursor *cursor =
            cursors_get(&store_writer(store)->cursors, route, epoch->hex);

        if (epoch->last_seq == UINT64_MAX || !cursor || cursor->low >= epoch->last_seq)
            continue;
        memcpy(ret[n].hex, epoch->hex, sizeof ret[n].hex);
        ret[n].first_seq = epoch->first_seq;
        ret[n].last_seq = epoch->last_seq;
        n++;
    }
    return n;
}

int store_cursor_save(struct store *store, const char *route,
                      const struct store_cursor *cursor)
{
    const struct epoch *epoch = epochs_find(&store_writer(store)->book.epochs, cursor->epoch);

    if (!epoch)
        return -ENOENT;
    if (cursor->low >= epoch->last_seq) {
        cursors_forget(&store_writer(store)->cursors, route, cursor->epoch);
        return 0;
    }
    return cursors_put(&store_writer(store)->cursors, route, cursor);
}

int store_cursor_forget(struct store *store, const char *route)
{
    cursors_forget(&store_writer(store)->cursors, route, NULL);
    return 0;
}
