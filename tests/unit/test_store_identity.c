/* SPDX-License-Identifier: Apache-2.0 */
/* No two different records ever have the same (gateway, epoch, boot, seq): tested by a
 * long random life of cards that are copied, put back, moved and started again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/suite.h"

#define CARDS 3
#define STEPS 150
#define NAMES_MAX 20000

struct name {
    char gateway[16], epoch[33], boot[33];
    uint64_t seq;
    int64_t value;
};

static struct name *names;
static unsigned n_names, n_epochs_seen, n_boots;
static uint64_t random_state;

static unsigned draw(unsigned below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

static bool is_same(const struct name *a, const struct name *b)
{
    return a->seq == b->seq && strcmp(a->boot, b->boot) == 0 &&
           strcmp(a->epoch, b->epoch) == 0 && strcmp(a->gateway, b->gateway) == 0;
}

static void note_name(const struct stored_record *record)
{
    struct name name = {.seq = record->seq};

    name.value = record->n_values ? record->values[0].value.v.i : record->t_boot_ns;
    snprintf(name.gateway, sizeof name.gateway, "%s", fixture_gateway_id);
    snprintf(name.epoch, sizeof name.epoch, "%s", record->epoch);
    snprintf(name.boot, sizeof name.boot, "%s", record->boot);
    for (unsigned i = 0; i < n_names; i++)
        if (is_same(&names[i], &name)) {
            CU_ASSERT_EQUAL(names[i].value, name.value);
            return;
        }
    CU_ASSERT_TRUE_FATAL(n_names < NAMES_MAX);
    names[n_names++] = name;
}

static void note_epoch(const char *epoch)
{
    struct store_reader *reader;
    struct stored_record record;

    CU_ASSERT_EQUAL_FATAL(store_reader_open_epoch(fixture_store, epoch, 1, &reader), 0);
    while (store_reader_next(reader, &record) > 0)
        note_name(&record);
    store_reader_close(reader);
}

/* What the route may send now, under the names it would send it. */
static void note_all(void *arg)
{
    struct store_epoch epochs[16];
    struct store_cursor cursor;
    int n = store_epochs_pending(fixture_store, "community", epochs, 16);

    (void)arg;
    CU_ASSERT_EQUAL(store_cursor_load(fixture_store, "community", &cursor), 0);
    for (int i = 0; i < n; i++)
        note_epoch(epochs[i].hex);
    note_epoch(cursor.epoch);
    if (n > (int)n_epochs_seen)
        n_epochs_seen = (unsigned)n;
}

