/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a way on: opening, damaged and full disks, the store in RAM. The store's
 * thread, or the opener's before it runs. */
#ifndef GATEWAYD_STORE_WRITER_REPAIR_H
#define GATEWAYD_STORE_WRITER_REPAIR_H

#include "gatewayd/store/writer.h"

int writer_open(struct writer *writer, const struct store_options *options,
                const struct store_hooks *hooks, struct gw_error *reterr);
void writer_close(struct writer *writer);

/* The database of the directory, a new one when it is damaged, or one in RAM; none is in
 * use, nothing is pending. Fails only for -ENOMEM. */
int writer_open_any(struct writer *writer);
/* Closes the database in use and all that belongs to it. */
void writer_leave_db(struct writer *writer);
/* Shows the epoch and where it is kept in the stats. */
void writer_publish_epoch(struct writer *writer, bool on_disk);

/* Does this database know less than was stored here? Its numbers must not be used
 * then. */
bool writer_is_older(const struct writer *writer, const struct logbook *book);
/* What is committed from now on belongs to another epoch; told as an event. */
void writer_want_epoch(struct writer *writer, const char *reason);

/* Remembers an event of the store itself until writer_tell_notices. */
void writer_note(struct writer *writer, const char *code, const char *severity,
                 const char *text);
/* Tells the hooks when the store went over to another database. */
void writer_tell_epoch(struct writer *writer);
/* Stores and tells what was noted. */
void writer_tell_notices(struct writer *writer);

/* Leaves the disk: what is stored from now on is stored in memory. Told as an alarm with
 * this code. 0, or -errno and nothing has changed. */
int writer_go_ram(struct writer *writer, const char *code, const char *why);

/* After a failed commit, or a failed change of the small tables: true when it is worth
 * trying again, perhaps on another database. */
bool writer_repair(struct writer *writer, int rc);
/* The same for an error that does not pass: to RAM, with the alarm. */
bool writer_leave_disk(struct writer *writer, int rc);

#endif
