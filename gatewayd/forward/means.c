/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Means over 1 and 30 minutes; see means.h. Records come from scan.c in the order of the
 * log, closed periods go back to it. On the store's thread.
 */
#include "gatewayd/forward/means.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

/* One point in the open period. */
struct sum {
    char *point, *unit;
    bool seen, is_counter, all_float32;
    uint8_t quality; /* the last one */
    int32_t detail;
    uint32_t n_good, n_numbers;
    double total;
    struct gw_value last;
    char *text; /* of `last`, when it is a string: VALUE_STRING_MAX + 1 bytes */
};

/* One device; its sums are kept from period to period. */
struct device_sums {
    char *device;
    enum category category;
    bool open;
    uint32_t period_ms;
    int64_t start_ms, t_boot_ns, opened_boot_ns;
    uint64_t first_seq, last_seq;
    uint8_t clock;
    uint32_t n_corrections; /* that its times have in them */
    char boot[40];
    struct sum **sums;
    uint32_t n_sums;
};

/* A closed period and what its record points to, in one block. */
struct closed {
    struct mean mean;
    char boot[40];
    struct stored_value *values;
    char *texts;
};

struct means {
    struct device_sums **devices;
    uint32_t n_devices;
    struct closed **ready;
    uint32_t n_ready;
};

struct means *means_new(void)
{
    return calloc(1, sizeof(struct means));
}

static void closed_free(struct closed *closed)
{
    if (!closed)
        return;
    free(closed->values);
    free(closed->texts);
    free(closed);
}

static void device_free(struct device_sums *device)
{
    for (uint32_t i = 0; i < device->n_sums; i++) {
        free(device->sums[i]->point);
        free(device->sums[i]->unit);
        free(device->sums[i]->text);
        free(device->sums[i]);
    }
    free(device->sums);
    free(device->device);
    free(device);
}

void means_clear(struct means *means)
{
    means_drop(means, 0, UINT64_MAX);
    for (uint32_t i = 0; i < means->n_devices; i++)
        means->devices[i]->open = false;
}

void means_free(struct means *means)
{
    if (!means)
        return;
    means_drop(means, 0, UINT64_MAX);
    for (uint32_t i = 0; i < means->n_devices; i++)
        device_free(means->devices[i]);
    free(means->devices);
    free(means->ready);
    free(means);
}

/* ---- opening
 * --------------------------------------------------------------------------- */

static void *grow(void *array, uint32_t n, size_t size)
{
    return (n & (n - 1)) == 0 ? realloc(array, (n ? 2 * (size_t)n : 1) * size) : array;
}

static int find_device(struct means *means, const char *name, struct device_sums **ret)
{
    struct device_sums *device, **devices;

    for (uint32_t i = 0; i < means->n_devices; i++)
        if (strcmp(means->devices[i]->device, name) == 0) {
            *ret = means->devices[i];
            return 0;
        }
    if (means->n_devices == MEANS_DEVICES_MAX)
        return -ENOSPC;
    devices = grow(means->devices, means->n_devices, sizeof(struct device_sums *));
    if (!devices)
        return -ENOMEM;
    means->devices = devices;
    device = calloc(1, sizeof *device);
    if (!device || !(device->device = strdup(name))) {
        free(device);
        return -ENOMEM;
    }
    devices[means->n_devices++] = device;
    *ret = device;
    return 0;
}

static bool is_counter(const char *point)
{
    size_t len = strlen(point);

    return len > 3 && strcmp(point + len - 3, "_wh") == 0;
}

static struct sum *new_sum(struct device_sums *device, const struct stored_value *value)
{
    struct sum **sums = grow(device->sums, device->n_sums, sizeof(struct sum *)), *sum;

    if (!sums)
        return NULL;
    device->sums = sums;
    sum = calloc(1, sizeof *sum);
    if (!sum)
        return NULL;
    sum->point = strdup(value->point);
    sum->unit = strdup(value->unit ? value->unit : "");
    if (!sum->point || !sum->unit) {
        free(sum->point);
        free(sum->unit);
        free(sum);
        return NULL;
    }
    sum->is_counter = is_counter(value->point);
    return sums[device->n_sums++] = sum;
}

/* Records of a device name their points in the same order: `hint` is nearly always right.
 */
static struct sum *find_sum(struct device_sums *device, const struct stored_value *value,
                            uint32_t hint)
{
    if (hint < device->n_sums && strcmp(device->sums[hint]->point, value->point) == 0)
        return device->sums[hint];
    for (uint32_t i = 0; i < device->n_sums; i++)
        if (strcmp(device->sums[i]->point, value->point) == 0)
            return device->sums[i];
    return new_sum(device, value);
}

