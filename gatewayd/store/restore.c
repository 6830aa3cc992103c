/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restores; see restore.h. Pieces are written by the API's thread, the check and most of
 * the taking over are the worker's, the change itself is the store's thread's
 * (restore_enter.c). `lock` guards the state; the worker alone has the file then.
 */
#include "gatewayd/store/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gatewayd/store/restore_check.h"
#include "gatewayd/store/restore_enter.h"
#include "gatewayd/store/store_thread.h"
#include "gatewayd/store/writer_repair.h"
#include "lib/base/thread.h"

#define STACK_BYTES (512u * 1024)
#define SPARE_BYTES (UINT64_C(16) << 20)
#define PAGE_MIN 512
#define BACKUP_WAIT_MS 100
#define BACKUP_TRIES 600

struct restore {
    struct store *store;
    pthread_mutex_t lock; /* leaf */
    struct restore_status status;
    struct restore_request request;
    struct sha256 sum;
    int fd;
    pthread_t worker;
    bool has_worker;    /* to be joined */
    bool is_cancelled;
    struct db *working; /* to be interrupted */
};

const char *restore_phase_name(enum restore_phase phase)
{
    static const char *const names[] = {"idle",    "receiving", "checking", "copying",
                                        "entering", "done",      "failed"};

    return (unsigned)phase < sizeof names / sizeof *names ? names[phase] : "failed";
}

struct restore *restore_new(struct store *store)
{
    struct restore *restore = calloc(1, sizeof *restore);

    if (!restore)
        return NULL;
    restore->store = store;
    restore->fd = -1;
    pthread_mutex_init(&restore->lock, NULL);
    return restore;
}

static void join_worker(struct restore *restore)
{
    if (restore->has_worker)
        pthread_join(restore->worker, NULL);
    restore->has_worker = false;
}

static void drop_file(struct restore *restore)
{
    if (restore->fd >= 0)
        close(restore->fd);
    restore->fd = -1;
    restore_forget_staged(&store_writer(restore->store)->disk);
}

void restore_free(struct restore *restore)
{
    if (!restore)
        return;
    pthread_mutex_lock(&restore->lock);
    restore->is_cancelled = true;
    if (restore->working)
        db_interrupt(restore->working);
    pthread_mutex_unlock(&restore->lock);
    join_worker(restore);
    if (restore->status.phase == RESTORE_RECEIVING)
        drop_file(restore);
    pthread_mutex_destroy(&restore->lock);
    free(restore);
}

/* ---- receiving ---- */

static bool is_at_work(const struct restore *restore)
{
    return restore->status.phase >= RESTORE_CHECKING &&
           restore->status.phase <= RESTORE_ENTERING;
}

static int fail(struct restore *restore, int rc, const struct gw_error *error)
{
    restore->status.phase = RESTORE_FAILED;
    snprintf(restore->status.code, sizeof restore->status.code, "%s", error->code);
    snprintf(restore->status.text, sizeof restore->status.text, "%s", error->text);
    return rc;
}

struct possible_call {
    const struct writer *writer;
    int rc;
};

static void ask_possible(void *arg)
{
    struct possible_call *call = arg;

    call->rc = restore_is_possible(call->writer);
}

static int check_possible(struct restore *restore, struct gw_error *reterr)
{
    struct possible_call call = {store_writer(restore->store), 0};

    if (store_call(restore->store, ask_possible, &call) < 0)
        call.rc = -ENOMEM;
    if (call.rc == -EROFS)
        return error_set(reterr, call.rc, "store-in-ram",
                         "the store is in RAM because its disk cannot be used; mend that "
                         "first, see the alarms");
    if (call.rc == -EBUSY)
        return error_set(reterr, call.rc, "busy",
                         "a damaged store is being salvaged; restore when that is done");
    return call.rc < 0 ? error_set(reterr, call.rc, "no-memory", "no memory") : 0;
}

static int check_request(struct restore *restore, const struct restore_request *request,
                         struct gw_error *reterr)
{
    struct statvfs fs;
    const char *directory = store_writer(restore->store)->disk.directory;
    uint64_t is_free;