static void copy_file(const char *from, const char *to)
{
    static char data[1 << 20];
    FILE *in = fopen(from, "re"), *out;
    size_t n;

    if (!in)
        return;
    n = fread(data, 1, sizeof data, in);
    fclose(in);
    out = fopen(to, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT_EQUAL(fwrite(data, 1, n, out), n);
    fclose(out);
}

/* what: "db" or "mark" of the card in use, to or from a kept copy. */
static void keep(const char *what, const char *suffix, bool back)
{
    char live[300], kept[300];

    snprintf(live, sizeof live, "%.200s/store.%s", fixture_dir, what);
    snprintf(kept, sizeof kept, "%.200s/%s.%s", fixture_dir, what, suffix);
    if (back && access(kept, F_OK) < 0)
        return;
    copy_file(back ? kept : live, back ? live : kept);
}

static void boot_again(void)
{
    static char boot[33];

    snprintf(boot, sizeof boot, "%032x", ++n_boots);
    clock_fake_boot_id(boot);
}

/* One stay of a card in a box. */
static void live(int64_t *value)
{
    fixture_open();
    fixture_run(note_all, NULL);
    for (unsigned i = draw(3) + 1; i > 0; i--)
        fixture_store_batch(draw(5) + 1, (uint32_t)++*value);
    fixture_run(note_all, NULL);
    fixture_close();
}

static void step(int64_t *value)
{
    static const char *const gateways[] = {"home-1", "home-1", "home-1", "home-2"};
    static const char *const machines[] = {"m1", "m1", "m2"};
    char suffix[8];

    snprintf(suffix, sizeof suffix, "c%u", draw(CARDS));
    switch (draw(7)) {
    case 0: /* a backup is taken, or an image of the card */
        keep("db", suffix, false);
        keep("mark", suffix, false);
        break;
    case 1: /* the database is put back, while the box goes on */
        keep("db", suffix, true);
        break;
    case 2: /* the whole card is put back, or runs in another box: it boots */
        keep("db", suffix, true);
        keep("mark", suffix, true);
        boot_again();
        break;
    case 3:
        fixture_gateway_id = gateways[draw(4)];
        fixture_machine_id = machines[draw(3)];
        break;
    case 4:
        boot_again();
        break;
    case 5: /* the whole directory is put back, and the box goes on */
        keep("db", suffix, true);
        keep("mark", suffix, true);
        break;
    default:
        break;
    }
    live(value);
}

static void no_two_records_share_a_name(void)
{
    char witness[300];
    int64_t value = 0;

    names = calloc(NAMES_MAX, sizeof *names);
    random_state = 20261122;
    fixture_make();
    snprintf(witness, sizeof witness, "%s/witness", fixture_dir);
    fixture_witness = witness;
    boot_again();
    for (unsigned i = 0; i < STEPS; i++)
        step(&value);
    CU_ASSERT_TRUE(n_names > 500);
    CU_ASSERT_TRUE(n_epochs_seen > 0);
    clock_fake_boot_id(NULL);
    fixture_machine_id = fixture_witness = NULL;
    fixture_gateway_id = "home-1";
    fixture_remove();
    free(names);
}

/* Copied while stopped, put back with all that stood beside it: in the same boot only the
 * witness knows of the numbers since. After a boot the names differ by the boot. */
static void an_older_copy_of_the_whole_directory_begins_an_epoch(void)
{
    char witness[300], before[33], after[33];

    fixture_make();
    snprintf(witness, sizeof witness, "%s/witness", fixture_dir);
    fixture_witness = witness;
    fixture_open();
    fixture_store_batch(3, 1);
    fixture_close();
    keep("db", "c", false);
    keep("mark", "c", false);
    fixture_open();
    fixture_epoch(before);
    fixture_store_batch(2, 4);
    fixture_close();
    fixture_open();
    fixture_epoch(after);
    CU_ASSERT_STRING_EQUAL(after, before);
    fixture_close();
    keep("db", "c", true);
    keep("mark", "c", true);
    fixture_open();
    CU_ASSERT_TRUE(fixture_wait_event("store-new-epoch"));
    fixture_epoch(after);
    CU_ASSERT_STRING_NOT_EQUAL(after, before);
    fixture_close();
    fixture_witness = NULL;
    fixture_remove();
}

/* An older copy comes while the store is in RAM: the same at the way back to disk. */
static void an_older_copy_found_on_the_way_back_begins_an_epoch(void)
{
    char witness[300], path[300], kept[300], before[33], after[33];

    fixture_make();
    snprintf(witness, sizeof witness, "%s/witness", fixture_dir);
    snprintf(path, sizeof path, "%.200s/store.db", fixture_dir);
    snprintf(kept, sizeof kept, "%.200s/db.c", fixture_dir);
    fixture_witness = witness;
    fixture_open();
    fixture_store_batch(3, 1);
    fixture_close();
    keep("db", "c", false);
    fixture_open();
    fixture_store_batch(2, 4);
    fixture_epoch(before);
    fixture_close();
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    fixture_probe_ms = 20;
    fixture_open();
    fixture_store_batch(2, 8);
    CU_ASSERT_EQUAL(rmdir(path), 0);
    CU_ASSERT_EQUAL(rename(kept, path), 0);
    CU_ASSERT_TRUE(fixture_wait_event("store-back"));
    CU_ASSERT_TRUE(fixture_wait_event("store-new-epoch"));
    fixture_epoch(after);
    CU_ASSERT_STRING_NOT_EQUAL(after, before);
    fixture_close();
    fixture_probe_ms = 0;
    fixture_witness = NULL;
    fixture_remove();
}

static void a_new_epoch_can_be_demanded(void)
{
    struct store_stats before, after;

    fixture_make();
    fixture_open();
    fixture_store_batch(3, 1);
    store_get_stats(fixture_store, &before);
    CU_ASSERT_EQUAL(store_new_epoch(fixture_store, "receiver-ahead"), 0);
    CU_ASSERT_TRUE(fixture_wait_event("epoch-changed"));
    CU_ASSERT_TRUE(fixture_wait_event("store-new-epoch"));
    fixture_store_batch(3, 5);
    store_get_stats(fixture_store, &after);
    CU_ASSERT_STRING_NOT_EQUAL(before.epoch, after.epoch);
    CU_ASSERT_TRUE(after.last_seq >= 7);
    fixture_close();
    fixture_remove();
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(no_two_records_share_a_name),
        TEST(an_older_copy_of_the_whole_directory_begins_an_epoch),
        TEST(an_older_copy_found_on_the_way_back_begins_an_epoch),
        TEST(a_new_epoch_can_be_demanded),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {
        {"store identity", NULL, NULL, NULL, NULL, tests},
        CU_SUITE_INFO_NULL
    };

    return suite_run(suites);
}
