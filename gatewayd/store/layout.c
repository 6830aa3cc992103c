/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionary of layouts; see layout.h. A small cache in front of it maps (device,
 * point numbers) of the current catalogue to a layout without comparing names.
 */
#include "gatewayd/store/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/strbuf.h"

/* combinations of intervals; more are event-driven points */
#define LAYOUT_PER_DEVICE 64
#define LAYOUTS_MAX 65536
#define CACHE_SLOTS 256 /* power of two */

struct cache_slot {
    uint64_t hash; /* 0: empty */
    struct layout *layout;
    bool full;
};

struct layouts {
    struct layout **by_id; /* [id], [0] unused */
    uint32_t n, capacity, n_unstored;
    struct catalog *catalog; /* of the cache; a reference */
    struct cache_slot cache[CACHE_SLOTS];
};

struct layouts *layouts_new(void)
{
    return calloc(1, sizeof(struct layouts));
}

static void layout_free(struct layout *layout)
{
    if (!layout)
        return;
    free(layout->points);
    free(layout->strings);
    free(layout);
}

static void cache_forget(struct layouts *layouts)
{
    memset(layouts->cache, 0, sizeof layouts->cache);
    catalog_unref(layouts->catalog);
    layouts->catalog = NULL;
}

void layouts_free(struct layouts *layouts)
{
    if (!layouts)
        return;
    cache_forget(layouts);
    for (uint32_t i = 1; i <= layouts->n; i++)
        layout_free(layouts->by_id[i]);
    free(layouts->by_id);
    free(layouts);
}

uint32_t layouts_count(const struct layouts *layouts)
{
    return layouts->n;
}

struct layout *layouts_get(const struct layouts *layouts, uint64_t id)
{
    return id >= 1 && id <= layouts->n ? layouts->by_id[id] : NULL;
}

void layouts_mark_unstored(struct layouts *layouts)
{
    layouts->n_unstored = 0;
    for (uint32_t i = 1; i <= layouts->n; i++) {
        if (!layouts->by_id[i])
            continue;
        layouts->by_id[i]->is_stored = false;
        layouts->n_unstored++;
    }
}

bool layouts_has_unstored(const struct layouts *layouts)
{
    return layouts->n_unstored > 0;
}

void layouts_set_stored(struct layouts *layouts, struct layout *layout)
{
    if (!layout->is_stored)
        layouts->n_unstored--;
    layout->is_stored = true;
}

static int reserve(struct layouts *layouts, uint32_t id)
{
    uint32_t capacity = layouts->capacity ? layouts->capacity : 32;
    struct layout **bigger;

    if (id > LAYOUTS_MAX)
        return -EBADMSG;
    while (capacity <= id)
        capacity *= 2;
    if (capacity == layouts->capacity)
        return 0;
    bigger = realloc(layouts->by_id, capacity * sizeof(struct layout *));
    if (!bigger)
        return -ENOMEM;
    memset(bigger + layouts->capacity, 0,
           (capacity - layouts->capacity) * sizeof(struct layout *));
    layouts->by_id = bigger;
    layouts->capacity = capacity;
    return 0;
}

/* Cuts "device\0name\tunit\nname\tunit\n" in place. */
static bool cut(struct layout *layout, char *points)
{
    char *p = points;

    for (uint32_t i = 0; i < layout->n_points; i++) {
        char *tab = strchr(p, '\t'), *end = strchr(p, '\n');

        if (!tab || !end || end < tab)
            return false;
        *tab = *end = '\0';
        layout->points[i] = p;
        layout->units[i] = tab + 1;
        p = end + 1;
    }
    return *p == '\0';
}

