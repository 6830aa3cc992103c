/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of databases; see image.h. Reads through SQLite's own descriptor: to open and
 * close the file beside it would drop the process's locks on it.
 */
#include "lib/sqlite/image.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>

int image_prepare(struct db *writer)
{
    int n_log = 0, n_done = 0;
    int rc = sqlite3_wal_checkpoint_v2(db_handle(writer), NULL, SQLITE_CHECKPOINT_PASSIVE,
                                       &n_log, &n_done);

    if (rc != SQLITE_OK)
        return db_errno(db_handle(writer), rc);
    return n_done == n_log ? 0 : -EBUSY;
}

int image_begin(struct db *reader, uint64_t *ret_bytes)
{
    int64_t pages, page;
    int rc = db_exec(reader, "BEGIN; SELECT count(*) FROM sqlite_schema");

    if (rc < 0)
        return rc;
    pages = db_pragma_i64(reader, "page_count");
    page = db_pragma_i64(reader, "page_size");
    if (pages <= 0 || page <= 0) {
        image_end(reader);
        return -EIO;
    }
    *ret_bytes = (uint64_t)pages * (uint64_t)page;
    return 0;
}

int image_read(struct db *reader, uint64_t offset, void *data, size_t size)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(db_handle(reader), "main", SQLITE_FCNTL_FILE_POINTER,
                                  &file);

    if (rc != SQLITE_OK || !file || !file->pMethods || size > INT_MAX)
        return -EIO;
    rc = file->pMethods->xRead(file, data, (int)size, (sqlite3_int64)offset);
    return rc == SQLITE_OK ? 0 : -EIO; /* a short read is an error here */
}

void image_end(struct db *reader)
{
    db_rollback(reader);
}