    if (request->bytes < PAGE_MIN || strlen(request->sha256) != SHA256_HEX - 1)
        return error_set(reterr, -EINVAL, "bad-request",
                         "a size and a SHA-256 are wanted");
    if (statvfs(directory, &fs) < 0)
        return error_set(reterr, -errno, "restore-failed", "cannot look at %s: %s",
                         directory, error_errno_text(errno));
    is_free = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (is_free < request->bytes + SPARE_BYTES)
        return error_set(reterr, -ENOSPC, "restore-no-room",
                         "the restore needs %llu MiB in %s, %llu are free",
                         (unsigned long long)((request->bytes + SPARE_BYTES) >> 20),
                         directory, (unsigned long long)(is_free >> 20));
    return 0;
}

static int open_staged(struct restore *restore, struct gw_error *reterr)
{
    const struct disk *disk = &store_writer(restore->store)->disk;
    char path[PATH_MAX];

    drop_file(restore);
    restore_staged_path(disk, path, sizeof path);
    restore->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (restore->fd < 0)
        return error_set(reterr, -errno, "restore-failed", "cannot write %s: %s", path,
                         error_errno_text(errno));
    return 0;
}

int store_restore_begin(struct store *store, const struct restore_request *request,
                        uint32_t *ret_id, struct gw_error *reterr)
{
    struct restore *restore = store_restore(store);
    int rc = check_possible(restore, reterr);

    if (rc == 0)
        rc = check_request(restore, request, reterr);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&restore->lock);
    if (is_at_work(restore)) {
        rc = error_set(reterr, -EBUSY, "busy", "another restore is at work");
    } else {
        join_worker(restore); /* has ended, or is about to return */
        rc = open_staged(restore, reterr);
    }
    if (rc == 0) {
        restore->request = *request;
        sha256_init(&restore->sum);
        restore->status = (struct restore_status){.phase = RESTORE_RECEIVING,
                                                  .bytes = request->bytes};
        if (getrandom(&restore->status.id, sizeof restore->status.id, 0) < 0)
            restore->status.id = (uint32_t)getpid();
        *ret_id = restore->status.id;
    }
    pthread_mutex_unlock(&restore->lock);
    return rc;
}

static int is_next(const struct restore *restore, uint32_t id, struct gw_error *reterr)
{
    if (restore->status.phase != RESTORE_RECEIVING || restore->status.id != id)
        return error_set(reterr, -EINVAL, "restore-gone",
                         "this restore is not being received; begin again");
    return 0;
}

static int take_piece(struct restore *restore, uint64_t offset, const void *data,
                      size_t size, struct gw_error *reterr)
{
    size_t done = 0;

    if (offset != restore->status.received || size > restore->status.bytes - offset)
        return error_set(reterr, -EINVAL, "bad-offset", "the next piece begins at %llu",
                         (unsigned long long)restore->status.received);
    while (done < size) {
        ssize_t n = pwrite(restore->fd, (const char *)data + done, size - done,
                           (off_t)(offset + done));

        if (n <= 0) {
            error_set(reterr, n < 0 ? -errno : -ENOSPC, "restore-failed",
                      "cannot keep the backup: %s",
                      error_errno_text(n < 0 ? errno : ENOSPC));
            drop_file(restore);
            return fail(restore, -EIO, reterr);
        }
        done += (size_t)n;
    }
    sha256_add(&restore->sum, data, size);
    restore->status.received += size;
    return 0;
}

int store_restore_data(struct store *store, uint32_t id, uint64_t offset,
                       const void *data, size_t size, struct gw_error *reterr)
{
    struct restore *restore = store_restore(store);
    int rc;

    pthread_mutex_lock(&restore->lock);
    rc = is_next(restore, id, reterr);
    if (rc == 0)
        rc = take_piece(restore, offset, data, size, reterr);
    pthread_mutex_unlock(&restore->lock);
    return rc;
}

/* ---- the worker ---- */

static void set_phase(struct restore *restore, enum restore_phase phase)
{
    pthread_mutex_lock(&restore->lock);
    restore->status.phase = phase;
    pthread_mutex_unlock(&restore->lock);
}

