/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration as tables: each mapping has a table of its keys (type, default, range,
 * words, where the value goes), one walker checks all of them and fills a struct. Unknown
 * keys, wrong types and ranges are reported with a hint. One thread.
 */
#ifndef GATEWAYD_CONFIG_SCHEMA_H
#define GATEWAYD_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/plugin.h"
#include "lib/config/yaml_tree.h"

/* What a value is, and in parentheses the type of the field it fills. */
enum schema_type {
    SCHEMA_TEXT,       /* (const char *), never empty */
    SCHEMA_SITE_NAME,  /* (const char *) [a-z0-9-]{1,63} */
    SCHEMA_NAME,       /* (const char *) [a-z][a-z0-9_-]{0,62} */
    SCHEMA_POINT_NAME, /* (const char *) [a-z][a-z0-9_]{0,62} */
    SCHEMA_POINT_REF,  /* (const char *) DEVICE.POINT */
    SCHEMA_WORD,       /* (int64_t) index in `words` */
    SCHEMA_BOOL,       /* (bool) */
    SCHEMA_INT,        /* (int64_t) */
    SCHEMA_NUMBER,     /* (double) */
    SCHEMA_DURATION,   /* (int64_t) ms */
    SCHEMA_SIZE,       /* (int64_t) bytes */
    SCHEMA_POWER,      /* (double) W */
    SCHEMA_ENERGY,     /* (double) Wh */
    SCHEMA_PERCENT,    /* (double) */
    SCHEMA_RATE,       /* (double) per s */
    SCHEMA_DATE,       /* (int64_t) YYYYMMDD */
    SCHEMA_MAP,        /* (const struct tree_node *) NULL when absent */
    SCHEMA_LIST,       /* (const struct tree_node *) NULL when absent */
    SCHEMA_ANY,        /* (const struct tree_node *) NULL when absent */
};

#define SCHEMA_ANYWHERE ((size_t)-1) /* offset: checked, kept nowhere */

struct schema_key {
    const char *key;
    enum schema_type type;
    bool required;
    size_t offset;
    const char *fallback; /* as text, or NULL: the field stays zero */
    double min, max;      /* both 0: any */
    const char *words;    /* separated by '|' when one holds a space, else by spaces */
};

/* A row: SCHEMA_KEY("port", INT, SCHEMA_AT(bus_keys, port), .required = true). */
#define SCHEMA_KEY(name, kind, ...) {.key = name, .type = SCHEMA_##kind, __VA_ARGS__}
#define SCHEMA_AT(out, field) .offset = offsetof(struct out, field)

/* One mapping: its own keys, and those that a plugin allows beside them (checked by
 * plugin_keys, passed over here). */
struct schema {
    const char *what; /* "a device" */
    const struct schema_key *keys;
    size_t n_keys;
    const struct gw_option *options; /* NULL: none */
    uint32_t scope;
    bool is_open; /* the plugin is not known: unknown keys pass */
};

/* A mapping that no plugin adds keys to. */
#define SCHEMA_OF(name, table) \
    {.what = name, .keys = table, .n_keys = sizeof table / sizeof table[0]}

/* Fills *out (zeroed by the caller) and reports what is wrong; true when nothing was. */
bool schema_read(struct config_report *report, const struct schema *schema,
                 const struct tree_node *node, void *out);

/* One scalar by one row; writes *out like schema_read. */
bool schema_read_value(struct config_report *report, const struct schema_key *key,
                       const struct tree_node *node, void *out);

/* The n-th of a row's words into a buffer; false: no such. */
bool schema_word(const char *words, size_t n, char *buffer, size_t size);

#endif
