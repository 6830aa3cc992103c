/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Databases without a file; see writer_lost.h. Their rows can be read as long as they are
 * open: once there is a new database, salvage.c brings them into it.
 */
#include "gatewayd/store/writer_lost.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gatewayd/store/salvage.h"
#include "gatewayd/store/writer_repair.h"
#include "lib/base/clock.h"

#define CLOSE_LIMIT_NS (2 * CLOCK_NS_PER_S) /* of the daemon's 4.8 s to stop */

bool writer_is_orphan(const struct writer *writer, const struct db *db)
{
    for (unsigned i = 0; i < writer->n_orphans; i++)
        if (writer->orphans[i] == db)
            return true;
    return false;
}

/* Deleted again and again within one salvage: the oldest goes. */
static void add_orphan(struct writer *writer, struct db *db)
{
    if (!db || writer_is_orphan(writer, db))
        return;
    if (writer->n_orphans == WRITER_ORPHANS_MAX) {
        db_close(writer->orphans[0]);
        memmove(writer->orphans, writer->orphans + 1,
                --writer->n_orphans * sizeof *writer->orphans);
        writer_note(writer, "store-not-salvaged", "alarm",
                    "the store was deleted too often to salvage all of it");
    }
    writer->orphans[writer->n_orphans++] = db;
}

void writer_stop_salvage(struct writer *writer)
{
    add_orphan(writer, salvage_take_orphan(writer->salvage));
    salvage_free(writer->salvage);
    writer->salvage = NULL;
}

void writer_look(struct writer *writer)
{
    enum disk_place place =
        writer->stats.on_disk ? disk_look(&writer->disk) : DISK_IN_PLACE;
    char why[200];

    if (place == DISK_IN_PLACE)
        return;
    if (place == DISK_GONE) {
        db_orphan(writer->db);
        add_orphan(writer, writer->db);
    }
    snprintf(why, sizeof why, "the store's files in %.120s were deleted while in use",
             writer->disk.directory);
    (void)writer_go_ram(writer, "store-deleted", why);
}

int writer_make_way(struct writer *writer)
{
    char path[PATH_MAX + 64], text[480];
    int rc;

    if (writer->n_orphans == 0)
        return 0;
    if (disk_look(&writer->disk) != DISK_GONE) { /* a mount that went and came back */
        db_close(writer->orphans[--writer->n_orphans]);
        return 0;
    }
    rc = disk_set_aside(&writer->disk, "foreign", path, sizeof path);
    if (rc == -ENOENT)
        return 0;
    snprintf(
        text, sizeof text,
        "another database was put in the place of the one in use; it is kept as %.300s",
        path);
    writer_note(writer, "store-foreign", "warning", text);
    return rc;
}

bool writer_adopt(struct writer *writer)
{
    if (writer->n_orphans == 0 || writer->salvage || !writer->stats.on_disk)
        return false;
    salvage_begin_orphan(writer, writer->orphans[--writer->n_orphans]);
    return writer->salvage != NULL;
}

void writer_close_orphans(struct writer *writer)
{
    int64_t until_ns = clock_boot_ns() + CLOSE_LIMIT_NS;

    while ((salvage_is_of_orphan(writer->salvage) || writer_adopt(writer)) &&
           clock_boot_ns() < until_ns)
        (void)salvage_step(writer);
    writer_stop_salvage(writer);
    while (writer->n_orphans > 0)
        db_close(writer->orphans[--writer->n_orphans]);
}
