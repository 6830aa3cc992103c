/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway-devicesim: simulated Modbus devices in one process, for tests, benches and the
 * demo. Options become a spec, the spec becomes ports and lines, one loop serves them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tools/devicesim/control.h"
#include "tools/devicesim/sim.h"
#include "tools/devicesim/spec.h"

static int complain(int rc, const char *word)
{
    const char *what = rc == -ENOENT   ? "unknown word"
                       : rc == -ENODEV ? "give tcp, rtu or home before"
                                       : "bad value of";

    fprintf(stderr, "gateway-devicesim: %s '%s'; --help lists the words\n", what, word);
    return 2;
}

static int help(void)
{
    puts("Usage: gateway-devicesim WORDS...           simulate Modbus devices\n"
         "       gateway-devicesim --tell PATH LINE   send LINE to a running one\n"
         "       --spec FILE reads words from a file as word=value\n");
    spec_help();
    return 0;
}

/* 0: go on; else exit code + 1. */
static int parse(struct spec *spec, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value = NULL, *bad;
        char *equals;
        int rc;

        if (strncmp(word, "--", 2) != 0)
            return complain(-ENOENT, word) + 1;
        word += 2;
        if (strcmp(word, "help") == 0)
            return help() + 1;
        if ((equals = strchr(argv[i], '='))) {
            *equals = 0;
            value = equals + 1;
        } else if (spec_needs_value(word) && i + 1 < argc) {
            value = argv[++i];
        }
        bad = word;
        rc = strcmp(word, "spec") == 0 && value ? spec_load(spec, value, &bad)
                                                : spec_set(spec, word, value);
        if (rc < 0)
            return complain(rc, bad) + 1;
    }
    return 0;
}

static int run(const struct spec *spec)
{
    struct loop loop;
    struct sim sim = {0};
    struct control *control = NULL;
    int rc = loop_init(&loop);

    if (rc == 0)
        rc = sim_open(&sim, &loop, spec);
    if (rc == 0 && spec->control_path)
        rc = control_new(&sim, spec->control_path, &control);
    if (rc == 0 && spec->ready_path)
        rc = sim_write_ready(&sim, spec->ready_path);
    for (unsigned i = 0; rc == 0 && !spec->ready_path && i < sim.n_devices; i++)
        printf("%u %s\n", i, sim.where[i]);
    fflush(stdout);
    if (rc == 0)
        rc = loop_run(&loop);
    if (rc < 0)
        fprintf(stderr, "gateway-devicesim: %s\n", error_errno_text(rc));
    control_free(control);
    sim_close(&sim);
    loop_done(&loop);
    return rc < 0;
}

int main(int argc, char **argv)
{
    static struct spec spec;
    int code;

    if (argc == 4 && strcmp(argv[1], "--tell") == 0)
        return control_tell(argv[2], argv[3]);
    spec_init(&spec);
    code = parse(&spec, argc, argv);
    if (code == 0 && spec.n_endpoints == 0) {
        fputs("gateway-devicesim: nothing to simulate; --help lists the words\n", stderr);
        code = 3;
    }
    if (code == 0) {
        srandom(spec.seed);
        code = run(&spec) + 1;
    }
    spec_done(&spec);
    return code - 1;
}
