/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A long outage: readings at 250 a second and their time go in at the store's interface
 * and nobody takes any out. OUTAGE_H hours, 7.2 without it; 72 is the promise. The
 * store's size is scaled with them so that its bound is reached on the way.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gatewayd/fullness.h"
#include "lib/base/clock.h"
#include "tests/unit/home_load.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/suite.h"

#define COMMIT_S 5
/* what is allowed; 250 readings/s need about half as much again */
#define MIB_PER_HOUR 2.2
#define WAL_SLACK_BYTES (4 << 20)
#define RSS_SLACK_KIB 2048

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

struct outage {
    struct home_load load;
    uint64_t max_bytes;
    unsigned total_s, passed_s;
    unsigned bound_s; /* when the first records were thinned */
    double told_h;    /* hours until full, said half-way to it */
    unsigned told_s;
    long rss_kib;     /* after a tenth */
    uint64_t bytes_max;
};

static long rss_kib(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[200];
    long value = 0;

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &value) == 1)
            break;
    if (file)
        fclose(file);
    return value;
}

static uint64_t directory_bytes(void)
{
    DIR *dir = opendir(fixture_dir);
    const struct dirent *entry;
    uint64_t bytes = 0;
    struct stat st;
    char path[600];

    while (dir && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", fixture_dir, entry->d_name);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            bytes += (uint64_t)st.st_size;
    }
    if (dir)
        closedir(dir);
    return bytes;
}

static void sample(struct outage *outage)
{
    uint64_t bytes = directory_bytes();
    struct store_stats stats;

    store_get_stats(fixture_store, &stats);
    if (bytes > outage->bytes_max)
        outage->bytes_max = bytes;
    if (!outage->bound_s && stats.is_at_bound)
        outage->bound_s = outage->passed_s;
    if (!outage->told_s && stats.size_bytes > outage->max_bytes / 2) {
        outage->told_s = outage->passed_s;
        outage->told_h =
            fullness_hours(&stats, stats.last_seq, outage->passed_s / 3600.0);
    }
    if (!outage->rss_kib && outage->passed_s >= outage->total_s / 10)
        outage->rss_kib = rss_kib();
}

static void suffer(struct outage *outage)
{
    struct store_stats stats;

    while (outage->passed_s < outage->total_s) {
        store_get_stats(fixture_store, &stats);
        if (store_append(fixture_store, home_load_batch(&outage->load, COMMIT_S), true) <
            0)
            CU_FAIL_FATAL("the queue is full");
        fixture_wait_committed(stats.last_seq + COMMIT_S * HOME_LOAD_DEVICES);
        outage->passed_s += COMMIT_S;
        sample(outage);
    }
}

static double hours(void)
{
    const char *text = getenv("OUTAGE_H");

    if (text)
        return strtod(text, NULL);
    return IS_SANITIZED ? 1 : 7.2;
}

/* A route that has delivered nothing; without any the log is history that nobody waits
 * for. */
static void add_route(void *arg)
{
    struct store_cursor cursor = {.low = 0};
    struct store_stats stats;

    (void)arg;
    store_get_stats(fixture_store, &stats);
    snprintf(cursor.epoch, sizeof cursor.epoch, "%s", stats.epoch);
    CU_ASSERT_EQUAL(store_cursor_save(fixture_store, "away", &cursor), 0);
}

static void begin(struct outage *outage)
{
    fixture_make();
    outage->total_s = (unsigned)(hours() * 3600) / COMMIT_S * COMMIT_S;
    outage->max_bytes = (uint64_t)(hours() * MIB_PER_HOUR * 1048576);
    fixture_open_sized(outage->max_bytes, 0, 60000);
    fixture_run(add_route, NULL);
    store_append_event(fixture_store, "", CATEGORY_GRID, "outage-begins", "info", "");
    home_load_init(&outage->load, clock_boot_ns());
}

static void end(struct outage *outage)
{
    home_load_done(&outage->load);
    fixture_close();
    fixture_remove();
}

/* ---- what the log holds afterwards ------------------------------------------------- */

#define GAPS_MAX 8192

struct range {
    uint64_t first, last;
};

struct aftermath {
    uint64_t n_raw, first_raw, last_raw;
    uint64_t n_means, n_counters; /* means, and energy counters in them */
    uint32_t n_gaps, n_thinned;
    struct range gaps[GAPS_MAX];
    bool has_first_event, raw_is_whole;
    int rc;
};

static void look(struct aftermath *after, const struct stored_record *record)
{
    if (record->kind == STORED_GAP && after->n_gaps < GAPS_MAX) {
        after->gaps[after->n_gaps++] = (struct range){record->seq_from, record->seq_to};
        after->n_thinned += strcmp(record->text, "thinned") == 0;
    } else if (record->kind == STORED_EVENT) {
        after->has_first_event |= strcmp(record->code, "outage-begins") == 0;
    } else if (record->kind == STORED_READINGS && record->period_ms) {
        after->n_means++;
        for (uint32_t i = 0; i < record->n_values; i++)
            after->n_counters += strcmp(record->values[i].point, "energy_import_wh") == 0;
    }
    if (record->period_ms)
        return;
    /* gaps and events between the raw rows have numbers of their own */
    if (after->n_raw++ == 0)
        after->first_raw = record->seq;
    else if (record->seq != after->last_raw + 1)
        after->raw_is_whole = false;
    after->last_raw = record->seq;
}