/* False: the store stops. */
static bool work_on(struct restore *restore, struct db *db)
{
    bool may;

    pthread_mutex_lock(&restore->lock);
    may = !restore->is_cancelled;
    restore->working = may ? db : NULL;
    pthread_mutex_unlock(&restore->lock);
    return may;
}

static int check_owner(const struct restore *restore, const struct restore_owner *owner,
                       struct gw_error *reterr)
{
    const char *gateway_id = store_writer(restore->store)->gateway_id;

    if (restore->request.is_forced || strcmp(owner->gateway_id, gateway_id) == 0)
        return 0;
    return error_set(reterr, -EPERM, "restore-foreign",
                     "the backup is of gateway '%.64s', this is '%.64s'. If it is meant, "
                     "use --force: its history is taken, its grants are not, and none of "
                     "its records is sent",
                     owner->gateway_id, gateway_id);
}

static int open_checked(struct restore *restore, const char *path, struct db **ret_db,
                        struct gw_error *reterr)
{
    const struct db_options options = {
        .path = path,
        .mode = DB_WRITER,
        .cache_kib = 1024,
        .max_bytes = store_writer(restore->store)->disk.max_bytes};
    struct db *db;
    int rc = db_open(&options, &db, reterr);

    if (rc < 0)
        return rc;
    rc = work_on(restore, db) ? restore_check_whole(db, reterr) : -ECANCELED;
    if (rc == 0) {
        *ret_db = db;
        return 0;
    }
    work_on(restore, NULL);
    db_close(db);
    return rc;
}

static int take_over(struct restore *restore, struct db *db, bool is_foreign,
                     struct restore_merge **ret_merge)
{
    const struct writer *writer = store_writer(restore->store);
    const struct logbook_identity identity = {writer->gateway_id, writer->machine_id,
                                              "restored"};
    struct restore_merge *merge = NULL;
    struct db *present;
    int rc = disk_open_reader(&writer->disk, true, &present);

    if (rc < 0) {
        db_close(db);
        return rc;
    }
    rc = restore_merge_open(db, present, &identity, is_foreign, &merge);
    if (rc == 0)
        rc = restore_merge_pass(merge, present);
    db_close(present);
    if (rc == 0)
        rc = db_checkpoint(restore_merge_db(merge));
    work_on(restore, NULL);
    if (rc < 0)
        restore_merge_close(merge);
    else
        *ret_merge = merge;
    return rc;
}

struct enter_call {
    struct writer *writer;
    struct restore_merge *merge;
    char aside[PATH_MAX + 64];
    int rc;
};

static void enter(void *arg)
{
    struct enter_call *call = arg;
    char text[480], older[80] = "";
    unsigned n_gone = 0;

    call->rc = restore_enter(call->writer, call->merge, call->aside, sizeof call->aside);
    if (call->rc < 0)
        return;
    if (call->writer->stats.on_disk)
        n_gone = restore_forget_older(&call->writer->disk, call->aside);
    if (n_gone)
        snprintf(older, sizeof older, "; %u kept by earlier restores deleted", n_gone);
    snprintf(text, sizeof text,
             "a backup was restored; a new epoch begins; the store before it is kept as "
             "%.300s%s",
             call->aside, older);
    writer_note(call->writer, "store-restored", "warning", text);
}

/* A backup reads the file that is about to be replaced: it may end first. */
static bool hold_off_backups(struct restore *restore)
{
    for (int i = 0; i < BACKUP_TRIES; i++) {
        if (!atomic_exchange(store_backup_flag(restore->store), true))
            return true;
        if (!work_on(restore, NULL))
            return false;
        poll(NULL, 0, BACKUP_WAIT_MS);
    }
    return false;
}

static int go_over(struct restore *restore, struct restore_merge *merge,
                   struct gw_error *reterr)
{
    struct enter_call call = {.writer = store_writer(restore->store), .merge = merge};

