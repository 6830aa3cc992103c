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
/* a large store on a slow card must not keep the house dark */
#define CHECK_LIMIT_MS 2000

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

static void file_path(const struct disk *disk, size_t i, char *path, size_t size)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    snprintf(path, size, "%s%s", disk->db_path, suffixes[i]);
}

void disk_note_files(struct disk *disk)
{
    char path[PATH_MAX + 8];
    struct stat st;

    for (size_t i = 0; i < 3; i++) {
        file_path(disk, i, path, sizeof path);
        disk->files[i] = (struct disk_file){0};
        if (stat(path, &st) == 0)
            disk->files[i] = (struct disk_file){true, st.st_dev, st.st_ino};
    }
}

/* Another gatewayd could take a directory whose lock file was deleted. */
static bool has_lock(struct disk *disk)
{
    struct stat st;

    if (disk->lock_fd < 0 || fstat(disk->lock_fd, &st) < 0 || st.st_nlink > 0)
        return true;
    disk_done(disk);
    return disk_relock(disk) == 0;
}

enum disk_place disk_look(struct disk *disk)
{
    enum disk_place place = DISK_IN_PLACE;
    char path[PATH_MAX + 8];
    struct stat st;

    for (size_t i = 0; i < 3; i++) {
        const struct disk_file *file = &disk->files[i];
        bool is_there;

        if (!file->is_known)
            continue;
        file_path(disk, i, path, sizeof path);
        is_there = stat(path, &st) == 0;
        if (!is_there && errno != ENOENT && errno != ENOTDIR)
            continue; /* cannot be looked at: says nothing of what is open */
        if (is_there && st.st_ino == file->ino && st.st_dev == file->dev)
            continue;
        if (i == 0)
            return DISK_GONE;
        place = DISK_PARTS_GONE;
    }
    return has_lock(disk) ? place : DISK_PARTS_GONE;
}

int disk_set_aside(struct disk *disk, const char *why, char *ret_path, size_t size)
{
    char from[PATH_MAX + 8], to[PATH_MAX + 64], stamp[32];
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct stat st;
    struct tm tm;

    if (stat(disk->db_path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EISDIR;
    gmtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    for (unsigned n = 0; n < 1000; n++) {
        snprintf(ret_path, size, n ? "%s.%s-%s.%u" : "%s.%s-%s", disk->db_path, why,
                 stamp, n);
        if (access(ret_path, F_OK) < 0)
            break;
    }
    for (size_t i = 0; i < 3; i++) {
        file_path(disk, i, from, sizeof from);
        snprintf(to, sizeof to, "%s%s", ret_path, from + strlen(disk->db_path));
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

void disk_set_witness(struct disk *disk, const char *path)
{
    snprintf(disk->witness_path, sizeof disk->witness_path, "%s", path ? path : "");
}

bool disk_read_witness(const struct disk *disk, struct disk_mark *ret_mark)
{
    char boot[33] = "";
    FILE *file = *disk->witness_path ? fopen(disk->witness_path, "re") : NULL;
    int n;

    if (!file)
        return false;
    n = fscanf(file, "%32s %32s %" SCNu64, boot, ret_mark->epoch, &ret_mark->next_seq);
    fclose(file);
    return n == 3 && strcmp(boot, clock_boot_id()) == 0;
}

/* Of one length and written at once, so that a kill leaves the old one or the new. */
void disk_write_witness(const struct disk *disk, const char *epoch, uint64_t next_seq)
{
    _cleanup_close_ int fd = -1;
    char line[100];
    int n = snprintf(line, sizeof line, "%32s %32s %020" PRIu64 "\n", clock_boot_id(),
                     epoch, next_seq);

    if (!*disk->witness_path)
        return;
    fd = open(disk->witness_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd >= 0 && pwrite(fd, line, (size_t)n, 0) != n)
        (void)unlink(disk->witness_path);
}

static void ballast_path(const struct disk *disk, char *path, size_t size)
{
    snprintf(path, size, "%s/store.ballast", disk->directory);
}

bool disk_make_ballast(struct disk *disk)
{
    uint64_t bytes =
        disk->max_bytes / 16 < BALLAST_BYTES ? disk->max_bytes / 16 : BALLAST_BYTES;
    char path[PATH_MAX];
    _cleanup_close_ int fd = -1;

    ballast_path(disk, path, sizeof path);
    if (bytes == 0 || access(path, F_OK) == 0)
        return false;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    if (posix_fallocate(fd, 0, (off_t)bytes) == 0)
        return true;
    (void)unlink(path);
    return false;
}

bool disk_drop_ballast(struct disk *disk)
{
    char path[PATH_MAX];

    ballast_path(disk, path, sizeof path);
    return unlink(path) == 0;
}
