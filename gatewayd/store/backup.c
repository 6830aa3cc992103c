/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups; see backup.h. The store's thread prepares (lib/sqlite/image.h says why that is
 * enough), then a thread of the API reads the file in pieces.
 */
#include "gatewayd/store/backup.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/store/store_thread.h"
#include "lib/sqlite/image.h"

#define TRIES 100
#define PAUSE_MS 100

struct store_backup {
    atomic_bool *flag;
    struct db *db;
    uint64_t bytes, at;
};

struct prepare_call {
    struct writer *writer;
    struct store_backup *backup;
    struct store_backup_info *info;
    int rc;
};

static int hold_image(struct prepare_call *call)
{
    struct writer *writer = call->writer;
    struct store_backup *backup = call->backup;
    int rc;

    if (!writer->stats.on_disk)
        return -EROFS;
    if (writer_has_work(writer))
        writer_commit(writer);
    if (!writer->stats.on_disk)
        return -EROFS;
    rc = image_prepare(writer->db);
    if (rc == 0)
        rc = disk_open_reader(&writer->disk, true, &backup->db);
    if (rc < 0)
        return rc;
    rc = image_begin(backup->db, &backup->bytes);
    if (rc < 0) {
        db_close(backup->db);
        backup->db = NULL;
        return rc;
    }
    call->info->bytes = backup->bytes;
    call->info->schema_version = db_pragma_i64(backup->db, "user_version");
    memcpy(call->info->epoch, writer->book.epoch, sizeof call->info->epoch);
    call->info->next_seq = writer->book.next_seq;
    return 0;
}

static void prepare(void *arg)
{
    struct prepare_call *call = arg;

    call->rc = hold_image(call);
}

static int tell(int rc, struct gw_error *reterr)
{
    if (rc == -EROFS)
        return error_set(
            reterr, rc, "store-in-ram",
            "the store is in RAM because its disk cannot be used; a backup can "
            "be made when it is back on disk, see the alarms");
    if (rc == -EBUSY)
        return error_set(reterr, rc, "busy", "the store is busy; try again");
    return error_set(reterr, rc, "backup-failed", "the store cannot be read: %s",
                     error_errno_text(rc));
}

int store_backup_open(struct store *store, struct store_backup **ret_backup,
                      struct store_backup_info *ret_info, struct gw_error *reterr)
{
    struct store_backup *backup;
    struct prepare_call call = {.writer = store_writer(store), .info = ret_info,
                                .rc = -EBUSY};

    if (atomic_exchange(store_backup_flag(store), true))
        return error_set(reterr, -EBUSY, "busy", "another backup is being read");
    backup = call.backup = calloc(1, sizeof *backup);
    if (!backup) {
        atomic_store(store_backup_flag(store), false);
        return tell(-ENOMEM, reterr);
    }
    backup->flag = store_backup_flag(store);
    for (int i = 0; i < TRIES && call.rc == -EBUSY; i++) {
        if (i > 0)
            poll(NULL, 0, PAUSE_MS); /* a reader of the API is at it, briefly */
        if (store_call(store, prepare, &call) < 0)
            call.rc = -ENOMEM;
    }
    if (call.rc < 0) {
        store_backup_close(backup);
        return tell(call.rc, reterr);
    }
    *ret_backup = backup;
    return 0;
}

ssize_t store_backup_read(struct store_backup *backup, void *data, size_t size)
{
    size_t n = backup->bytes - backup->at < size ? (size_t)(backup->bytes - backup->at)
                                                 : size;
    int rc = n > 0 ? image_read(backup->db, backup->at, data, n) : 0;

    if (rc < 0)
        return rc;
    backup->at += n;
    return (ssize_t)n;
}

void store_backup_close(struct store_backup *backup)
{
    if (!backup)
        return;
    db_close(backup->db);
    atomic_store(backup->flag, false);
    free(backup);
}