static void read_aftermath(void *arg)
{
    struct aftermath *after = arg;
    struct store_reader *reader;
    struct stored_record record;

    after->raw_is_whole = true;
    after->rc = store_reader_open(fixture_store, 1, &reader);
    if (after->rc < 0)
        return;
    while ((after->rc = store_reader_next(reader, &record)) > 0)
        look(after, &record);
    store_reader_close(reader);
}

static int compare(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* Every number up to it stands in a gap. */
static uint64_t declared_upto(struct aftermath *after)
{
    uint64_t upto = 0;

    qsort(after->gaps, after->n_gaps, sizeof after->gaps[0], compare);
    for (uint32_t i = 0; i < after->n_gaps && after->gaps[i].first <= upto + 1; i++)
        if (after->gaps[i].last > upto)
            upto = after->gaps[i].last;
    return upto;
}

static struct outage the_outage;
static struct aftermath aftermath;

static void memory_and_disk_are_bounded(void)
{
    long rss;

    begin(&the_outage);
    suffer(&the_outage);
    rss = rss_kib();
    fixture_run(read_aftermath, &aftermath);
    printf(
        "%.1f h, %llu readings, bound %.1f MiB reached after %.2f h, RSS %ld to %ld KiB, "
        "files at most %.1f MiB ... ",
        the_outage.total_s / 3600.0,
        (unsigned long long)the_outage.total_s * HOME_LOAD_PER_S,
        (double)the_outage.max_bytes / 1048576, the_outage.bound_s / 3600.0,
        the_outage.rss_kib, rss, (double)the_outage.bytes_max / 1048576);
    CU_ASSERT_TRUE(IS_SANITIZED || rss < the_outage.rss_kib + RSS_SLACK_KIB);
    CU_ASSERT_TRUE(the_outage.bytes_max <= the_outage.max_bytes + WAL_SLACK_BYTES);
    CU_ASSERT_TRUE(fixture_wait_event("store-thinning"));
    CU_ASSERT_TRUE(the_outage.bound_s > 0);
    end(&the_outage);
}

static void hours_until_full_are_right(void)
{
    double told_h = the_outage.told_s / 3600.0 + the_outage.told_h,
           bound_h = the_outage.bound_s / 3600.0;

    printf("told at %.2f h: full at %.2f h; it was at %.2f h ... ",
           the_outage.told_s / 3600.0, told_h, bound_h);
    CU_ASSERT_TRUE(fabs(told_h - bound_h) <= bound_h / 10);
}

static void all_that_went_is_declared(void)
{
    CU_ASSERT_EQUAL(aftermath.rc, 0);
    CU_ASSERT_TRUE(aftermath.n_gaps > 0 && aftermath.n_gaps < GAPS_MAX);
    printf("%u gaps, raw records from %llu on ... ", aftermath.n_gaps,
           (unsigned long long)aftermath.first_raw);
    CU_ASSERT_TRUE(aftermath.raw_is_whole || aftermath.n_means > 0);
    CU_ASSERT_TRUE(declared_upto(&aftermath) >= aftermath.first_raw - 1);
}

static void at_the_bound_raw_becomes_means_and_counters_and_events_stay(void)
{
    if (aftermath.n_means == 0) {
        printf("skipped: the store drops at its bound, it does not thin yet ... ");
        return;
    }
    CU_ASSERT_TRUE(aftermath.n_thinned > 0);
    CU_ASSERT_TRUE(aftermath.n_counters > 0);
    CU_ASSERT_TRUE(aftermath.has_first_event);
}

static void hours_until_full_count_what_is_not_delivered(void)
{
    struct store_stats stats = {.size_bytes = 1000, .max_bytes = 2000, .first_seq = 1,
                                .last_seq = 100, .n_records = 50};

    /* 10 bytes a record, 5 records an hour: 1900 usable bytes */
    CU_ASSERT_DOUBLE_EQUAL(fullness_hours(&stats, 0, 10), 38, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(fullness_hours(&stats, 100, 10), 18, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(fullness_hours(&stats, 190, 10), 0, 1e-9);
    CU_ASSERT_TRUE(fullness_hours(&stats, 0, 0.01) < 0);
    stats.n_records = 0;
    CU_ASSERT_TRUE(fullness_hours(&stats, 0, 10) < 0);
}

static CU_TestInfo tests[] = {
    TEST(memory_and_disk_are_bounded),
    TEST(hours_until_full_are_right),
    TEST(all_that_went_is_declared),
    TEST(at_the_bound_raw_becomes_means_and_counters_and_events_stay),
    TEST(hours_until_full_count_what_is_not_delivered),
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{"outage", NULL, NULL, NULL, NULL, tests},
                             CU_SUITE_INFO_NULL};

    return suite_run(suites);
}
