/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatewayctl simulate: loads community and scenario, runs the controllers on the plant
 * (or replays a result), writes the result and tells the metrics. Needs no daemon.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/commands.h"
#include "gatewayctl/simulate/community_load.h"
#include "gatewayctl/simulate/promise_slice.h"
#include "gatewayctl/simulate/report.h"
#include "gatewayctl/simulate/result.h"
#include "gatewayctl/simulate/settings.h"
#include "gatewayctl/simulate/summary.h"
#include "lib/base/cleanup.h"

/* One run with all that observes it. */
struct simulation {
    const struct ctl *ctl;
    struct settings settings;
    struct community community;
    struct scenario loaded;
    struct promise promise;
    struct scenario slice;           /* the worst start of a promise */
    const struct scenario *scenario; /* one of both */
    struct metrics metrics;
    struct report_data pictures;
    struct result_writer writer;
    struct result_reader reader;
    struct sim_controller controller;
    struct run run;
};

static void print_error(const struct gw_error *error, int rc)
{
    if (!*error->text)
        fprintf(stderr, "gatewayctl: simulate: %s\n", error_errno_text(rc));
    else if (error->line)
        fprintf(stderr, "%s:%u: error: %s [%s]\n", error->file, error->line, error->text,
                error->code);
    else
        fprintf(stderr, "%s%serror: %s [%s]\n", error->file, *error->file ? ": " : "",
                error->text, error->code);
}

static int load(struct simulation *sim, struct gw_error *error)
{
    const struct ctl_simulate *options = &sim->ctl->simulate;
    struct config_report report;
    int rc;

    config_report_init(&report);
    rc = community_load(options->community, &sim->community, &report);
    if (rc == 0)
        rc = scenario_load(options->scenario, &sim->community, &sim->loaded, &report,
                           error);
    ctl_print_report(&report);
    if (rc < 0 && report.n_errors)
        rc = -ECANCELED; /* told */
    config_report_done(&report);
    sim->scenario = &sim->loaded;
    return rc;
}

/* Finds the worst start of a promise and takes it for the scenario. */
static int sweep(struct simulation *sim, struct gw_error *error)
{
    const struct settings *settings = &sim->settings;
    double steps = settings->promise_h * 3600 / sim->loaded.axis.step_s;
    int rc;

    sim->promise = (struct promise){.community = &sim->community,
                                    .scenario = &sim->loaded,
                                    .make = settings->controller,
                                    .is_coordinator_silent =
                                        sim->ctl->simulate.is_coordinator_silent,
                                    .seed = settings->seed,
                                    .n_steps = (unsigned)lrint(steps),
                                    .reserve = settings->reserve};
    rc = promise_sweep(&sim->promise, error);
    if (rc == 0)
        rc = promise_slice(&sim->promise, sim->promise.starts[sim->promise.worst].step,
                           &sim->slice);
    sim->scenario = &sim->slice;
    return rc;
}

/* bounds.csv beside the scenario. */
static int read_bound(struct simulation *sim, struct gw_error *error)
{
    const char *path = sim->ctl->simulate.scenario, *slash = strrchr(path, '/');
    _cleanup_free_ char *file = NULL;

    if (asprintf(&file, "%.*sbounds.csv", slash ? (int)(slash - path + 1) : 0, path) < 0)
        return -ENOMEM;
    return metrics_read_bound(&sim->metrics, file, sim->scenario->name, error);
}

static void show_progress(unsigned step, unsigned n_steps)
{
    fprintf(stderr, "\r%3u %%", 100 * step / n_steps);
    fflush(stderr);
}

static int run_it(struct simulation *sim, struct gw_error *error)
{
    const struct ctl_simulate *options = &sim->ctl->simulate;
    int rc;

    if (options->replay) {
        rc = result_reader_open(&sim->reader, options->replay, &sim->community,
                                &sim->scenario->axis, error);
        if (rc == 0)
            rc = run_replay(&sim->run, &sim->reader, result_reader_next);
        sim->metrics.n_bad_rows = sim->reader.n_bad_rows;
        return rc;
    }
    if (!sim->settings.controller(&sim->community, &sim->scenario->axis,
                                  &sim->controller))
        return -ENOMEM;
    return run_closed_loop(&sim->run, &sim->controller, error);
}

