/* SPDX-License-Identifier: Apache-2.0 */
/* The latest-value table; see latest.h. */
#include "gatewayd/device/latest.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/device/pace.h"
#include "lib/base/clock.h"

#define STALE_INTERVALS 3
#define STALE_GRACE_NS (500 * CLOCK_NS_PER_MS)

struct slot {
    struct gw_value value;
    char *string; /* owned; value.v.s points to it */
    int64_t t_boot_ns, t_wall_ms;
    uint64_t change;
    int32_t detail;
    uint8_t quality;
    bool told_stale; /* turning stale was counted as a change */
};

struct latest {
    pthread_mutex_t lock; /* everything below */
    struct catalog *catalog;
    struct slot *slots;
    struct pace_table paces;
    uint64_t change;
};

static void free_slots(struct slot *slots, uint32_t n)
{
    for (uint32_t i = 0; slots && i < n; i++)
        free(slots[i].string);
    free(slots);
}

static struct slot *new_slots(uint32_t n)
{
    struct slot *slots = calloc(n ? n : 1, sizeof *slots);

    for (uint32_t i = 0; slots && i < n; i++)
        slots[i].quality = GW_STALE;
    return slots;
}

struct latest *latest_new(struct catalog *catalog)
{
    struct latest *latest = calloc(1, sizeof *latest);

    if (!latest)
        return NULL;
    latest->slots = new_slots(catalog->n_points);
    if (!latest->slots) {
        free(latest);
        return NULL;
    }
    latest->catalog = catalog_ref(catalog);
    pthread_mutex_init(&latest->lock, NULL);
    return latest;
}

void latest_free(struct latest *latest)
{
    if (!latest)
        return;
    free_slots(latest->slots, latest->catalog->n_points);
    pace_table_clear(&latest->paces);
    catalog_unref(latest->catalog);
    pthread_mutex_destroy(&latest->lock);
    free(latest);
}

static void move_values(struct latest *latest, const struct catalog *to,
                        struct slot *slots)
{
    for (uint32_t i = 0; i < latest->catalog->n_devices; i++) {
        const struct catalog_device *old = &latest->catalog->devices[i];
        int device = catalog_find_device(to, old->name);

        for (uint32_t j = 0; device >= 0 && j < old->n_points; j++) {
            int point =
                catalog_device_find_point(&to->devices[device], old->points[j].name);
            struct slot *from = &latest->slots[old->first_point + j];

            if (point < 0)
                continue;
            slots[to->devices[device].first_point + (uint32_t)point] = *from;
            from->string = NULL;
        }
    }
}

int latest_set_catalog(struct latest *latest, struct catalog *catalog)
{
    struct slot *slots = new_slots(catalog->n_points);

    if (!slots)
        return -ENOMEM;
    pthread_mutex_lock(&latest->lock);
    move_values(latest, catalog, slots);
    free_slots(latest->slots, latest->catalog->n_points);
    catalog_unref(latest->catalog);
    latest->slots = slots;
    latest->catalog = catalog_ref(catalog);
    pace_table_clear(&latest->paces);
    pthread_mutex_unlock(&latest->lock);
    return 0;
}

static void set_value(struct slot *slot, const struct gw_value *value)
{
    char *copy = NULL;

    if (value->type == GW_TYPE_STRING) {
        copy = strdup(value->v.s);
        if (!copy)
            return;
    }
    free(slot->string);
    slot->string = copy;
    slot->value = *value;
    if (copy)
        slot->value.v.s = copy;
}

/* A failed reading leaves the last value and its time, under the new quality. */
static void set_slot(struct slot *slot, const struct reading *reading, int64_t t_boot_ns,
                     int64_t offset_ms)
{
    slot->quality = reading->quality;
    slot->detail = reading->detail;
    slot->told_stale = false;
    if (reading->value.type == GW_TYPE_NONE)
        return;
    slot->t_boot_ns = t_boot_ns;
    slot->t_wall_ms = t_boot_ns / CLOCK_NS_PER_MS + offset_ms;
    set_value(slot, &reading->value);
}

void latest_update(struct latest *latest, const struct record_batch *batch)
{
    int64_t offset_ms = clock_wall_ms() - clock_boot_ns() / CLOCK_NS_PER_MS;

    pthread_mutex_lock(&latest->lock);
    latest->change++;
    for (uint32_t i = 0; batch->catalog == latest->catalog && i < batch->n_records; i++) {
        const struct record *record = &batch->records[i];
        const struct catalog_device *device = &latest->catalog->devices[record->device];

        for (uint32_t j = 0; j < record->n_readings; j++) {
            const struct reading *reading = &batch->readings[record->first_reading + j];
            struct slot *slot = &latest->slots[device->first_point + reading->point];

            set_slot(slot, reading, record->t_boot_ns, offset_ms);
            slot->change = latest->change;
        }
    }
    pthread_mutex_unlock(&latest->lock);
}

void latest_set_pace(struct latest *latest, uint32_t device, uint32_t factor)
{
    pthread_mutex_lock(&latest->lock);
    pace_table_set(&latest->paces, device, factor);
    pthread_mutex_unlock(&latest->lock);
}

