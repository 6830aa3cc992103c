/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup, restore. A backup is written beside its name, read back, and takes the name
 * when it is whole; a restore reads all of the file before it sends the store's part.
 */
#include "gatewayctl/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gatewayctl/backup_file.h"
#include "gatewayctl/human.h"
#include "gatewayctl/progress.h"
#include "lib/base/cleanup.h"

#define PIECE 60000
#define ASK_MS 200

static int tell_file(const char *file, int rc)
{
    fprintf(stderr, "gatewayctl: %s: %s\n", file, error_errno_text(rc));
    return EXIT_BAD_NEWS;
}

/* ---- backup ---- */

struct saving {
    int fd;
    uint64_t at;
    struct progress progress;
};

static int save(void *ctx, const void *data, size_t size, uint64_t total)
{
    struct saving *saving = ctx;
    size_t done = 0;

    while (done < size) {
        ssize_t n = write(saving->fd, (const char *)data + done, size - done);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    saving->at += size;
    saving->progress.total = total;
    progress_show(&saving->progress, saving->at);
    return 0;
}

static int flush_directory(const char *file)
{
    char path[PATH_MAX];
    int fd, rc;

    snprintf(path, sizeof path, "%s", file);
    fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return 0; /* it may be written but not read: nothing can be done */
    rc = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
    close(fd);
    return rc;
}

static int read_back(const struct ctl *ctl, int fd, uint64_t bytes, const char *name,
                     struct backup_file *ret_file)
{
    struct progress progress = progress_of(ctl, "checking", bytes);
    struct gw_error error;
    int rc = lseek(fd, 0, SEEK_SET) < 0
                 ? error_set(&error, -errno, "backup-read", "%s", error_errno_text(errno))
                 : backup_file_check(fd, ret_file, progress_show, &progress, &error);

    progress_end(&progress);
    if (rc == 0)
        return EXIT_OK;
    fprintf(stderr, "gatewayctl: %s: %s\n", name, error.text);
    return EXIT_BAD_NEWS;
}

static void tell_backup(const struct ctl *ctl, const char *name,
                        const struct backup_file *file)
{
    char size[HUMAN_MAX], time[HUMAN_MAX];
    json_t *root;

    if (ctl->is_json) {
        root = json_pack("{s:s,s:I,s:s,s:s,s:I,s:I,s:s}", "file", name, "bytes",
                         (json_int_t)file->bytes, "gateway", file->gateway, "site",
                         file->site, "created", (json_int_t)file->created_ms, "schema",
                         (json_int_t)file->schema, "epoch", file->epoch);
        ctl_print_json(root);
        json_decref(root);
        return;
    }
    human_bytes(file->bytes, size);
    human_time(file->created_ms, time);
    printf("%s: %s of gateway %s, %s; store and %u configuration file%s, read back and "
           "sound\nNot in it: credentials (keys, certificates, passwords); keep those "
           "apart. Who has the file sees all that was recorded.\n",
           name, size, file->gateway, time, file->n_configs,
           file->n_configs == 1 ? "" : "s");
}

/* Not in the place of what came meanwhile. */
static int take_name(const char *part, const char *name, bool may_replace)
{
    if (!may_replace) {
        if (renameat2(AT_FDCWD, part, AT_FDCWD, name, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EINVAL && errno != ENOSYS)
            return -errno;
    }
    return rename(part, name) < 0 ? -errno : 0;
}

static int fetch(const struct ctl *ctl, const char *part, const char *name, int fd)
{
    struct saving saving = {.fd = fd, .progress = progress_of(ctl, "backing up", 0)};
    struct backup_file file;
    int rc = ctl_get_file(ctl, "/api/v1/backup", name, save, &saving);

    progress_end(&saving.progress);
    if (rc != EXIT_OK)
        return rc;
    if (fsync(fd) < 0)
        return tell_file(name, -errno);
    rc = read_back(ctl, fd, saving.at, name, &file);
    if (rc != EXIT_OK)
        return rc;
    rc = take_name(part, name, ctl->is_forced);
    if (rc < 0)
        return tell_file(name, rc);
    rc = flush_directory(name);
    if (rc < 0)
        return tell_file(name, rc);
    tell_backup(ctl, name, &file);
    return EXIT_OK;
}

int cmd_backup(const struct ctl *ctl)
{
    const char *name = ctl->args[0];
    char part[PATH_MAX];
    int fd, rc;

    if (!ctl_may_replace(ctl, name))
        return EXIT_USAGE;
    if (snprintf(part, sizeof part, "%s.part-%d", name, (int)getpid()) >=
        (int)sizeof part)
        return tell_file(name, -ENAMETOOLONG);
    /* all that a home did: for its owner's eyes */
    fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return tell_file(part, -errno);
    rc = fetch(ctl, part, name, fd);
    close(fd);
    if (rc != EXIT_OK)
        (void)unlink(part);
    return rc;
}

/* ---- restore ---- */

static int begin(const struct ctl *ctl, const struct backup_file *file, uint32_t *ret_id)
{
    json_t *root = NULL, *body = json_pack("{s:I,s:s,s:b}", "size",
                                           (json_int_t)file->store_bytes, "sha256",
                                           file->store_sha256, "force", ctl->is_forced);
    int rc = ctl_post(ctl, "/api/v1/restore", body, &root);

    if (rc == EXIT_OK)
        *ret_id = (uint32_t)ctl_number(root, "id");
    json_decref(root);
    return rc;
}

static int send_store(const struct ctl *ctl, const struct backup_file *file, int fd,
                      uint32_t id)
{
    struct progress progress = progress_of(ctl, "sending", file->store_bytes);
    char piece[PIECE], target[96];
    uint64_t at = 0;
    int rc = EXIT_OK;

    while (rc == EXIT_OK && at < file->store_bytes) {
        uint64_t left = file->store_bytes - at;
        ssize_t n = pread(fd, piece, left < PIECE ? (size_t)left : PIECE,
                          (off_t)(file->store_at + at));
        json_t *root = NULL;

        if (n <= 0)
            return tell_file("the backup", n < 0 ? -errno : -EBADMSG);
        snprintf(target, sizeof target,
                 "/api/v1/restore/data?id=%" PRIu32 "&offset=%" PRIu64, id, at);
        rc = ctl_post_bytes(ctl, target, piece, (size_t)n, &root);
        json_decref(root);
        at += (uint64_t)n;
        progress_show(&progress, at);
    }
    progress_end(&progress);
    return rc;
}

static void show_phase(const struct progress *progress, const char *phase)
{
    if (progress->is_shown)
        fprintf(stderr, "\r\033[K%s...", phase);
}

/* Asks until it is done; *ret_state is a new reference. */
static int follow(const struct ctl *ctl, uint32_t id, json_t **ret_state)
{
    struct progress progress = progress_of(ctl, "", 0);
    int rc;

    for (;;) {
        const char *phase;

        rc = ctl_get(ctl, "/api/v1/restore", ret_state, NULL);
        if (rc != EXIT_OK)
            return rc;
        phase = ctl_text(*ret_state, "phase");
        if (ctl_number(*ret_state, "id") != id || strcmp(phase, "done") == 0 ||
            strcmp(phase, "failed") == 0)
            break;
        show_phase(&progress, phase);
        json_decref(*ret_state);
        poll(NULL, 0, ASK_MS);
    }
    if (progress.is_shown)
        fputs("\r\033[K", stderr);
    return ctl_number(*ret_state, "id") == id &&
                   strcmp(ctl_text(*ret_state, "phase"), "done") == 0
               ? EXIT_OK
               : EXIT_BAD_NEWS;
}

static void tell_restore(const struct ctl *ctl, const struct backup_file *file,
                         const json_t *state, int rc)
{
    char time[HUMAN_MAX];

    if (ctl->is_json) {
        ctl_print_json(state);
        return;
    }
    if (rc != EXIT_OK) {
        fprintf(stderr, "gatewayctl: not restored: %s\n", ctl_text(state, "text"));
        return;
    }
    human_time(file->created_ms, time);
    printf("the store is that of %s, with what was decided and not yet sent since then; "
           "%s\nThe configuration was not changed; that of the backup: tar -xf FILE "
           "config\n",
           time, ctl_text(state, "text"));
}

static int run_restore(const struct ctl *ctl, const struct backup_file *file, int fd)
{
    json_t *state = NULL, *root = NULL;
    char target[64];
    uint32_t id = 0;
    int rc = begin(ctl, file, &id);

    if (rc == EXIT_OK)
        rc = send_store(ctl, file, fd, id);
    if (rc != EXIT_OK)
        return rc;
    snprintf(target, sizeof target, "/api/v1/restore/start?id=%" PRIu32, id);
    rc = ctl_post(ctl, target, NULL, &root);
    json_decref(root);
    if (rc == EXIT_OK)
        rc = follow(ctl, id, &state);
    if (state)
        tell_restore(ctl, file, state, rc);
    json_decref(state);
    return rc;
}

int cmd_restore(const struct ctl *ctl)
{
    const char *name = ctl->args[0];
    _cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct backup_file file;
    off_t size;
    int rc;

    if (fd < 0)
        return tell_file(name, -errno);
    size = lseek(fd, 0, SEEK_END);
    rc = read_back(ctl, fd, size > 0 ? (uint64_t)size : 0, name, &file);
    return rc == EXIT_OK ? run_restore(ctl, &file, fd) : rc;
}
