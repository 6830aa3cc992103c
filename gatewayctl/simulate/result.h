/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result CSV: "step,id,value", what was commanded (changes only) and what the
 * simulator believes happened (claims). Writing is an observer of a run; reading feeds
 * run_replay. One thread.
 */
#ifndef GATEWAYCTL_SIMULATE_RESULT_H
#define GATEWAYCTL_SIMULATE_RESULT_H

#include "gatewayctl/simulate/run.h"
#include "lib/base/strbuf.h"

struct result_writer {
    struct strbuf text;
    struct plant_commands last; /* as written */
};

/* 0 or -ENOMEM; result_writer_done in any case. */
int result_writer_init(struct result_writer *writer, const struct community *community);
void result_writer_done(struct result_writer *writer);
/* For run_observe; ctx is the writer. */
void result_writer_step(void *ctx, const struct plant *plant, unsigned step,
                        const struct plant_commands *commands);
/* All of it to a file. 0, or a negative errno with *reterr. */
int result_writer_save(const struct result_writer *writer, const char *path,
                       struct gw_error *reterr);

/* Commands of a file, taken step by step. */
struct result_reader {
    const struct community *community;
    unsigned n_steps;
    char *text;
    size_t size;
    char *at; /* behind the rows that were taken */
    unsigned last_step;
    unsigned n_bad_rows; /* could not be read, or not in order: ignored */
};

/* 0, or a negative errno with *reterr; result_reader_done in any case. */
int result_reader_open(struct result_reader *reader, const char *path,
                       const struct community *community, const struct sim_axis *axis,
                       struct gw_error *reterr);
void result_reader_done(struct result_reader *reader);
/* For run_replay; ctx is the reader. */
void result_reader_next(void *ctx, unsigned step, struct plant_commands *commands);

#endif