static uint32_t count_lines(const char *text)
{
    uint32_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static struct layout *layout_new(uint32_t id, const char *device, enum category category,
                                 const char *points)
{
    struct layout *layout = calloc(1, sizeof *layout);
    size_t device_size = strlen(device) + 1;

    if (!layout)
        return NULL;
    layout->id = id;
    layout->category = category;
    layout->n_points = count_lines(points);
    layout->points = calloc(2 * (size_t)layout->n_points + 1, sizeof(char *));
    layout->strings = malloc(device_size + strlen(points) + 1);
    if (!layout->points || !layout->strings) {
        layout_free(layout);
        return NULL;
    }
    layout->units = layout->points + layout->n_points;
    memcpy(layout->strings, device, device_size);
    strcpy(layout->strings + device_size, points);
    layout->device = layout->strings;
    if (!cut(layout, layout->strings + device_size)) {
        layout_free(layout);
        return NULL;
    }
    return layout;
}

int layouts_load(struct layouts *layouts, uint32_t id, const char *device,
                 enum category category, const char *points)
{
    struct layout *layout;
    int rc;

    if (id == 0 || layouts_get(layouts, id) || count_lines(points) > LAYOUT_POINTS_MAX ||
        (unsigned)category >= CATEGORY_COUNT)
        return -EBADMSG;
    rc = reserve(layouts, id);
    if (rc < 0)
        return rc;
    layout = layout_new(id, device, category, points);
    if (!layout)
        return -EBADMSG;
    layout->is_stored = true;
    layouts->by_id[id] = layout;
    if (id > layouts->n)
        layouts->n = id;
    return 0;
}

char *layout_points_text(const struct layout *layout)
{
    struct strbuf buf;

    strbuf_init(&buf);
    strbuf_puts(&buf, "");
    for (uint32_t i = 0; i < layout->n_points; i++) {
        strbuf_puts(&buf, layout->points[i]);
        strbuf_putc(&buf, '\t');
        strbuf_puts(&buf, layout->units[i]);
        strbuf_putc(&buf, '\n');
    }
    return strbuf_take(&buf);
}

static int copy_in(struct layouts *layouts, uint32_t id, const struct layout *other)
{
    char *points = layout_points_text(other);
    int rc = points ? layouts_load(layouts, id, other->device, other->category, points)
                    : -ENOMEM;

    free(points);
    if (rc == 0) {
        layouts->by_id[id]->is_stored = false;
        layouts->n_unstored++;
    }
    return rc;
}

static char *counters_text(const struct layout *layout, uint32_t *ret_n)
{
    struct strbuf buf;

    *ret_n = 0;
    strbuf_init(&buf);
    strbuf_puts(&buf, "");
    for (uint32_t i = 0; i < layout->n_points; i++) {
        size_t len = strlen(layout->points[i]);

        if (len <= 3 || strcmp(layout->points[i] + len - 3, "_wh") != 0)
            continue;
        strbuf_puts(&buf, layout->points[i]);
        strbuf_putc(&buf, '\t');
        strbuf_puts(&buf, layout->units[i]);
        strbuf_putc(&buf, '\n');
        ++*ret_n;
    }
    return strbuf_take(&buf);
}

static struct layout *find_text(const struct layouts *layouts, const struct layout *like,
                                const char *points)
{
    for (uint32_t id = 1; id <= layouts->n; id++) {
        struct layout *layout = layouts->by_id[id];
        char *text;
        bool same_points;

        if (!layout || layout->category != like->category ||
            strcmp(layout->device, like->device) != 0)
            continue;
        text = layout_points_text(layout);
        same_points = text && strcmp(text, points) == 0;
        free(text);
        if (same_points)
            return layout;
    }
    return NULL;
}

const struct layout *layouts_counters(struct layouts *layouts,
                                      const struct layout *layout)
{
    uint32_t n, id = layouts->n + 1;
    char *points = counters_text(layout, &n);
    const struct layout *found = NULL;

    if (points && n == layout->n_points)
        found = layout;
    else if (points && n > 0)
        found = find_text(layouts, layout, points);
    if (points && n > 0 && !found &&
        layouts_load(layouts, id, layout->device, layout->category, points) == 0) {
        layouts->by_id[id]->is_stored = false;
        layouts->n_unstored++;
        found = layouts->by_id[id];
    }
    free(points);
    return found;
}

static bool means_the_same(const struct layout *a, const struct layout *b)
{
    if (a->n_points != b->n_points || a->category != b->category ||
        strcmp(a->device, b->device) != 0)
        return false;
    for (uint32_t i = 0; i < a->n_points; i++)
        if (strcmp(a->points[i], b->points[i]) != 0 ||
            strcmp(a->units[i], b->units[i]) != 0)
            return false;
    return true;
}

int layouts_merge_at(struct layouts *layouts, const struct layouts *others, uint32_t base)
{
    int rc = 0;

    for (uint32_t id = 1; id <= others->n && rc == 0; id++)
        if (others->by_id[id] && !layouts_get(layouts, base + id))
            rc = copy_in(layouts, base + id, others->by_id[id]);
    return rc;
}

int layouts_merge(struct layouts *layouts, const struct layouts *others,
                  uint32_t *ret_base)
{
    *ret_base = 0;
    for (uint32_t id = 1; id <= others->n; id++) {
        const struct layout *own = layouts_get(layouts, id), *other = others->by_id[id];

        if (own && other && !means_the_same(own, other))
            *ret_base = layouts->n;
    }
    return layouts_merge_at(layouts, others, *ret_base);
}

/* ---- finding the layout of a record ---- */

static bool same(const struct layout *layout, const struct catalog_device *device,
                 const uint32_t *points, uint32_t n)
{
    if (layout->n_points != n || layout->category != device->category ||
        strcmp(layout->device, device->name) != 0)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct catalog_point *point = &device->points[points ? points[i] : i];

        if (strcmp(layout->points[i], point->name) != 0 ||
            strcmp(layout->units[i], point->unit ? point->unit : "") != 0)
            return false;
    }
    return true;
}