static int save_report(const struct simulation *sim, struct gw_error *error)
{
    const struct report report = {.data = &sim->pictures,
                                  .metrics = &sim->metrics,
                                  .promise = sim->promise.starts ? &sim->promise : NULL,
                                  .has_english = sim->settings.has_english,
                                  .has_japanese = sim->settings.has_japanese};

    return report_save(&report, sim->ctl->simulate.report, error);
}

static int simulate(struct simulation *sim, struct gw_error *error)
{
    const struct ctl_simulate *options = &sim->ctl->simulate;
    int rc = metrics_init(&sim->metrics, &sim->community);

    if (rc == 0)
        rc = result_writer_init(&sim->writer, &sim->community);
    if (rc == 0 && options->report)
        rc = report_data_init(&sim->pictures, &sim->community, sim->scenario);
    /* The bound of a scenario says nothing about another outage in it. */
    if (rc == 0 && !sim->promise.starts)
        rc = read_bound(sim, error);
    if (rc < 0)
        return rc;
    sim->run = (struct run){.community = &sim->community,
                            .scenario = sim->scenario,
                            .is_coordinator_silent = options->is_coordinator_silent,
                            .seed = sim->settings.seed,
                            .progress = sim->ctl->is_terminal ? show_progress : NULL};
    run_observe(&sim->run, &sim->metrics, metrics_step);
    if (options->out)
        run_observe(&sim->run, &sim->writer, result_writer_step);
    if (options->report)
        run_observe(&sim->run, &sim->pictures, report_data_step);
    rc = run_it(sim, error);
    if (sim->run.progress)
        fputs("\r      \r", stderr);
    if (rc == 0 && options->out)
        rc = result_writer_save(&sim->writer, options->out, error);
    return rc == 0 && options->report ? save_report(sim, error) : rc;
}

static void tell_json(const struct simulation *sim)
{
    json_t *root = metrics_to_json(&sim->metrics);

    json_object_set_new(root, "scenario", json_string(sim->scenario->name));
    json_object_set_new(root, "community", json_string(sim->community.name));
    json_object_set_new(root, "variant",
                        json_string(sim->community.is_central ? "a" : "b"));
    if (sim->promise.starts)
        json_object_set_new(root, "promise",
                            summary_promise_json(&sim->promise, &sim->metrics));
    ctl_print_json(root);
    json_decref(root);
}

static int tell(const struct simulation *sim)
{
    bool has_promise = sim->promise.starts != NULL;

    if (sim->ctl->is_json)
        tell_json(sim);
    else if (has_promise)
        summary_print_promise(&sim->promise, &sim->metrics, sim->ctl->has_colour);
    else
        summary_print(&sim->metrics, sim->scenario, sim->ctl->has_colour);
    if (has_promise ? !promise_is_held(&sim->promise)
                    : metrics_is_bad_news(&sim->metrics))
        return EXIT_BAD_NEWS;
    return EXIT_OK;
}

int cmd_simulate(const struct ctl *ctl)
{
    struct simulation sim = {.ctl = ctl};
    struct gw_error error = {0};
    int rc, code;

    if (!settings_read(&ctl->simulate, &sim.settings))
        return EXIT_USAGE;
    rc = load(&sim, &error);
    if (rc == 0 && ctl->simulate.promise)
        rc = sweep(&sim, &error);
    if (rc == 0)
        rc = simulate(&sim, &error);
    if (rc < 0 && rc != -ECANCELED)
        print_error(&error, rc);
    code = rc < 0 ? EXIT_USAGE : tell(&sim);
    if (sim.controller.free)
        sim.controller.free(sim.controller.ctx);
    result_reader_done(&sim.reader);
    result_writer_done(&sim.writer);
    report_data_done(&sim.pictures);
    metrics_done(&sim.metrics);
    promise_slice_done(&sim.slice);
    promise_done(&sim.promise);
    scenario_done(&sim.loaded);
    community_done(&sim.community);
    return code;
}
