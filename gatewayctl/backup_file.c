/* SPDX-License-Identifier: Apache-2.0 */
/* A backup's tar file read in one go; see backup_file.h. What tar(1) would extract and
 * sha256sum -c would check. */
#include "gatewayctl/backup_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gatewayctl/ctl.h"
#include "lib/base/tar.h"

#define SMALL_MAX (1u << 20)
#define ENTRIES_MAX 4096

struct sums {
    struct {
        char name[TAR_NAME], hex[SHA256_HEX];
    } *items;
    unsigned n;
};

struct reading {
    int fd;
    uint64_t at;
    struct backup_file file;
    struct sums sums;
    char *small; /* content of backup.json or SHA256SUMS */
    bool has_who, is_compared;
    void (*progress)(void *ctx, uint64_t at);
    void *ctx;
};

static int damaged(struct gw_error *reterr, const char *what)
{
    return error_set(reterr, -EBADMSG, "backup-damaged", "%s", what);
}

static int read_exactly(struct reading *reading, void *data, size_t size,
                        struct gw_error *reterr)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(reading->fd, (char *)data + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(reterr, -errno, "backup-read", "%s",
                             error_errno_text(errno));
        if (n == 0)
            return damaged(reterr, reading->at == 0 ? "this is no backup"
                                                    : "the backup is cut off");
        done += (size_t)n;
    }
    reading->at += size;
    return 0;
}

/* The content of an entry; kept as a text when `small` is asked for. */
static int read_content(struct reading *reading, uint64_t size, char *small,
                        char ret_hex[SHA256_HEX], struct gw_error *reterr)
{
    uint8_t piece[65536];
    struct sha256 sum;
    uint64_t done = 0;
    int rc = 0;

    sha256_init(&sum);
    while (rc == 0 && done < size) {
        size_t n = size - done < sizeof piece ? (size_t)(size - done) : sizeof piece;

        rc = read_exactly(reading, piece, n, reterr);
        if (rc < 0)
            break;
        sha256_add(&sum, piece, n);
        if (small)
            memcpy(small + done, piece, n);
        done += n;
        if (reading->progress)
            reading->progress(reading->ctx, reading->at);
    }
    if (rc == 0)
        rc = read_exactly(reading, piece, tar_padding(size), reterr);
    sha256_finish(&sum, ret_hex);
    return rc;
}

static int take_who(struct reading *reading, struct gw_error *reterr)
{
    json_t *root = json_loads(reading->small, 0, NULL);
    struct backup_file *file = &reading->file;
    bool is_ours = strcmp(ctl_text(root, "kind"), "gatewayd-backup") == 0;
    int64_t version = ctl_number(root, "v");

    snprintf(file->gateway, sizeof file->gateway, "%s", ctl_text(root, "gateway"));
    snprintf(file->site, sizeof file->site, "%s", ctl_text(root, "site"));
    snprintf(file->version, sizeof file->version, "%s", ctl_text(root, "version"));
    snprintf(file->epoch, sizeof file->epoch, "%s", ctl_text(root, "epoch"));
    file->created_ms = ctl_number(root, "created");
    file->schema = ctl_number(root, "schema");
    json_decref(root);
    reading->has_who = true;
    if (!is_ours)
        return damaged(reterr, "this is no backup of gatewayd");
    if (version != 1)
        return error_set(reterr, -ENOTSUP, "backup-newer",
                         "the backup has a newer form than this gatewayctl reads");
    return 0;
}

static int note_sum(struct sums *sums, const char *name, const char *hex)
{
    void *bigger = realloc(sums->items, (sums->n + 1) * sizeof *sums->items);

    if (!bigger)
        return -ENOMEM;
    sums->items = bigger;
    snprintf(sums->items[sums->n].name, TAR_NAME, "%s", name);
    memcpy(sums->items[sums->n].hex, hex, SHA256_HEX);
    sums->n++;
    return 0;
}

/* Every entry before it has its line, in order. */
static int compare_sums(struct reading *reading, struct gw_error *reterr)
{
    char *line = reading->small;

    for (unsigned i = 0; i < reading->sums.n; i++) {
        char wanted[SHA256_HEX + TAR_NAME + 4], *end = strchr(line, '\n');
        char text[120 + TAR_NAME];
        int len = snprintf(wanted, sizeof wanted, "%s  %s", reading->sums.items[i].hex,
                           reading->sums.items[i].name);

        if (!end || end - line != len || memcmp(line, wanted, (size_t)len) != 0) {
            snprintf(text, sizeof text, "%s in the backup is not what its checksum says",
                     reading->sums.items[i].name);
            return damaged(reterr, text);
        }
        line = end + 1;
    }
    reading->is_compared = true;
    return *line ? damaged(reterr, "a file is missing in the backup") : 0;
}

static int take_entry(struct reading *reading, const struct tar_entry *entry,
                      struct gw_error *reterr)
{
    struct backup_file *file = &reading->file;
    bool is_who = strcmp(entry->name, "backup.json") == 0;
    bool is_sums = strcmp(entry->name, "SHA256SUMS") == 0;
    bool is_store = strcmp(entry->name, "store.db") == 0;
    char hex[SHA256_HEX];
    int rc;

    if (reading->is_compared || reading->sums.n >= ENTRIES_MAX ||
        (is_store && file->store_bytes > 0) || (is_who && reading->has_who) ||
        ((is_who || is_sums) && entry->size >= SMALL_MAX))
        return damaged(reterr, "there is something in it that no backup has");
    free(reading->small);
    reading->small = is_who || is_sums ? calloc(1, (size_t)entry->size + 1) : NULL;
    if ((is_who || is_sums) && !reading->small)
        return -ENOMEM;
    if (is_store) {
        file->store_at = reading->at;
        file->store_bytes = entry->size;
    }
    rc = read_content(reading, entry->size, reading->small, hex, reterr);
    if (rc < 0)
        return rc;
    if (is_store)
        memcpy(file->store_sha256, hex, sizeof hex);
    file->n_configs += strncmp(entry->name, "config/", 7) == 0;
    if (is_sums)
        return compare_sums(reading, reterr);
    if (is_who)
        rc = take_who(reading, reterr);
    return rc < 0 ? rc : note_sum(&reading->sums, entry->name, hex);
}

static int read_all(struct reading *reading, struct gw_error *reterr)
{
    uint8_t head[TAR_BLOCK];
    struct tar_entry entry;

    for (;;) {
        int rc = read_exactly(reading, head, sizeof head, reterr);

        if (rc < 0)
            return rc;
        rc = tar_get_head(head, &entry);
        if (rc < 0)
            return damaged(reterr, reading->at == TAR_BLOCK ? "this is no backup"
                                                            : "the backup is damaged");
        if (rc == 0)
            break;
        rc = take_entry(reading, &entry, reterr);
        if (rc < 0)
            return rc;
    }
    if (!reading->is_compared || !reading->has_who || reading->file.store_bytes == 0)
        return damaged(reterr, "this is no backup of gatewayd, or it is cut off");
    reading->file.bytes = reading->at + TAR_END - TAR_BLOCK;
    return 0;
}

int backup_file_check(int fd, struct backup_file *ret_file,
                      void (*progress)(void *ctx, uint64_t at), void *ctx,
                      struct gw_error *reterr)
{
    struct reading reading = {.fd = fd, .progress = progress, .ctx = ctx};
    int rc = read_all(&reading, reterr);

    if (rc == -ENOMEM)
        error_set(reterr, rc, "no-memory", "no memory");
    free(reading.small);
    free(reading.sums.items);
    if (rc == 0)
        *ret_file = reading.file;
    return rc;
}
