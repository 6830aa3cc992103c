/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes and reads result CSVs. Numbers are written so that they read back as the same
 * value: a replay must not differ from the run in the last digit.
 */
#include "gatewayctl/simulate/result.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/simulate/community_load.h"
#include "gatewayctl/simulate/csv.h"

int result_writer_init(struct result_writer *writer, const struct community *community)
{
    strbuf_init(&writer->text);
    strbuf_puts(&writer->text, "step,id,value\n");
    return plant_commands_init(&writer->last, community);
}

void result_writer_done(struct result_writer *writer)
{
    strbuf_done(&writer->text);
    plant_commands_done(&writer->last);
}

static void put_value(struct strbuf *out, double value)
{
    strbuf_put_double(out, value);
    strbuf_putc(out, '\n');
}

static void put_relays(struct result_writer *writer, const struct community *c,
                       unsigned step, const struct plant_commands *commands)
{
    for (unsigned i = 0; i < c->n_homes * N_CIRCUITS; i++) {
        if (commands->is_on[i] == writer->last.is_on[i])
            continue;
        strbuf_printf(&writer->text, "%u,%u.%s,%d\n", step, c->homes[i / N_CIRCUITS].id,
                      circuit_name((enum sim_circuit)(i % N_CIRCUITS)),
                      commands->is_on[i]);
        writer->last.is_on[i] = commands->is_on[i];
    }
}

static bool differs(double a, double b)
{
    return fabs(a - b) > 0;
}

static void put_powers(struct result_writer *writer, const struct community *c,
                       unsigned step, const struct plant_commands *commands)
{
    for (unsigned i = 0; i < c->n_storages; i++)
        if (differs(commands->storage_w[i], writer->last.storage_w[i])) {
            strbuf_printf(&writer->text, "%u,%s,", step, c->storages[i].id);
            put_value(&writer->text, commands->storage_w[i]);
            writer->last.storage_w[i] = commands->storage_w[i];
        }
    if (differs(commands->pv_limit_w, writer->last.pv_limit_w)) {
        strbuf_printf(&writer->text, "%u,pv,", step);
        put_value(&writer->text, commands->pv_limit_w);
        writer->last.pv_limit_w = commands->pv_limit_w;
    }
}

static void put_claims(struct strbuf *out, const struct plant *plant, unsigned step)
{
    strbuf_printf(out, "%u,claim.load_w,", step);
    put_value(out, plant->load_w);
    strbuf_printf(out, "%u,claim.pv_w,", step);
    put_value(out, plant->pv_used_w);
    strbuf_printf(out, "%u,claim.island_dark,%d\n", step, plant->is_dark);
    for (unsigned i = 0; i < plant->community->n_storages; i++) {
        const struct community_storage *is = &plant->community->storages[i];

        strbuf_printf(out, "%u,claim.%s.soc,", step, is->id);
        put_value(out, plant->storages[i].energy_wh / is->capacity_wh);
        strbuf_printf(out, "%u,claim.%s.p_w,", step, is->id);
        put_value(out, plant->storages[i].power_w);
    }
}

void result_writer_step(void *ctx, const struct plant *plant, unsigned step,
                        const struct plant_commands *commands)
{
    struct result_writer *writer = ctx;

    put_relays(writer, plant->community, step, commands);
    put_powers(writer, plant->community, step, commands);
    put_claims(&writer->text, plant, step);
}

int result_writer_save(const struct result_writer *writer, const char *path,
                       struct gw_error *reterr)
{
    FILE *file;
    int rc = 0;

    if (writer->text.failed)
        return -ENOMEM;
    file = fopen(path, "we");
    if (!file)
        return error_set(reterr, -errno, "simulate-out", "cannot write %s: %s", path,
                         error_errno_text(errno));
    if (fwrite(writer->text.data, 1, writer->text.len, file) != writer->text.len)
        rc = errno ? -errno : -EIO;
    if (fclose(file) != 0 && rc == 0)
        rc = -errno;
    return rc < 0 ? error_set(reterr, rc, "simulate-out", "cannot write %s: %s", path,
                              error_errno_text(rc))
                  : 0;
}