static void open_period(struct device_sums *device, const struct stored_record *record,
                        uint32_t period_ms, int64_t now_boot_ns)
{
    int64_t into = record->t_wall_ms % period_ms;

    device->open = true;
    device->period_ms = period_ms;
    device->start_ms = record->t_wall_ms - (into < 0 ? into + period_ms : into);
    device->t_boot_ns = record->t_boot_ns;
    device->opened_boot_ns = now_boot_ns;
    device->first_seq = record->seq;
    device->category = record->category;
    device->clock = record->clock;
    device->n_corrections = record->n_corrections;
    strncpy(device->boot, record->boot, sizeof device->boot - 1);
    for (uint32_t i = 0; i < device->n_sums; i++) {
        device->sums[i]->seen = false;
        device->sums[i]->n_good = device->sums[i]->n_numbers = 0;
        device->sums[i]->total = 0;
        device->sums[i]->all_float32 = true;
    }
}

/* ---- adding
 * ---------------------------------------------------------------------------- */

static int add_good(struct sum *sum, const struct gw_value *value)
{
    double number;

    if (value->type == GW_TYPE_STRING) {
        if (!sum->text && !(sum->text = calloc(1, VALUE_STRING_MAX + 1)))
            return -ENOMEM;
        strncpy(sum->text, value->v.s, VALUE_STRING_MAX);
    }
    sum->last = *value;
    if (value->type == GW_TYPE_STRING)
        sum->last.v.s = sum->text;
    else if (value->type != GW_TYPE_BOOL && value_to_double(value, &number)) {
        sum->total += number;
        sum->all_float32 = sum->all_float32 && value->type == GW_TYPE_FLOAT32;
        sum->n_numbers++;
    }
    sum->n_good++;
    return 0;
}

static bool is_usable(const struct gw_value *value)
{
    double number;

    if (value->type == GW_TYPE_STRING)
        return value->v.s != NULL;
    return value_to_double(value, &number) && isfinite(number);
}

static int add_value(struct sum *sum, const struct stored_value *value)
{
    sum->seen = true;
    sum->quality = value->quality;
    sum->detail = value->detail;
    if (value->quality != GW_GOOD)
        return 0;
    if (is_usable(&value->value))
        return add_good(sum, &value->value);
    sum->quality = GW_UNCERTAIN;
    return 0;
}

/* The least trusted clock of the period speaks for it. */
static uint8_t worse_clock(uint8_t a, uint8_t b)
{
    static const uint8_t rank[] = {[CLOCK_UNSET] = 0,
                                   [CLOCK_SYNCED] = 3,
                                   [CLOCK_HOLDOVER] = 2,
                                   [CLOCK_ESTIMATED] = 1};

    if (a >= sizeof rank || b >= sizeof rank)
        return CLOCK_UNSET;
    return rank[a] < rank[b] ? a : b;
}

/* ---- closing
 * --------------------------------------------------------------------------- */

static struct gw_value result_of(const struct sum *sum)
{
    bool is_text = sum->last.type == GW_TYPE_STRING || sum->last.type == GW_TYPE_BOOL;
    double mean;

    if (sum->n_good == 0)
        return (struct gw_value){.type = GW_TYPE_NONE};
    if (sum->is_counter || is_text || sum->n_numbers == 1)
        return sum->last;
    mean = sum->total / sum->n_numbers;
    if (sum->all_float32)
        return (struct gw_value){.type = GW_TYPE_FLOAT32, .v.f = (float)mean};
    return (struct gw_value){.type = GW_TYPE_FLOAT64, .v.d = mean};
}

static void fill_values(struct closed *closed, const struct device_sums *device)
{
    char *text = closed->texts;
    uint32_t n = 0;

    for (uint32_t i = 0; i < device->n_sums; i++) {
        const struct sum *sum = device->sums[i];
        struct stored_value *value = &closed->values[n];

        if (!sum->seen)
            continue;
        *value = (struct stored_value){.point = sum->point,
                                       .unit = sum->unit,
                                       .quality = sum->n_good ? GW_GOOD : sum->quality,
                                       .detail = sum->n_good ? 0 : sum->detail,
                                       .value = result_of(sum)};
        if (value->value.type == GW_TYPE_STRING) {
            value->value.v.s = strcpy(text, sum->text);
            text += strlen(text) + 1;
        }
        n++;
    }
    closed->mean.record.n_values = n;
    closed->mean.record.values = closed->values;
}

static struct closed *closed_new(const struct device_sums *device)
{
    struct closed *closed = calloc(1, sizeof *closed);
    size_t text_size = 1;

