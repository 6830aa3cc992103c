/* SPDX-License-Identifier: Apache-2.0 */
/* status, metrics, reload, version. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatewayctl/commands.h"
#include "gatewayctl/human.h"

static void print_head(const json_t *status)
{
    char up[HUMAN_MAX];

    human_duration(ctl_number(status, "uptime_s") * 1000, up);
    printf("%s at %s: %s for %s, gatewayd %s\n", ctl_text(status, "gateway"),
           ctl_text(status, "site"), ctl_text(status, "state"), up,
           ctl_text(status, "version"));
    printf("clock    %s\n", ctl_text(status, "clock"));
}

static void print_points(const json_t *status)
{
    const json_t *qualities = json_object_get(status, "qualities");
    const char *separator = ": ", *key;
    json_t *n;
    int64_t n_devices = ctl_number(status, "devices");

    printf("points   %lld on %lld %s", (long long)ctl_number(status, "points"),
           (long long)n_devices, n_devices == 1 ? "device" : "devices");
    json_object_foreach((json_t *)(uintptr_t)qualities, key, n) if (json_integer_value(n))
    {
        printf("%s%lld %s", separator, (long long)json_integer_value(n), key);
        separator = ", ";
    }
    putchar('\n');
}

static void print_store(const json_t *status)
{
    const json_t *store = json_object_get(status, "store");
    char size[HUMAN_MAX], max[HUMAN_MAX];

    human_bytes((uint64_t)ctl_number(store, "size_bytes"), size);
    human_bytes((uint64_t)ctl_number(store, "max_bytes"), max);
    printf("store    %s, %s of %s, %lld readings stored, last seq %lld",
           json_is_true(json_object_get(store, "on_disk")) ? "on disk" : "IN RAM ONLY",
           size, max, (long long)ctl_number(store, "readings"),
           (long long)ctl_number(store, "last_seq"));
    if (ctl_number(store, "dropped"))
        printf(", %lld records DROPPED", (long long)ctl_number(store, "dropped"));
    putchar('\n');
}

static size_t print_alarms(const struct ctl *ctl, const json_t *status)
{
    const json_t *alarms = json_object_get(status, "alarms");
    size_t n = json_array_size(alarms);

    if (!n)
        puts("alarms   none");
    for (size_t i = 0; i < n; i++)
        printf("%sALARM    %s: %s%s\n", ctl->has_colour ? "\033[1;31m" : "",
               ctl_text(json_array_get(alarms, i), "code"),
               ctl_text(json_array_get(alarms, i), "text"),
               ctl->has_colour ? "\033[0m" : "");
    return n;
}

int cmd_status(const struct ctl *ctl)
{
    json_t *status;
    char *body;
    const char *listen;
    int rc = ctl_get(ctl, "/api/v1/status", &status, &body);

    if (rc != EXIT_OK)
        return rc;
    if (ctl->is_json) {
        fputs(body, stdout);
    } else {
        print_head(status);
        print_points(status);
        print_store(status);
        listen = ctl_text(status, "listen");
        if (*listen)
            printf("listens  http://%s/\n", listen);
        print_alarms(ctl, status);
    }
    rc = json_array_size(json_object_get(status, "alarms")) ? EXIT_BAD_NEWS : EXIT_OK;
    free(body);
    json_decref(status);
    return rc;
}

/* One sample line as {"name", "labels", "value"}; the labels stay as they are written. */
static void put_sample(struct strbuf *buf, char *line)
{
    char *value = strrchr(line, ' '), *labels = strchr(line, '{');

    if (!value)
        return;
    *value++ = '\0';
    if (buf->len > 1)
        strbuf_putc(buf, ',');
    if (labels) {
        *labels++ = '\0';
        if (*labels)
            labels[strlen(labels) - 1] = '\0';
    }
    strbuf_puts(buf, "{\"name\":");
    strbuf_put_json_string(buf, line);
    strbuf_puts(buf, ",\"labels\":");
    strbuf_put_json_string(buf, labels ? labels : "");
    strbuf_puts(buf, ",\"value\":");
    strbuf_put_double(buf, strtod(value, NULL));
    strbuf_putc(buf, '}');
}

static void print_samples(char *body)
{
    struct strbuf buf;
    char *line;

    strbuf_init(&buf);
    strbuf_putc(&buf, '[');
    while ((line = strsep(&body, "\n")))
        if (*line && *line != '#')
            put_sample(&buf, line);
    strbuf_putc(&buf, ']');
    puts(buf.data ? buf.data : "[]");
    strbuf_done(&buf);
}

int cmd_metrics(const struct ctl *ctl)
{
    char *body;
    int rc = ctl_get_text(ctl, "/metrics", &body);

    if (rc != EXIT_OK)
        return rc;
    if (ctl->is_json)
        print_samples(body);
    else
        fputs(body, stdout);
    free(body);
    return EXIT_OK;
}

int cmd_reload(const struct ctl *ctl)
{
    json_t *root = NULL;
    const char *reason;
    int rc = ctl_post(ctl, "/api/v1/reload", NULL, &root);

    if (!root)
        return rc;
    reason = ctl_text(root, "reason");
    if (ctl->is_json)
        ctl_print_json(root);
    else if (rc == EXIT_OK)
        puts(*reason ? reason : "reloaded");
    else
        fprintf(stderr, "gatewayctl: the old configuration goes on: %s\n", reason);
    json_decref(root);
    return rc;
}

int cmd_version(const struct ctl *ctl)
{
    puts(ctl->is_json ? "{\"version\":\"" PACKAGE_VERSION "\"}"
                      : "gatewayctl " PACKAGE_VERSION);
    return EXIT_OK;
}