/* ---- reading --------------------------------------------------------------------- */

int result_reader_open(struct result_reader *reader, const char *path,
                       const struct community *community, const struct sim_axis *axis,
                       struct gw_error *reterr)
{
    int rc;

    *reader = (struct result_reader){.community = community, .n_steps = axis->n_steps};
    rc = csv_slurp(path, &reader->text, &reader->size, reterr);
    if (rc == 0) {
        reader->at = strchr(reader->text, '\n');
        reader->at = reader->at ? reader->at + 1 : reader->text + strlen(reader->text);
    }
    return rc;
}

void result_reader_done(struct result_reader *reader)
{
    free(reader->text);
    reader->text = NULL;
}

static bool parse_number(const char *text, double *ret)
{
    char *end;

    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
        return false;
    *ret = strtod(text, &end);
    return !*end && isfinite(*ret);
}

/* "12.heavy": index of the relay, or -1. */
static int find_relay(const struct community *community, const char *id)
{
    char *dot;
    unsigned long number = strtoul(id, &dot, 10);
    int home;

    if (*id < '1' || *id > '9' || *dot != '.' || number > 1000000)
        return -1;
    home = community_find_home(community, (unsigned)number);
    for (unsigned c = 0; home >= 0 && c < N_CIRCUITS; c++)
        if (strcmp(dot + 1, circuit_name((enum sim_circuit)c)) == 0)
            return home * N_CIRCUITS + (int)c;
    return -1;
}

static bool apply(const struct community *community, const char *id, double value,
                  struct plant_commands *commands)
{
    int at;

    if (strcmp(id, "pv") == 0) {
        commands->pv_limit_w = value;
        return true;
    }
    if (strncmp(id, "claim.", 6) == 0)
        return true;
    at = community_find_storage(community, id);
    if (at >= 0) {
        commands->storage_w[at] = value;
        return true;
    }
    at = find_relay(community, id);
    if (at < 0 || (fabs(value) > 0 && fabs(value - 1) > 0))
        return false;
    commands->is_on[at] = fabs(value) > 0;
    return true;
}

/* Takes the row at reader->at apart, in place; false: not to be read. */
static bool split(char *row, unsigned long *ret_step, const char **ret_id,
                  double *ret_value)
{
    char *end, *id, *value;

    if (*row < '0' || *row > '9')
        return false;
    *ret_step = strtoul(row, &end, 10);
    if (*end != ',')
        return false;
    id = end + 1;
    value = strchr(id, ',');
    if (!value)
        return false;
    *value++ = 0;
    *ret_id = id;
    return parse_number(value, ret_value);
}

/* The step a row stands in, which decides whether it is due; ULONG_MAX: unreadable. */
static unsigned long step_of(const char *row)
{
    char *end;
    unsigned long step = *row >= '0' && *row <= '9' ? strtoul(row, &end, 10) : 0;

    return *row >= '0' && *row <= '9' && *end == ',' ? step : (unsigned long)-1;
}

void result_reader_next(void *ctx, unsigned step, struct plant_commands *commands)
{
    struct result_reader *reader = ctx;
    char *end = reader->text + reader->size;

    while (reader->at < end) {
        char *row = reader->at, *stop = memchr(row, '\n', (size_t)(end - row));
        unsigned long at = step_of(row);
        const char *id;
        double value;

        if (at != (unsigned long)-1 && at > step && at < reader->n_steps)
            return;
        reader->at = stop ? stop + 1 : end;
        if (stop)
            *stop = 0;
        if (stop && stop > row && stop[-1] == '\r')
            stop[-1] = 0;
        if (at >= reader->n_steps || at < reader->last_step ||
            !split(row, &at, &id, &value) ||
            !apply(reader->community, id, value, commands))
            reader->n_bad_rows++;
        else
            reader->last_step = (unsigned)at;
    }
}