    if (!closed)
        return NULL;
    for (uint32_t i = 0; i < device->n_sums; i++)
        text_size += device->sums[i]->text ? VALUE_STRING_MAX + 1 : 0;
    closed->values = calloc(device->n_sums + 1, sizeof *closed->values);
    closed->texts = malloc(text_size);
    if (!closed->values || !closed->texts) {
        closed_free(closed);
        return NULL;
    }
    memcpy(closed->boot, device->boot, sizeof closed->boot);
    closed->mean.first_seq = device->first_seq;
    closed->mean.record = (struct stored_record){.kind = STORED_READINGS,
                                                 .seq = device->last_seq,
                                                 .boot = closed->boot,
                                                 .t_boot_ns = device->t_boot_ns,
                                                 .t_wall_ms = device->start_ms,
                                                 .clock = device->clock,
                                       .n_corrections = device->n_corrections,
                                                 .period_ms = device->period_ms,
                                                 .device = device->device,
                                                 .category = device->category};
    fill_values(closed, device);
    return closed;
}

static int close_period(struct means *means, struct device_sums *device)
{
    struct closed **ready = grow(means->ready, means->n_ready, sizeof(struct closed *));
    struct closed *closed;
    uint32_t at;

    if (!ready)
        return -ENOMEM;
    means->ready = ready;
    closed = closed_new(device);
    if (!closed)
        return -ENOMEM;
    for (at = means->n_ready; at > 0; at--) {
        if (ready[at - 1]->mean.record.seq < closed->mean.record.seq)
            break;
        ready[at] = ready[at - 1];
    }
    ready[at] = closed;
    means->n_ready++;
    device->open = false;
    return 0;
}

static bool belongs(const struct device_sums *device, const struct stored_record *record,
                    uint32_t period_ms)
{
    int64_t into = record->t_wall_ms - device->start_ms;

    return device->period_ms == period_ms && into >= 0 && into < period_ms &&
           device->category == record->category &&
           strcmp(device->boot, record->boot) == 0;
}

int means_add(struct means *means, const struct stored_record *record, uint32_t period_ms,
              int64_t now_boot_ns)
{
    struct device_sums *device;
    int rc = find_device(means, record->device, &device);

    if (rc < 0)
        return rc;
    if (device->open && !belongs(device, record, period_ms)) {
        rc = close_period(means, device);
        if (rc < 0)
            return rc;
    }
    if (!device->open)
        open_period(device, record, period_ms, now_boot_ns);
    device->last_seq = record->seq;
    device->clock = worse_clock(device->clock, record->clock);
    for (uint32_t i = 0; i < record->n_values; i++) {
        struct sum *sum = find_sum(device, &record->values[i], i);

        if (!sum || add_value(sum, &record->values[i]) < 0)
            return -ENOMEM;
    }
    return 0;
}

void means_close_due(struct means *means, int64_t now_wall_ms, int64_t now_boot_ns,
                     int64_t grace_ms)
{
    for (uint32_t i = 0; i < means->n_devices; i++) {
        struct device_sums *device = means->devices[i];
        int64_t age_ms = (now_boot_ns - device->opened_boot_ns) / CLOCK_NS_PER_MS;

        if (device->open &&
            (now_wall_ms >= device->start_ms + device->period_ms + grace_ms ||
             age_ms >= device->period_ms + grace_ms))
            close_period(means,
                         device); /* no memory: it stays open, the next tick tries */
    }
}

/* ---- asking
 * ---------------------------------------------------------------------------- */

uint64_t means_first_seq(const struct means *means)
{
    uint64_t first = UINT64_MAX;

    for (uint32_t i = 0; i < means->n_devices; i++)
        if (means->devices[i]->open && means->devices[i]->first_seq < first)
            first = means->devices[i]->first_seq;
    for (uint32_t i = 0; i < means->n_ready; i++)
        if (means->ready[i]->mean.first_seq < first)
            first = means->ready[i]->mean.first_seq;
    return first;
}

uint64_t means_undecided(const struct means *means, uint64_t from)
{
    uint64_t lowest = UINT64_MAX;

    for (uint32_t i = 0; i < means->n_devices; i++) {
        const struct device_sums *device = means->devices[i];

        if (device->open && device->last_seq >= from && device->last_seq < lowest)
            lowest = device->last_seq;
    }
    return lowest;
}

const struct mean *means_ready(const struct means *means, uint32_t i)
{
    return i < means->n_ready ? &means->ready[i]->mean : NULL;
}

uint32_t means_n_ready(const struct means *means)
{
    return means->n_ready;
}

void means_drop(struct means *means, uint64_t first, uint64_t last)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < means->n_ready; i++) {
        uint64_t seq = means->ready[i]->mean.record.seq;

        if (seq >= first && seq <= last)
            closed_free(means->ready[i]);
        else
            means->ready[kept++] = means->ready[i];
    }
    means->n_ready = kept;
}