void latest_mark_device(struct latest *latest, uint32_t device, enum gw_quality quality)
{
    pthread_mutex_lock(&latest->lock);
    if (device < latest->catalog->n_devices) {
        const struct catalog_device *d = &latest->catalog->devices[device];

        latest->change++;
        for (uint32_t i = 0; i < d->n_points; i++) {
            latest->slots[d->first_point + i].quality = (uint8_t)quality;
            latest->slots[d->first_point + i].change = latest->change;
        }
    }
    pthread_mutex_unlock(&latest->lock);
}

static bool is_stale(const struct catalog_point *point, const struct slot *slot,
                     uint32_t pace, int64_t now_ns)
{
    int64_t poll_ns = point->interval_ms * CLOCK_NS_PER_MS * pace;
    int64_t limit_ns = poll_ns * STALE_INTERVALS + STALE_GRACE_NS;

    return slot->quality == GW_GOOD && point->interval_ms > 0 &&
           now_ns - slot->t_boot_ns > limit_ns;
}

static size_t strings_size(const struct latest *latest)
{
    size_t size = 1;

    for (uint32_t i = 0; i < latest->catalog->n_points; i++)
        if (latest->slots[i].value.type == GW_TYPE_STRING)
            size += strlen(latest->slots[i].string) + 1;
    return size;
}

/* Nothing happens when a value turns stale: the first to look counts it as a change. */
static void note_stale(struct latest *latest, struct slot *slot)
{
    if (slot->told_stale)
        return;
    slot->told_stale = true;
    slot->change = ++latest->change;
}

static struct latest_entry entry_of(const struct slot *slot, uint32_t device,
                                    uint32_t point)
{
    return (struct latest_entry){.device = device,
                                 .point = point,
                                 .quality = slot->quality,
                                 .detail = slot->detail,
                                 .value = slot->value,
                                 .t_boot_ns = slot->t_boot_ns,
                                 .t_wall_ms = slot->t_wall_ms,
                                 .change = slot->change};
}

static void copy_entries(struct latest *latest, struct latest_snapshot *snapshot)
{
    char *strings = snapshot->strings;

    for (uint32_t i = 0; i < latest->catalog->n_devices; i++) {
        const struct catalog_device *device = &latest->catalog->devices[i];
        uint32_t pace = pace_table_get(&latest->paces, i);

        for (uint32_t j = 0; j < device->n_points; j++) {
            struct slot *slot = &latest->slots[device->first_point + j];
            struct latest_entry *entry = &snapshot->entries[snapshot->n++];
            bool stale =
                is_stale(&device->points[j], slot, pace, snapshot->taken_boot_ns);

            if (stale)
                note_stale(latest, slot);
            *entry = entry_of(slot, i, j);
            if (stale)
                entry->quality = GW_STALE;
            if (slot->value.type == GW_TYPE_STRING) {
                entry->value.v.s = strings;
                strings = stpcpy(strings, slot->string) + 1;
            }
        }
    }
    snapshot->change = latest->change;
}

bool latest_get(struct latest *latest, uint32_t device, uint32_t point,
                struct latest_entry *ret_entry)
{
    const struct catalog_device *d;
    bool found = false;

    pthread_mutex_lock(&latest->lock);
    if (device < latest->catalog->n_devices &&
        point < latest->catalog->devices[device].n_points) {
        struct slot *slot;

        d = &latest->catalog->devices[device];
        slot = &latest->slots[d->first_point + point];
        *ret_entry = entry_of(slot, device, point);
        if (slot->value.type == GW_TYPE_STRING)
            ret_entry->value = (struct gw_value){.type = GW_TYPE_NONE};
        if (is_stale(&d->points[point], slot, pace_table_get(&latest->paces, device),
                     clock_boot_ns())) {
            note_stale(latest, slot);
            ret_entry->quality = GW_STALE;
        }
        found = true;
    }
    pthread_mutex_unlock(&latest->lock);
    return found;
}

int latest_snapshot(struct latest *latest, struct latest_snapshot *ret_snapshot)
{
    struct latest_snapshot snapshot = {.taken_boot_ns = clock_boot_ns()};
    int rc = 0;

    pthread_mutex_lock(&latest->lock);
    snapshot.entries = calloc(latest->catalog->n_points + 1, sizeof *snapshot.entries);
    snapshot.strings = malloc(strings_size(latest));
    if (snapshot.entries && snapshot.strings) {
        snapshot.catalog = catalog_ref(latest->catalog);
        copy_entries(latest, &snapshot);
    } else {
        rc = -ENOMEM;
    }
    pthread_mutex_unlock(&latest->lock);
    if (rc < 0)
        latest_snapshot_free(&snapshot);
    else
        *ret_snapshot = snapshot;
    return rc;
}

void latest_snapshot_free(struct latest_snapshot *snapshot)
{
    catalog_unref(snapshot->catalog);
    free(snapshot->entries);
    free(snapshot->strings);
    memset(snapshot, 0, sizeof *snapshot);
}
