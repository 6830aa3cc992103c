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
#include "gatewayctl/simulate/controllers.h"
#include "gatewayctl/simulate/metrics.h"
#include "gatewayctl/simulate/result.h"
#include "gatewayctl/simulate/summary.h"
#include "lib/base/cleanup.h"

/* One run with all that observes it. */
struct simulation {
    const struct ctl *ctl;
    struct community community;
    struct scenario scenario;
    struct metrics metrics;
    struct result_writer writer;
    struct result_reader reader;
    struct sim_controller controller;
    struct run run;
};

static void print_report(const struct config_report *report)
{
    struct strbuf buf;

    strbuf_init(&buf);
    config_report_print(report, &buf);
    if (buf.data)
        fputs(buf.data, stderr);
    strbuf_done(&buf);
}

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
        rc = scenario_load(options->scenario, &sim->community, &sim->scenario, &report,
                           error);
    print_report(&report);
    if (rc < 0 && report.n_errors)
        rc = -ECANCELED; /* told */
    config_report_done(&report);
    return rc;
}

/* bounds.csv beside the scenario. */
static int read_bound(struct simulation *sim, struct gw_error *error)
{
    const char *path = sim->ctl->simulate.scenario, *slash = strrchr(path, '/');
    _cleanup_free_ char *file = NULL;

    if (asprintf(&file, "%.*sbounds.csv", slash ? (int)(slash - path + 1) : 0, path) < 0)
        return -ENOMEM;
    return metrics_read_bound(&sim->metrics, file, sim->scenario.name, error);
}

static void show_progress(unsigned step, unsigned n_steps)
{
    fprintf(stderr, "\r%3u %%", 100 * step / n_steps);
    fflush(stderr);
}

static int run_it(struct simulation *sim, struct gw_error *error)
{
    const struct ctl_simulate *options = &sim->ctl->simulate;
    sim_controller_new *make = controllers_find(options->controller);
    int rc;

    if (options->replay) {
        rc = result_reader_open(&sim->reader, options->replay, &sim->community,
                                &sim->scenario.axis, error);
        if (rc == 0)
            rc = run_replay(&sim->run, &sim->reader, result_reader_next);
        sim->metrics.n_bad_rows = sim->reader.n_bad_rows;
        return rc;
    }
    if (!make(&sim->community, &sim->scenario.axis, &sim->controller))
        return -ENOMEM;
    return run_closed_loop(&sim->run, &sim->controller, error);
}

static int simulate(struct simulation *sim, struct gw_error *error)
{
    const struct ctl_simulate *options = &sim->ctl->simulate;
    int rc = metrics_init(&sim->metrics, &sim->community);

    if (rc == 0)
        rc = result_writer_init(&sim->writer, &sim->community);
    if (rc == 0)
        rc = read_bound(sim, error);
    if (rc < 0)
        return rc;
    sim->run = (struct run){.community = &sim->community,
                            .scenario = &sim->scenario,
                            .is_coordinator_silent = options->is_coordinator_silent,
                            .progress = sim->ctl->is_terminal ? show_progress : NULL};
    run_observe(&sim->run, &sim->metrics, metrics_step);
    if (options->out)
        run_observe(&sim->run, &sim->writer, result_writer_step);
    rc = run_it(sim, error);
    if (sim->run.progress)
        fputs("\r      \r", stderr);
    if (rc == 0 && options->out)
        rc = result_writer_save(&sim->writer, options->out, error);
    return rc;
}

static int tell(const struct simulation *sim)
{
    json_t *root;

    if (sim->ctl->is_json) {
        root = metrics_to_json(&sim->metrics);
        json_object_set_new(root, "scenario", json_string(sim->scenario.name));
        json_object_set_new(root, "community", json_string(sim->community.name));
        json_object_set_new(root, "variant",
                            json_string(sim->community.is_central ? "a" : "b"));
        ctl_print_json(root);
        json_decref(root);
    } else {
        summary_print(&sim->metrics, &sim->scenario, sim->ctl->has_colour);
    }
    return metrics_is_bad_news(&sim->metrics) ? EXIT_BAD_NEWS : EXIT_OK;
}

static bool are_options_good(const struct ctl_simulate *options)
{
    const char *missing = !options->community                 ? "--community FILE"
                          : !options->scenario                ? "--scenario FILE"
                          : !options->out && !options->replay ? "--out RESULT.csv"
                                                              : NULL;

    if (missing)
        fprintf(stderr, "gatewayctl: simulate: %s is missing\n", missing);
    if (!controllers_find(options->controller)) {
        fprintf(stderr, "gatewayctl: --controller '%s': expected one of %s\n",
                options->controller, controllers_names());
        return false;
    }
    return !missing;
}

int cmd_simulate(const struct ctl *ctl)
{
    struct simulation sim = {.ctl = ctl};
    struct gw_error error = {0};
    int rc, code;

    if (!are_options_good(&ctl->simulate))
        return EXIT_USAGE;
    rc = load(&sim, &error);
    if (rc == 0)
        rc = simulate(&sim, &error);
    if (rc < 0 && rc != -ECANCELED)
        print_error(&error, rc);
    code = rc < 0 ? EXIT_USAGE : tell(&sim);
    if (sim.controller.free)
        sim.controller.free(sim.controller.ctx);
    result_reader_done(&sim.reader);
    result_writer_done(&sim.writer);
    metrics_done(&sim.metrics);
    scenario_done(&sim.scenario);
    community_done(&sim.community);
    return code;
}
