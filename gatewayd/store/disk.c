/* SPDX-License-Identifier: Apache-2.0 */
/* The store's directory; see disk.h. */
#include "gatewayd/store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gatewayd/store/schema.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"

/* Measured with 1250 readings (half int16 with 1 % noise, half noisy float32) per 5 s
 * commit, WAL, cursor and checkpoints included: bytes written per reading at page size
 * 512 8.2, 1024 9.3, 2048 11.9, 4096 16.9; the smallest makes the tree over a large log
 * one level deeper. */
#define PAGE_BYTES 1024
#define CACHE_KIB 256
#define RAM_BYTES (8u << 20)
#define BALLAST_BYTES (1u << 20)
#define CHECK_LIMIT_MS                                                                   \
    2000 /* a large store on a slow card must not keep the house dark */

static int lock_directory(struct disk *disk, struct gw_error *reterr)
{
    char path[PATH_MAX], pid[24] = "";
    ssize_t n;

    snprintf(path, sizeof path, "%s/store.lock", disk->directory);
    disk->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (disk->lock_fd < 0)
        disk->lock_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (disk->lock_fd < 0)
        return 0; /* cannot be written: opening the database will say so */
    if (flock(disk->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        if (ftruncate(disk->lock_fd, 0) == 0)
            n = pwrite(disk->lock_fd, pid, strlen(pid), 0);
        return 0;
    }
    n = pread(disk->lock_fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return error_set(reterr, -EEXIST, "store-locked",
                     "%s is in use by another gatewayd, process %s", disk->directory,
                     pid[0] ? pid : "unknown");
}

int disk_init(struct disk *disk, const char *directory, uint64_t max_bytes,
              struct gw_error *reterr)
{
    static _Atomic unsigned number;
    int rc;

    *disk = (struct disk){.max_bytes = max_bytes, .lock_fd = -1};
    snprintf(disk->directory, sizeof disk->directory, "%s", directory);
    snprintf(disk->db_path, sizeof disk->db_path, "%s/store.db", disk->directory);
    /* memdb names are common to the process */
    snprintf(disk->ram_name, sizeof disk->ram_name, "store-%u",
             atomic_fetch_add(&number, 1));
    (void)mkdir(directory, 0750);
    rc = lock_directory(disk, reterr);
    if (rc < 0)
        disk_done(disk);
    return rc;
}

int disk_relock(struct disk *disk)
{
    struct gw_error error;
    int rc = 0;

    if (disk->lock_fd < 0) {
        (void)mkdir(disk->directory, 0750);
        rc = lock_directory(disk, &error);
        if (rc < 0)
            disk_done(disk);
    }
    return rc < 0 ? rc : disk->lock_fd < 0 ? -EROFS : 0;
}

void disk_done(struct disk *disk)
{
    if (disk->lock_fd >= 0)
        close(disk->lock_fd);
    disk->lock_fd = -1;
}

/* A clean stop checkpoints and removes the WAL. */
static bool was_stopped_uncleanly(const struct disk *disk)
{
    char path[PATH_MAX + 8];
    struct stat st;

    snprintf(path, sizeof path, "%s-wal", disk->db_path);
    return stat(path, &st) == 0 && st.st_size > 0;
}

static int prepare(struct db *db, bool check, struct gw_error *reterr)
{
    int rc;

    if (check && db_check(db, CHECK_LIMIT_MS) == -EUCLEAN)
        return error_set(reterr, -EUCLEAN, "store-damaged", "the check found damage");
    rc = db_migrate(db, SCHEMA_APPLICATION_ID, schema_steps, SCHEMA_VERSION, reterr);
    return rc;
}

/* Read-only first: a newer file must stay untouched, even by the switch to WAL. */
static int refuse_newer(const struct disk *disk, struct gw_error *reterr)
{
    const struct db_options options = {.path = disk->db_path, .mode = DB_READER};
    struct db *db;
    int rc = 0;
    int64_t version;

    if (access(disk->db_path, F_OK) < 0 || db_open(&options, &db, NULL) < 0)
        return 0;
    version = db_pragma_i64(db, "user_version");
    if (version > SCHEMA_VERSION)
        rc = db_migrate(db, SCHEMA_APPLICATION_ID, schema_steps, SCHEMA_VERSION, reterr);
    db_close(db);
    return rc;
}

int disk_open(struct disk *disk, struct db **ret_db, struct gw_error *reterr)
{
    const struct db_options options = {.path = disk->db_path,
                                       .mode = DB_WRITER,
                                       .page_bytes = PAGE_BYTES,
                                       .cache_kib = CACHE_KIB,
                                       .max_bytes = disk->max_bytes};
    bool check = was_stopped_uncleanly(disk);
    struct db *db;
    int rc;

    if (disk->lock_fd < 0)
        return error_set(reterr, -EROFS, "store-read-only", "cannot write in %s",
                         disk->directory);
    rc = refuse_newer(disk, reterr);
    if (rc == 0)
        rc = db_open(&options, &db, reterr);
    if (rc < 0)
        return rc;
    rc = prepare(db, check, reterr);
    if (rc < 0) {
        db_close(db);
        return rc;
    }
    *ret_db = db;
    return 0;
}

int disk_open_ram(struct disk *disk, struct db **ret_db, struct gw_error *reterr)
{
    const struct db_options options = {.path = disk->ram_name,
                                       .mode = DB_RAM,
                                       .page_bytes = PAGE_BYTES,
                                       .cache_kib = 64,
                                       .max_bytes = RAM_BYTES};
    struct db *db;
    int rc = db_open(&options, &db, reterr);

    if (rc < 0)
        return rc;
    rc = prepare(db, false, reterr);
    if (rc < 0) {
        db_close(db);
        return rc;
    }
    *ret_db = db;
    return 0;
}

int disk_open_reader(const struct disk *disk, bool on_disk, struct db **ret_db)
{
    const struct db_options options = {.path = on_disk ? disk->db_path : disk->ram_name,
                                       .mode = on_disk ? DB_READER : DB_RAM_READER,
                                       .cache_kib = 64};

    return db_open(&options, ret_db, NULL);
}

int disk_set_aside(struct disk *disk, char *ret_path, size_t size)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char from[PATH_MAX + 8], to[PATH_MAX + 64], stamp[32];
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    for (unsigned n = 0; n < 1000; n++) {
        snprintf(ret_path, size, n ? "%s.damaged-%s.%u" : "%s.damaged-%s", disk->db_path,
                 stamp, n);
        if (access(ret_path, F_OK) < 0)
            break;
    }
    for (size_t i = 0; i < 3; i++) {
        snprintf(from, sizeof from, "%s%s", disk->db_path, suffixes[i]);
        snprintf(to, sizeof to, "%s%s", ret_path, suffixes[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

static void mark_path(const struct disk *disk, char *path, size_t size)
{
    snprintf(path, size, "%s/store.mark", disk->directory);
}

bool disk_read_mark(const struct disk *disk, struct disk_mark *ret_mark)
{
    char path[PATH_MAX];
    FILE *file;
    int n;

    mark_path(disk, path, sizeof path);
    file = fopen(path, "re");
    if (!file)
        return false;
    n = fscanf(file, "%32s %" SCNu64, ret_mark->epoch, &ret_mark->next_seq);
    fclose(file);
    return n == 2;
}

/* Not flushed: a mark that is lost or old never says that a sound database is too old. */
void disk_write_mark(const struct disk *disk, const char *epoch, uint64_t next_seq)
{
    char path[PATH_MAX];
    FILE *file;

    mark_path(disk, path, sizeof path);
    file = fopen(path, "we");
    if (!file)
        return;
    fprintf(file, "%s %" PRIu64 "\n", epoch, next_seq);
    fclose(file);
}

static void ballast_path(const struct disk *disk, char *path, size_t size)
{
    snprintf(path, size, "%s/store.ballast", disk->directory);
}

void disk_make_ballast(struct disk *disk)
{
    uint64_t bytes =
        disk->max_bytes / 16 < BALLAST_BYTES ? disk->max_bytes / 16 : BALLAST_BYTES;
    char path[PATH_MAX];
    _cleanup_close_ int fd = -1;

    ballast_path(disk, path, sizeof path);
    if (bytes == 0 || access(path, F_OK) == 0)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd >= 0 && posix_fallocate(fd, 0, (off_t)bytes) != 0)
        (void)unlink(path);
}

bool disk_drop_ballast(struct disk *disk)
{
    char path[PATH_MAX];

    ballast_path(disk, path, sizeof path);
    return unlink(path) == 0;
}
