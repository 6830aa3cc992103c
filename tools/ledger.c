/* SPDX-License-Identifier: Apache-2.0 */
/* What a receiver has; see ledger.h. For subscribe.c. */
#include "tools/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ledger_done(struct ledger *ledger)
{
    while (ledger->logs) {
        struct ledger_log *log = ledger->logs;

        ledger->logs = log->next;
        free(log->prefix);
        free(log->epoch);
        free(log->ranges);
        free(log);
    }
}

static struct ledger_log *find_log(struct ledger *ledger, const char *prefix,
                                   size_t prefix_len, const char *epoch)
{
    struct ledger_log *log;

    for (log = ledger->logs; log; log = log->next)
        if (strlen(log->prefix) == prefix_len &&
            memcmp(log->prefix, prefix, prefix_len) == 0 &&
            strcmp(log->epoch, epoch) == 0)
            return log;
    log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->prefix = strndup(prefix, prefix_len);
    log->epoch = strdup(epoch);
    if (!log->prefix || !log->epoch) {
        free(log->prefix);
        free(log->epoch);
        free(log);
        return NULL;
    }
    log->next = ledger->logs;
    ledger->logs = log;
    return log;
}

static int make_room(struct ledger_log *log)
{
    size_t capacity = log->capacity ? log->capacity * 2 : 16;
    struct ledger_range *ranges;

    if (log->n < log->capacity)
        return 0;
    ranges = reallocarray(log->ranges, capacity, sizeof *ranges);
    if (!ranges)
        return -ENOMEM;
    log->ranges = ranges;
    log->capacity = capacity;
    return 0;
}

int ledger_add(struct ledger_log *log, uint64_t first, uint64_t last)
{
    size_t from = log->n, to;

    /* mostly at the end: search from there; from..to are the ranges that touch */
    while (from > 0 && log->ranges[from - 1].last + 1 >= first)
        from--;
    for (to = from; to < log->n && log->ranges[to].first <= last + 1; to++) {
        if (log->ranges[to].first < first)
            first = log->ranges[to].first;
        if (log->ranges[to].last > last)
            last = log->ranges[to].last;
    }
    if (to == from) {
        if (make_room(log) < 0)
            return -ENOMEM;
        memmove(log->ranges + from + 1, log->ranges + from,
                (log->n - from) * sizeof *log->ranges);
        log->n++;
    } else {
        memmove(log->ranges + from + 1, log->ranges + to,
                (log->n - to) * sizeof *log->ranges);
        log->n -= to - from - 1;
    }
    log->ranges[from] = (struct ledger_range){first, last};
    log->changed = true;
    return 0;
}

static bool get_range(const json_t *pair, struct ledger_range *ret)
{
    const json_t *first = json_array_get(pair, 0), *last = json_array_get(pair, 1);

    if (json_array_size(pair) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 1 ||
        json_integer_value(last) < json_integer_value(first))
        return false;
    ret->first = (uint64_t)json_integer_value(first);
    ret->last = (uint64_t)json_integer_value(last);
    return true;
}

/* `covers`, and of a gap also the numbers it says are gone. */
static int take_object(struct ledger *ledger, const char *topic, size_t prefix_len,
                       const json_t *object)
{
    const char *epoch = json_string_value(json_object_get(object, "epoch"));
    struct ledger_range covers, gone;
    struct ledger_log *log;
    bool is_gap = strcmp(topic + prefix_len, "gap") == 0, has_covers;
    int rc = 0;

    has_covers = get_range(json_object_get(object, "covers"), &covers);
    if (!epoch || !epoch[0] || strlen(epoch) > 64 || strpbrk(epoch, " /+#\n") ||
        (!has_covers && !is_gap) ||
        (is_gap && !get_range(json_object_get(object, "seq"), &gone)))
        return -EBADMSG;
    log = find_log(ledger, topic, prefix_len, epoch);
    if (!log)
        return -ENOMEM;
    if (has_covers)
        rc = ledger_add(log, covers.first, covers.last);
    if (rc == 0 && is_gap)
        rc = ledger_add(log, gone.first, gone.last);
    return rc;
}

