/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups as a stream, see backup.h: the small files are in memory, the store is read in
 * pieces as the client takes them, its sum follows at the end.
 */
#include "gatewayd/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "gatewayd/gateway.h"
#include "gatewayd/store/backup.h"
#include "gatewayd/store/restore.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/sha256.h"
#include "lib/base/tar.h"

#define CONFIG_BYTES_MAX (4u << 20)
#define SUM_LINE (64 + 2 + 1) /* and the name */

/* What is sent next: `out` first; then, when in_store, the store; at its end the sums. */
struct backup {
    struct store_backup *store;
    uint64_t store_bytes, store_sent, t_wall_s;
    struct strbuf out, sums;
    size_t out_sent;
    struct sha256 sum;
    bool has_ended;
};

static void backup_free(void *ctx)
{
    struct backup *backup = ctx;

    store_backup_close(backup->store);
    strbuf_done(&backup->out);
    strbuf_done(&backup->sums);
    free(backup);
}

static void put_zeros(struct strbuf *buf, size_t n)
{
    for (size_t i = 0; i < n; i++)
        strbuf_putc(buf, '\0');
}

static void put_head(struct backup *backup, const char *name, uint64_t size)
{
    struct tar_entry entry = {.size = size, .t_wall_s = (int64_t)backup->t_wall_s};
    uint8_t head[TAR_BLOCK];

    snprintf(entry.name, sizeof entry.name, "%s", name);
    if (tar_put_head(&entry, head))
        strbuf_add(&backup->out, head, sizeof head);
    else
        backup->out.failed = true;
}

static void put_file(struct backup *backup, const char *name, const char *data,
                     size_t size)
{
    struct sha256 sum;
    char hex[SHA256_HEX];

    put_head(backup, name, size);
    strbuf_add(&backup->out, data, size);
    put_zeros(&backup->out, tar_padding(size));
    sha256_init(&sum);
    sha256_add(&sum, data, size);
    sha256_finish(&sum, hex);
    strbuf_printf(&backup->sums, "%s  %s\n", hex, name);
}

/* ---- the configuration ---- */

static int put_config(struct backup *backup, int dir_fd, const char *file,
                      const char *name)
{
    _cleanup_close_ int fd = openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct strbuf text;
    char piece[8192];
    ssize_t n = fd < 0 ? -1 : 0;
    int rc = fd < 0 ? -errno : 0;

    strbuf_init(&text);
    while (rc == 0 && (n = read(fd, piece, sizeof piece)) > 0) {
        strbuf_add(&text, piece, (size_t)n);
        if (text.len + backup->out.len > CONFIG_BYTES_MAX)
            rc = -EFBIG;
    }
    if (rc == 0 && n < 0)
        rc = -errno;
    if (rc == 0)
        put_file(backup, name, text.len ? text.data : "", text.len);
    strbuf_done(&text);
    return rc;
}

static int put_config_dir(struct backup *backup, int dir_fd, const char *room)
{
    int fd = openat(dir_fd, room, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    char name[300];

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return errno == ENOENT ? 0 : -errno;
    }
    while (rc == 0 && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "config/%s/%s", room, entry->d_name);
        rc = put_config(backup, fd, entry->d_name, name);
    }
    closedir(dir);
    return rc;
}

/* The copy of what runs; none is kept where there is no place for it. */
static int put_configs(struct backup *backup, const char *last_good_dir)
{
    _cleanup_close_ int fd = *last_good_dir ? open(last_good_dir, O_RDONLY | O_DIRECTORY |
                                                                      O_CLOEXEC)
                                            : -1;
    int rc;

    if (fd < 0)
        return 0;
    rc = put_config(backup, fd, "gatewayd.yaml", "config/gatewayd.yaml");
    if (rc == 0)
        rc = put_config_dir(backup, fd, "conf.d");
    return rc == 0 ? put_config_dir(backup, fd, "maps") : rc;
}

/* ---- making ---- */

static void put_who(struct backup *backup, struct gateway *gateway,
                    const struct store_backup_info *info)
{
    struct strbuf text;

    strbuf_init(&text);
    strbuf_puts(&text, "{\"v\":1,\"kind\":\"gatewayd-backup\",\"gateway\":");
    pthread_mutex_lock(&gateway->view_lock);
    strbuf_put_json_string(&text, gateway->config->gateway_id);
    strbuf_puts(&text, ",\"site\":");
    strbuf_put_json_string(&text, gateway->config->site);
    pthread_mutex_unlock(&gateway->view_lock);
    strbuf_printf(&text,
                  ",\"created\":%" PRId64 ",\"version\":\"%s\",\"schema\":%" PRId64
                  ",\"epoch\":\"%s\",\"next_seq\":%" PRIu64
                  ",\"without\":\"credentials: keys, certificates and passwords\"}\n",
                  clock_wall_ms(), PACKAGE_VERSION, info->schema_version, info->epoch,
                  info->next_seq);
    put_file(backup, "backup.json", text.data ? text.data : "", text.len);
    backup->out.failed |= text.failed;
    strbuf_done(&text);
}

