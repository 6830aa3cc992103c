/* SPDX-License-Identifier: Apache-2.0 */
/* What every command of gatewayctl uses: its options, the calls to the daemon, exit
 * codes. */
#ifndef GATEWAYCTL_CTL_H
#define GATEWAYCTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

enum exit_code { EXIT_OK = 0, EXIT_BAD_NEWS = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

/* What simulate was told, as text; simulate reads it. */
struct ctl_simulate {
    const char *community, *scenario, *out, *report;
    const char *promise, *reserve, *controller, *replay, *lang, *seed;
    bool is_coordinator_silent;
};

struct ctl {
    const char *socket;
    bool is_json, is_terminal, has_colour, is_stale_only, is_following, is_forced,
        is_energy;
    const char *device;
    int64_t lease_ms; /* 0: the point's own */
    int64_t for_ms;   /* 0: not said */
    int64_t from_ms;  /* wall; 0: all */
    int64_t to_ms;    /* 0: now */
    const char *step, *slot; /* as the API has them; NULL: its own */
    const char *points;      /* names and commas; NULL: all */
    uint64_t count;   /* 0: no end */
    const char *write_path; /* NULL: write no draft */
    const char *config_dir, *map_dir, *plugin_dir, *libexec_dir;
    struct ctl_simulate simulate;
    int n_args;
    char **args; /* after the command's name */
};

/* A document, or an exit code with the message already on stderr. *ret_root is a new
 * reference; *ret_body (may be NULL: not wanted) the text as it came, malloc'ed. Arrays
 * are fine. */
int ctl_get(const struct ctl *ctl, const char *target, json_t **ret_root,
            char **ret_body);
/* Any text (metrics). */
int ctl_get_text(const struct ctl *ctl, const char *target, char **ret_body);
/* EXIT_OK or EXIT_BAD_NEWS with the loop's answer in *ret_root ("result", "reason",
 * "readback"), or an exit code with the message told and *ret_root NULL. Takes `body`
 * (NULL: none). */
int ctl_post(const struct ctl *ctl, const char *target, json_t *body, json_t **ret_root);

/* The content of an answer goes to sink as it comes; EXIT_OK, or an exit code with the
 * message told; -errno of the sink is told as of `file`. */
int ctl_get_file(const struct ctl *ctl, const char *target, const char *file,
                 int (*sink)(void *ctx, const void *data, size_t size, uint64_t total),
                 void *sink_ctx);
/* As ctl_post, with any bytes. */
int ctl_post_bytes(const struct ctl *ctl, const char *target, const void *data,
                   size_t size, json_t **ret_root);

/* May a file be written under this name? What is there is replaced with --force only, and
 * never when it is no file: root must not put one in the place of /dev/null. Tells it. */
bool ctl_may_replace(const struct ctl *ctl, const char *name);

/* Writes any JSON on one line, numbers shortest; preserves the order of keys. */
void ctl_put_json(const json_t *value, struct strbuf *buf);
void ctl_print_json(const json_t *value);

/* The messages of a check, on stderr. */
struct config_report;
void ctl_print_report(const struct config_report *report);

/* "" and 0 when absent or of another type. */
const char *ctl_text(const json_t *object, const char *key);
int64_t ctl_number(const json_t *object, const char *key);

/* Splits "device.point"; point "" when there is no dot. False: empty or too long. */
bool ctl_split_name(const char *text, char ret_device[64], char ret_point[64]);

#endif