int ledger_take(struct ledger *ledger, const char *topic, const char *payload, size_t len)
{
    static const char *const kinds[] = {"readings", "event", "gap", "correction"};
    const char *slash = strrchr(topic, '/');
    bool known = false;
    json_t *object;
    int rc;

    for (unsigned i = 0; slash && i < sizeof kinds / sizeof kinds[0]; i++)
        known |= strcmp(slash + 1, kinds[i]) == 0;
    if (!known)
        return 0;
    object = json_loadb(payload, len, JSON_REJECT_DUPLICATES, NULL);
    if (!object)
        return -EBADMSG;
    rc = take_object(ledger, topic, (size_t)(slash + 1 - topic), object);
    json_decref(object);
    return rc;
}

static void put_pair(struct strbuf *buf, bool comma, uint64_t first, uint64_t last)
{
    strbuf_printf(buf, "%s[%" PRIu64 ",%" PRIu64 "]", comma ? "," : "", first, last);
}

void ledger_put_receipt(const struct ledger_log *log, struct strbuf *buf)
{
    uint64_t upto = log->n ? log->ranges[log->n - 1].last : 0, next = 1;
    size_t n_missing = 0;

    /* numbers begin at 1; what lies beyond the last hole we list is not claimed */
    if (log->n > LEDGER_MISSING_MAX)
        upto = log->ranges[LEDGER_MISSING_MAX - 1].last;
    strbuf_puts(buf, "{\"v\":1,\"epoch\":");
    strbuf_put_json_string(buf, log->epoch);
    strbuf_printf(buf, ",\"upto\":%" PRIu64 ",\"missing\":[", upto);
    for (size_t i = 0; i < log->n && log->ranges[i].first <= upto; i++) {
        if (log->ranges[i].first > next)
            put_pair(buf, n_missing++ > 0, next, log->ranges[i].first - 1);
        next = log->ranges[i].last + 1;
    }
    strbuf_puts(buf, "]}");
}

int ledger_load(struct ledger *ledger, const char *path)
{
    FILE *file = fopen(path, "re");
    char prefix[512], epoch[128];
    uint64_t first, last;
    int rc = 0, n;

    if (!file)
        return errno == ENOENT ? 0 : -errno;
    while (rc == 0 && (n = fscanf(file, "%511s %127s %" SCNu64 " %" SCNu64, prefix, epoch,
                                  &first, &last)) == 4) {
        struct ledger_log *log = find_log(ledger, prefix, strlen(prefix), epoch);

        if (first > last)
            rc = -EBADMSG;
        else
            rc = log ? ledger_add(log, first, last) : -ENOMEM;
    }
    if (rc == 0 && !feof(file))
        rc = -EBADMSG;
    fclose(file);
    return rc;
}

static int write_all(const struct ledger *ledger, FILE *file)
{
    for (const struct ledger_log *log = ledger->logs; log; log = log->next)
        for (size_t i = 0; i < log->n; i++)
            fprintf(file, "%s %s %" PRIu64 " %" PRIu64 "\n", log->prefix, log->epoch,
                    log->ranges[i].first, log->ranges[i].last);
    if (fflush(file) != 0 || ferror(file) || fdatasync(fileno(file)) < 0)
        return -EIO;
    return 0;
}

int ledger_save(const struct ledger *ledger, const char *path)
{
    char *temporary = NULL;
    FILE *file;
    int rc;

    if (asprintf(&temporary, "%s.new", path) < 0)
        return -ENOMEM;
    file = fopen(temporary, "we");
    rc = file ? write_all(ledger, file) : -errno;
    if (file)
        fclose(file);
    if (rc == 0 && rename(temporary, path) < 0)
        rc = -errno;
    free(temporary);
    return rc;
}