static int make_small(struct backup *backup, struct gateway *gateway,
                      const struct store_backup_info *info)
{
    int rc = -EIO;

    /* a reload may exchange the copy under our hands */
    for (int i = 0; i < 3 && rc < 0; i++) {
        strbuf_clear(&backup->out);
        strbuf_clear(&backup->sums);
        put_who(backup, gateway, info);
        rc = put_configs(backup, gateway->options->loader.last_good_dir);
    }
    put_head(backup, "store.db", info->bytes);
    return rc == 0 && (backup->out.failed || backup->sums.failed) ? -ENOMEM : rc;
}

static ssize_t backup_read(void *ctx, void *data, size_t size);

static int make(void *ctx, struct http_stream *ret_stream, struct gw_error *reterr)
{
    struct gateway *gateway = ctx;
    struct backup *backup = calloc(1, sizeof *backup);
    struct store_backup_info info;
    uint64_t sums;
    int rc;

    if (!backup)
        return error_set(reterr, -ENOMEM, "no-memory", "no memory");
    strbuf_init(&backup->out);
    strbuf_init(&backup->sums);
    sha256_init(&backup->sum);
    backup->t_wall_s = (uint64_t)clock_wall_ms() / 1000;
    rc = store_backup_open(gateway->store, &backup->store, &info, reterr);
    if (rc == 0) {
        rc = make_small(backup, gateway, &info);
        if (rc < 0)
            error_set(reterr, rc, "backup-failed", "the configuration cannot be read: %s",
                      error_errno_text(rc));
    }
    if (rc < 0) {
        backup_free(backup);
        return rc;
    }
    backup->store_bytes = info.bytes;
    sums = backup->sums.len + SUM_LINE + strlen("store.db");
    *ret_stream = (struct http_stream){.read = backup_read, .free = backup_free,
                                       .ctx = backup};
    ret_stream->bytes = backup->out.len + info.bytes + tar_padding(info.bytes) +
                        TAR_BLOCK + sums + tar_padding(sums) + TAR_END;
    return 0;
}

/* ---- sending ---- */

static void end_store(struct backup *backup)
{
    char hex[SHA256_HEX];
    struct strbuf sums;

    put_zeros(&backup->out, tar_padding(backup->store_bytes));
    sha256_finish(&backup->sum, hex);
    strbuf_printf(&backup->sums, "%s  store.db\n", hex);
    sums = backup->sums;
    strbuf_init(&backup->sums);
    put_file(backup, "SHA256SUMS", sums.data ? sums.data : "", sums.len);
    strbuf_done(&sums);
    put_zeros(&backup->out, TAR_END);
    backup->has_ended = true;
}

static ssize_t read_out(struct backup *backup, void *data, size_t size)
{
    size_t n = backup->out.len - backup->out_sent;

    if (backup->out.failed)
        return -ENOMEM;
    if (n > size)
        n = size;
    memcpy(data, backup->out.data + backup->out_sent, n);
    backup->out_sent += n;
    if (backup->out_sent == backup->out.len) {
        strbuf_clear(&backup->out);
        backup->out_sent = 0;
    }
    return (ssize_t)n;
}

static ssize_t backup_read(void *ctx, void *data, size_t size)
{
    struct backup *backup = ctx;
    ssize_t n;

    if (backup->out.len == 0 && !backup->has_ended &&
        backup->store_sent == backup->store_bytes)
        end_store(backup);
    if (backup->out.len > 0 || backup->has_ended)
        return read_out(backup, data, size);
    n = store_backup_read(backup->store, data, size);
    if (n > 0) {
        sha256_add(&backup->sum, data, (size_t)n);
        backup->store_sent += (uint64_t)n;
    }
    return n;
}

/* ---- restoring ---- */

static int restore_begin(void *ctx, const struct api_restore_request *request,
                         uint32_t *ret_id, struct gw_error *reterr)
{
    struct gateway *gateway = ctx;
    struct restore_request to = {.bytes = request->bytes,
                                 .is_forced = request->is_forced};

    memcpy(to.sha256, request->sha256, sizeof to.sha256);
    return store_restore_begin(gateway->store, &to, ret_id, reterr);
}

static int restore_data(void *ctx, uint32_t id, uint64_t offset, const void *data,
                        size_t size, struct gw_error *reterr)
{
    struct gateway *gateway = ctx;

    return store_restore_data(gateway->store, id, offset, data, size, reterr);
}

static int restore_start(void *ctx, uint32_t id, struct gw_error *reterr)
{
    struct gateway *gateway = ctx;

    return store_restore_start(gateway->store, id, reterr);
}

static void restore_state(void *ctx, struct api_restore *ret_state)
{
    struct gateway *gateway = ctx;
    struct restore_status status;

    store_restore_get(gateway->store, &status);
    ret_state->phase = restore_phase_name(status.phase);
    ret_state->id = status.id;
    ret_state->bytes = status.bytes;
    ret_state->received = status.received;
    memcpy(ret_state->code, status.code, sizeof ret_state->code);
    memcpy(ret_state->text, status.text, sizeof ret_state->text);
}

void backup_fill_ports(struct api_ports *ports)
{
    ports->backup = make;
    ports->restore_begin = restore_begin;
    ports->restore_data = restore_data;
    ports->restore_start = restore_start;
    ports->restore_state = restore_state;
}
