/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of half hours; see past.h. */
#include "gatewayd/control/past.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayd/control/programme.h"

#define DAY_MS (INT64_C(1000) * DISPATCH_DAY_S)
/* People draw less beside the circuits when they know that it is an island. */
#define OTHER_SHARE 0.25 /* of what the island gives */
#define SLOTS_NEEDED (DISPATCH_SLOTS / 2) /* of a day, before its mean is believed */

static void expect_circuit(struct past *past, const struct config_circuit *from,
                           enum circuit_class class)
{
    const char *dot = strchr(from->power, '.');
    size_t len = dot ? (size_t)(dot - from->power) : 0;

    /* a board of many channels is one device: its energy is nobody's alone */
    if (!dot || strcmp(dot + 1, "power_w") != 0 ||
        len >= sizeof past->circuits[0].device) {
        past->planned_w[class] += programme_mean_w(from->typical_w);
        return;
    }
    memcpy(past->circuits[past->n_circuits].device, from->power, len);
    past->circuits[past->n_circuits++].class = (enum dispatch_class)class;
    past->n_metered[class]++;
}

struct past *past_new(const struct site_map *map, int64_t now_wall_ms)
{
    const struct circuit_limits limits = programme_limits(map);
    struct past *past = calloc(1, sizeof *past);

    if (!past)
        return NULL;
    past->most_other_w = OTHER_SHARE * circuit_limit_w(&limits);
    past->until_ms = now_wall_ms / PAST_SLOT_MS * PAST_SLOT_MS;
    past->from_ms = past->until_ms - PAST_DAYS * DAY_MS;
    past->n_pv = map->n_pv;
    past->n_grid = map->n_grid;
    for (uint32_t i = 0; i < map->n_circuits; i++)
        expect_circuit(past, &map->outage->circuits[i], map->circuits[i].class);
    for (unsigned i = 0; i < PAST_DAYS * DISPATCH_SLOTS; i++)
        past->pv_w[i] = -1;
    return past;
}

/* ---- reading ----------------------------------------------------------------------- */

static void count(struct past_sum *sum, double w)
{
    sum->w += w;
    sum->n++;
}

static void close_loads(struct past *past, unsigned slot)
{
    const double per_h = 3600.0 / DISPATCH_SLOT_S;
    double rest_wh = past->open.load_wh;
    bool is_known = past->n_grid && past->open.n_grid == past->n_grid &&
                    past->open.n_pv == past->n_pv;

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        bool is_whole = past->open.n_class[c] == past->n_metered[c];

        rest_wh -= past->open.class_wh[c];
        is_known = is_known && is_whole;
        if (is_whole && past->n_metered[c])
            count(&past->class[c][slot], past->open.class_wh[c] * per_h);
    }
    if (is_known)
        count(&past->other[slot], fmax(rest_wh * per_h, 0));
}

/* What was off in an outage says nothing about what it would have drawn. */
static void close_slot(struct past *past)
{
    int64_t nth = (past->open.start_ms - past->from_ms) / PAST_SLOT_MS;
    unsigned slot = (unsigned)(past->open.start_ms / PAST_SLOT_MS % DISPATCH_SLOTS);

    if (!past->open.start_ms || past->open.is_broken || nth < 0 ||
        nth >= PAST_DAYS * DISPATCH_SLOTS)
        return;
    if (past->n_pv && past->open.n_pv == past->n_pv)
        past->pv_w[nth] = (float)(past->open.pv_wh * 3600 / DISPATCH_SLOT_S);
    if (!past->open.was_off_grid &&
        past->open.start_ms >= past->until_ms - PAST_LOAD_DAYS * DAY_MS)
        close_loads(past, slot);
}

static void add_consumption(struct past *past, const struct past_row *row)
{
    for (unsigned i = 0; i < past->n_circuits; i++)
        if (strcmp(past->circuits[i].device, row->device) == 0) {
            past->open.class_wh[past->circuits[i].class] += row->wh;
            past->open.n_class[past->circuits[i].class]++;
            return;
        }
}

void past_add(struct past *past, const struct past_row *row)
{
    static const int sign[ENERGY_FLOWS] = {[ENERGY_IMPORT] = 1,    [ENERGY_EXPORT] = -1,
                                           [ENERGY_CHARGE] = -1,   [ENERGY_DISCHARGE] = 1,
                                           [ENERGY_PRODUCTION] = 1};

    if (row->start_ms != past->open.start_ms) {
        close_slot(past);
        memset(&past->open, 0, sizeof past->open);
        past->open.start_ms = row->start_ms;
    }
    past->open.is_broken |= !row->is_whole;
    past->open.was_off_grid |= row->off_grid_s > 0;
    past->open.load_wh += sign[row->flow] * row->wh;
    if (row->flow == ENERGY_CONSUMPTION)
        add_consumption(past, row);
    past->open.n_grid += row->role == ROLE_GRID && row->flow == ENERGY_IMPORT;
    if (row->role == ROLE_PV && row->flow == ENERGY_PRODUCTION) {
        past->open.pv_wh += row->wh;
        past->open.n_pv++;
    }
}

void past_end(struct past *past)
{
    close_slot(past);
    past->open.start_ms = 0;
}

/* ---- telling the programme --------------------------------------------------------- */

static bool mean_of(const struct past_sum *slots, double *ret_w)
{
    double sum = 0;
    unsigned n = 0;

    for (unsigned s = 0; s < DISPATCH_SLOTS; s++)
        if (slots[s].n) {
            sum += slots[s].w / slots[s].n;
            n++;
        }
    if (n < SLOTS_NEEDED)
        return false;
    *ret_w = sum / n;
    return true;
}

/* What is drawn beside the circuits cannot be shed: it ranks with P0. Of circuits without
 * a meter it holds the usual share already. */
static void feed_means(const struct past *past, struct dispatch_home *home)
{
    double w, unmetered_w = 0;

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++) {
        unmetered_w += past->planned_w[c];
        if (past->n_metered[c] && mean_of(past->class[c], &w))
            home->mean_w[c] = w + past->planned_w[c];
    }
    if (!mean_of(past->other, &w) || w <= unmetered_w)
        return;
    w -= unmetered_w;
    home->mean_w[DISPATCH_P0] += past->most_other_w < 0 ? w : fmin(w, past->most_other_w);
}

unsigned past_shift(int64_t zone_ms)
{
    return (unsigned)((zone_ms + DAY_MS) / PAST_SLOT_MS % DISPATCH_SLOTS);
}

void past_feed(const struct past *past, int64_t zone_ms, struct site *site,
               struct dispatch_home *home)
{
    unsigned shift = past_shift(zone_ms);
    double none[DISPATCH_CLASSES], w[DISPATCH_CLASSES];

    for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
        none[c] = (double)NAN;
    for (unsigned s = 0; s < DISPATCH_SLOTS; s++) {
        for (unsigned c = 0; c < DISPATCH_CLASSES; c++)
            w[c] = past->class[c][s].n ? past->class[c][s].w / past->class[c][s].n
                                       : (double)NAN;
        site_history(site, (s + shift) % DISPATCH_SLOTS, w, (double)NAN);
    }
    for (unsigned i = 0; i < PAST_DAYS * DISPATCH_SLOTS; i++) {
        unsigned slot = (unsigned)((past->from_ms / PAST_SLOT_MS + i) % DISPATCH_SLOTS);

        if (past->pv_w[i] >= 0)
            site_history(site, (slot + shift) % DISPATCH_SLOTS, none,
                         (double)past->pv_w[i]);
    }
    feed_means(past, home);
}
