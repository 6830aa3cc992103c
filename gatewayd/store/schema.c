/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema. The log has no index but its key: seq of the block's first record, so that
 * a block costs its own bytes and little more. Times of records are boottime; which wall
 * time that was is kept per block as believed then, and per boot once the clock could be
 * trusted.
 */
#include "gatewayd/store/schema.h"

static const char version_1[] =
    /* gateway_id, machine_id */
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    /* numbers go on over epochs; an epoch's records are those from first_seq to the
       next's */
    "CREATE TABLE epoch(id INTEGER PRIMARY KEY, hex TEXT NOT NULL UNIQUE,"
    " first_seq INTEGER NOT NULL, created_ms INTEGER NOT NULL, reason TEXT NOT NULL) "
    "STRICT;"
    /* offset_ms: wall - boottime, null until the clock was trusted once; error_ms of it
     */
    "CREATE TABLE boot(id INTEGER PRIMARY KEY, hex TEXT NOT NULL UNIQUE,"
    " seen_ms INTEGER NOT NULL, offset_ms INTEGER, error_ms INTEGER, clock INTEGER) "
    "STRICT;"
    "CREATE TABLE layout(id INTEGER PRIMARY KEY, device TEXT NOT NULL,"
    " category INTEGER NOT NULL, points TEXT NOT NULL) STRICT;"
    /* kind: enum stored_kind; period_ms 0: raw records; offset_ms, clock: as believed */
    "CREATE TABLE log(seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " period_ms INTEGER NOT NULL, boot INTEGER NOT NULL, t_first_ms INTEGER NOT NULL,"
    " t_last_ms INTEGER NOT NULL, offset_ms INTEGER NOT NULL, clock INTEGER NOT NULL,"
    " data BLOB NOT NULL) STRICT;"
    /* events outlive their row in the log */
    "CREATE TABLE event(seq INTEGER PRIMARY KEY, boot INTEGER NOT NULL,"
    " t_boot_ns INTEGER NOT NULL, offset_ms INTEGER NOT NULL, clock INTEGER NOT NULL,"
    " category INTEGER NOT NULL, device TEXT NOT NULL, code TEXT NOT NULL,"
    " severity TEXT NOT NULL, text TEXT NOT NULL) STRICT;"
    /* ranges: pairs of varints, distances from low on */
    "CREATE TABLE cursor(route TEXT PRIMARY KEY, epoch TEXT NOT NULL, low INTEGER NOT "
    "NULL,"
    " ranges BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE fact(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    /* answer null: under way; age counts on wall time or, within a boot, on boottime */
    "CREATE TABLE command(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, boot TEXT NOT "
    "NULL,"
    " t_boot_ms INTEGER NOT NULL, t_wall_ms INTEGER NOT NULL, answer TEXT) STRICT;"
    "CREATE TABLE consent(n INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL,"
    " hash TEXT NOT NULL, json TEXT NOT NULL, t_wall_ms INTEGER NOT NULL) STRICT;";

/* Epochs begun in RAM and brought back, with numbers of their own; a cursor per epoch. */
static const char version_2[] =
    /* moved_last_seq: null while its rows are those of the log */
    "ALTER TABLE epoch ADD COLUMN moved_last_seq INTEGER;"
    "ALTER TABLE epoch ADD COLUMN layout_base INTEGER NOT NULL DEFAULT 0;"
    /* key: epoch's id << 40 | seq */
    "CREATE TABLE moved(key INTEGER PRIMARY KEY, n INTEGER NOT NULL, kind INTEGER NOT "
    "NULL, period_ms INTEGER NOT NULL, boot INTEGER NOT NULL, t_first_ms INTEGER NOT "
    "NULL, t_last_ms INTEGER NOT NULL, offset_ms INTEGER NOT NULL, clock INTEGER NOT "
    "NULL, data BLOB NOT NULL) STRICT;"
    "ALTER TABLE cursor RENAME TO cursor_1;"
    "CREATE TABLE cursor(route TEXT NOT NULL, epoch TEXT NOT NULL, low INTEGER NOT NULL,"
    " ranges BLOB NOT NULL, PRIMARY KEY(route, epoch)) STRICT, WITHOUT ROWID;"
    "INSERT INTO cursor SELECT route,epoch,low,ranges FROM cursor_1;"
    "DROP TABLE cursor_1;";

/* What must be added to the times of a range of rows; key: its own row. */
static const char version_3[] =
    /* space: 0 the log, else the epoch in `moved` */
    "CREATE TABLE correction(key INTEGER PRIMARY KEY, space INTEGER NOT NULL, seq_from "
    "INTEGER NOT NULL, seq_to INTEGER NOT NULL, add_ms INTEGER NOT NULL, error_ms INTEGER"
    " NOT NULL, clock INTEGER NOT NULL, epoch TEXT NOT NULL, boot TEXT NOT NULL)"
    " STRICT;"
    /* until now it was never told, nor counted: what is trusted begins anew */
    "UPDATE boot SET offset_ms=NULL, clock=NULL;";

/* Local history: means of minutes and energy slots, summed from the log (summary.h). */
static const char version_4[] =
    /* of one brought back from RAM: the number of the log that came next */
    "ALTER TABLE epoch ADD COLUMN back_seq INTEGER;"
    /* points: "name\n" for each, in the order of their numbers */
    "CREATE TABLE device(no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " role INTEGER NOT NULL, poll_ms INTEGER NOT NULL, points TEXT NOT NULL) STRICT;"
    /* key: slot << 28 | device << 12 | part; a slot: 15 minutes since 1970 */
    "CREATE TABLE minutes(key INTEGER PRIMARY KEY, run INTEGER NOT NULL,"
    " clock INTEGER NOT NULL, data BLOB NOT NULL) STRICT;"
    /* key: slot << 12 | part */
    "CREATE TABLE slots(key INTEGER PRIMARY KEY, run INTEGER NOT NULL,"
    " data BLOB NOT NULL) STRICT;"
    /* what each run summed: seq_from..seq_to - 1 of a space (0 the log, else the epoch in
       `moved`); where the next goes on; what the meters knew then, null in old ones */
    "CREATE TABLE run(id INTEGER PRIMARY KEY, space INTEGER NOT NULL,"
    " seq_from INTEGER NOT NULL, seq_to INTEGER NOT NULL, t_first_ms INTEGER NOT NULL,"
    " t_last_ms INTEGER NOT NULL, next_space INTEGER NOT NULL, next_seq INTEGER NOT NULL,"
    " moved_done INTEGER NOT NULL, minutes_bytes INTEGER NOT NULL,"
    " slots_bytes INTEGER NOT NULL, meters BLOB) STRICT;"
    "INSERT INTO run VALUES(0,0,0,0,0,0,0,0,0,0,0,x'0100');";

const char *const schema_steps[SCHEMA_VERSION] = {version_1, version_2, version_3,
                                                  version_4};
