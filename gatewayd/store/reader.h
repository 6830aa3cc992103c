/* SPDX-License-Identifier: Apache-2.0 */
/* Streams committed records in order of seq, a block at a time. The store's thread only.
 */
#ifndef GATEWAYD_STORE_READER_H
#define GATEWAYD_STORE_READER_H

#include "gatewayd/store/logbook.h"
#include "gatewayd/store/store_read.h"
#include "lib/model/record.h"

struct store_reader;

/* NULL: no memory. The logbook is borrowed. home: where it waits between uses. */
struct store_reader *reader_new(const struct logbook *book, struct store_reader **home);
void reader_free(struct store_reader *reader);

/* From from_seq, or the epoch's first kept record, to its last one committed now. The
 * epoch is copied. */
int reader_begin(struct store_reader *reader, const struct epoch *epoch,
                 uint64_t from_seq);
/* 1: a record, borrowed until the next call; 0: no more; -errno. */
int reader_next(struct store_reader *reader, struct stored_record *ret_record);
/* Lets go of the database, so that the WAL can be checkpointed, and goes home. */
void reader_end(struct store_reader *reader);

#endif