static struct layout *search(const struct layouts *layouts,
                             const struct catalog_device *device, const uint32_t *points,
                             uint32_t n, uint32_t *ret_n_of_device)
{
    uint32_t n_of_device = 0;

    for (uint32_t i = 1; i <= layouts->n; i++) {
        struct layout *layout = layouts->by_id[i];

        if (!layout || strcmp(layout->device, device->name) != 0)
            continue;
        n_of_device++;
        if (same(layout, device, points, n))
            return layout;
    }
    *ret_n_of_device = n_of_device;
    return NULL;
}

static struct layout *add(struct layouts *layouts, const struct catalog_device *device,
                          const uint32_t *points, uint32_t n)
{
    uint32_t id = layouts->n + 1;
    struct strbuf buf;

    strbuf_init(&buf);
    strbuf_puts(&buf, "");
    for (uint32_t i = 0; i < n; i++) {
        const struct catalog_point *point = &device->points[points ? points[i] : i];

        strbuf_puts(&buf, point->name);
        strbuf_putc(&buf, '\t');
        strbuf_puts(&buf, point->unit ? point->unit : "");
        strbuf_putc(&buf, '\n');
    }
    if (!buf.failed && reserve(layouts, id) == 0)
        layouts->by_id[id] = layout_new(id, device->name, device->category, buf.data);
    strbuf_done(&buf);
    if (id >= layouts->capacity || !layouts->by_id[id])
        return NULL;
    layouts->n = id;
    layouts->n_unstored++;
    return layouts->by_id[id];
}

/* points NULL: all points of the device */
static struct layout *find_or_add(struct layouts *layouts,
                                  const struct catalog_device *device,
                                  const uint32_t *points, uint32_t n, uint32_t limit)
{
    uint32_t n_of_device;
    struct layout *layout = search(layouts, device, points, n, &n_of_device);

    if (layout || n_of_device >= limit)
        return layout;
    return add(layouts, device, points, n);
}

static uint64_t hash_record(const struct record *record, const struct reading *readings)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ record->device;

    for (uint32_t i = 0; i < record->n_readings; i++)
        hash = (hash ^ readings[i].point) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
    return hash ? hash : 1;
}

static bool cached_is_it(const struct cache_slot *slot, uint64_t hash,
                         const struct catalog_device *device, const struct record *record,
                         const struct reading *readings)
{
    if (slot->hash != hash || strcmp(slot->layout->device, device->name) != 0)
        return false;
    if (slot->full)
        return true;
    if (slot->layout->n_points != record->n_readings)
        return false;
    for (uint32_t i = 0; i < record->n_readings; i++)
        if (strcmp(slot->layout->points[i], device->points[readings[i].point].name) != 0)
            return false;
    return true;
}

static struct layout *find_slow(struct layouts *layouts,
                                const struct catalog_device *device,
                                const struct record *record,
                                const struct reading *readings, bool *ret_full)
{
    uint32_t *points = malloc((record->n_readings + 1) * sizeof *points);
    struct layout *layout;

    if (!points)
        return NULL;
    for (uint32_t i = 0; i < record->n_readings; i++)
        points[i] = readings[i].point;
    layout = find_or_add(layouts, device, points, record->n_readings, LAYOUT_PER_DEVICE);
    free(points);
    *ret_full = !layout;
    if (!layout)
        layout = find_or_add(layouts, device, NULL, device->n_points, UINT32_MAX);
    return layout;
}

static bool is_possible(const struct catalog *catalog, const struct record *record,
                        const struct reading *readings)
{
    if (record->device >= catalog->n_devices || record->n_readings > LAYOUT_POINTS_MAX)
        return false;
    for (uint32_t i = 0; i < record->n_readings; i++)
        if (readings[i].point >= catalog->devices[record->device].n_points)
            return false;
    return true;
}

struct layout *layouts_for(struct layouts *layouts, struct catalog *catalog,
                           const struct record *record, const struct reading *readings,
                           bool *ret_full)
{
    uint64_t hash = hash_record(record, readings);
    struct cache_slot *slot = &layouts->cache[hash & (CACHE_SLOTS - 1)];
    const struct catalog_device *device;
    struct layout *layout;

    if (!is_possible(catalog, record, readings))
        return NULL;
    device = &catalog->devices[record->device];
    if (layouts->catalog != catalog) {
        cache_forget(layouts);
        layouts->catalog = catalog_ref(catalog);
    }
    if (cached_is_it(slot, hash, device, record, readings)) {
        *ret_full = slot->full;
        return slot->layout;
    }
    layout = find_slow(layouts, device, record, readings, ret_full);
    if (layout)
        *slot = (struct cache_slot){.hash = hash, .layout = layout, .full = *ret_full};
    return layout;
}
