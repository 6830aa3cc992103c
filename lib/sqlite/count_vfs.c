/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counting shim, see count_vfs.h. A file is the default layer's own object with a
 * tail behind it: a copy of its method table in which only xWrite is ours. So every other
 * method, also of later SQLite versions, runs unchanged and without another call in
 * between.
 */
#include "lib/sqlite/count_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>

struct tail {
    const sqlite3_io_methods *real;
    sqlite3_io_methods mine;
};

static struct {
    pthread_once_t once;
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    size_t tail_offset;
    _Atomic uint64_t bytes;
} shim = {.once = PTHREAD_ONCE_INIT};

static struct tail *tail_of(sqlite3_file *file)
{
    return (struct tail *)(void *)((char *)file + shim.tail_offset);
}

static int count_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 offset)
{
    int rc = tail_of(file)->real->xWrite(file, data, n, offset);

    if (rc == SQLITE_OK)
        atomic_fetch_add_explicit(&shim.bytes, (uint64_t)n, memory_order_relaxed);
    return rc;
}

static int count_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
    int rc = shim.real->xOpen(shim.real, name, file, flags, ret_flags);

    (void)vfs;
    if (rc == SQLITE_OK && file->pMethods) {
        struct tail *tail = tail_of(file);

        tail->real = file->pMethods;
        tail->mine = *file->pMethods;
        tail->mine.xWrite = count_write;
        file->pMethods = &tail->mine;
    }
    return rc;
}

static void register_shim(void)
{
    const size_t align = _Alignof(struct tail);

    shim.real = sqlite3_vfs_find(NULL);
    if (!shim.real)
        return;
    shim.tail_offset = ((size_t)shim.real->szOsFile + align - 1) / align * align;
    shim.vfs = *shim.real;
    shim.vfs.zName = "gatewayd-count";
    shim.vfs.pNext = NULL;
    shim.vfs.szOsFile = (int)(shim.tail_offset + sizeof(struct tail));
    shim.vfs.xOpen = count_open;
    if (sqlite3_vfs_register(&shim.vfs, 0) != SQLITE_OK)
        shim.real = NULL;
}

const char *count_vfs_name(void)
{
    pthread_once(&shim.once, register_shim);
    return shim.real ? shim.vfs.zName : NULL;
}

uint64_t count_vfs_bytes(void)
{
    return atomic_load_explicit(&shim.bytes, memory_order_relaxed);
}