    if (!hold_off_backups(restore)) {
        restore_merge_close(merge);
        return error_set(reterr, -EBUSY, "busy", "a backup is being read; try again");
    }
    set_phase(restore, RESTORE_ENTERING);
    if (store_call(restore->store, enter, &call) < 0) {
        restore_merge_close(merge);
        call.rc = -ENOMEM;
    }
    atomic_store(store_backup_flag(restore->store), false);
    if (call.rc < 0)
        return error_set(reterr, call.rc, "restore-failed",
                         "the store could not go over: %s; the present one goes on",
                         error_errno_text(call.rc));
    pthread_mutex_lock(&restore->lock);
    snprintf(restore->status.text, sizeof restore->status.text,
             "restored; the store before it is kept as %.350s", call.aside);
    pthread_mutex_unlock(&restore->lock);
    return 0;
}

static int restore_all(struct restore *restore, const char *path, struct gw_error *reterr)
{
    struct restore_owner owner = {.gateway_id = ""};
    struct restore_merge *merge = NULL;
    struct db *db = NULL;
    bool is_foreign;
    int rc = restore_check_kind(path, &owner, reterr);

    if (rc == 0)
        rc = check_owner(restore, &owner, reterr);
    if (rc == 0)
        rc = open_checked(restore, path, &db, reterr);
    if (rc < 0)
        return rc;
    set_phase(restore, RESTORE_COPYING);
    is_foreign =
        strcmp(owner.gateway_id, store_writer(restore->store)->gateway_id) != 0;
    rc = take_over(restore, db, is_foreign, &merge);
    if (rc < 0)
        return error_set(reterr, rc, "restore-failed",
                         "what the present store holds could not be taken over: %s; it "
                         "goes on",
                         error_errno_text(rc));
    return go_over(restore, merge, reterr);
}

static void *work(void *arg)
{
    struct restore *restore = arg;
    struct gw_error error = {.code = "stopping", .text = "the daemon was stopped"};
    char path[PATH_MAX];
    int rc;

    restore_staged_path(&store_writer(restore->store)->disk, path, sizeof path);
    rc = restore_all(restore, path, &error);
    if (rc < 0)
        restore_forget_staged(&store_writer(restore->store)->disk);
    pthread_mutex_lock(&restore->lock);
    if (rc < 0)
        fail(restore, rc, &error);
    else
        restore->status.phase = RESTORE_DONE;
    pthread_mutex_unlock(&restore->lock);
    return NULL;
}

static int start_worker(struct restore *restore)
{
    int rc = thread_start(work, restore, STACK_BYTES, &restore->worker);

    restore->has_worker = rc == 0;
    return rc;
}

static int finish_file(struct restore *restore, struct gw_error *reterr)
{
    char hex[SHA256_HEX];
    int rc;

    if (restore->status.received != restore->status.bytes)
        return error_set(reterr, -EINVAL, "restore-short", "%llu bytes are missing",
                         (unsigned long long)(restore->status.bytes -
                                              restore->status.received));
    sha256_finish(&restore->sum, hex);
    rc = close(restore->fd) < 0 ? -errno : 0;
    restore->fd = -1;
    if (rc == 0 && strcmp(hex, restore->request.sha256) != 0)
        rc = -EBADMSG;
    if (rc == 0)
        return 0;
    drop_file(restore);
    error_set(reterr, rc, rc == -EBADMSG ? "restore-damaged" : "restore-failed",
              rc == -EBADMSG ? "the store in the backup is not what its checksum says: "
                               "the file is damaged"
                             : "cannot keep the backup");
    return fail(restore, rc, reterr);
}

int store_restore_start(struct store *store, uint32_t id, struct gw_error *reterr)
{
    struct restore *restore = store_restore(store);
    int rc;

    pthread_mutex_lock(&restore->lock);
    rc = is_next(restore, id, reterr);
    if (rc == 0)
        rc = finish_file(restore, reterr);
    if (rc == 0) {
        restore->status.phase = RESTORE_CHECKING;
        rc = start_worker(restore);
        if (rc < 0) {
            error_set(reterr, rc, "no-memory", "no thread for the restore");
            drop_file(restore);
            fail(restore, rc, reterr);
        }
    }
    pthread_mutex_unlock(&restore->lock);
    return rc;
}

void store_restore_get(struct store *store, struct restore_status *ret_status)
{
    struct restore *restore = store_restore(store);

    pthread_mutex_lock(&restore->lock);
    *ret_status = restore->status;
    pthread_mutex_unlock(&restore->lock);
}
