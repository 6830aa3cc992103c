/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text -> tree of nodes with places, through libyaml's events. The events and not
 * libyaml's document API: that one accepts duplicate keys, keeps no place of a key, and
 * takes 20 s of processor time for a file of 200000 brackets.
 */
#include "lib/config/yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lib/config/text_check.h"

#define FILE_MAX ((size_t)1024 * 1024)
#define DEPTH_MAX 16u
#define KEY_MAX 64u
#define KEYS_MAX 1000u
#define NODES_MAX 100000u

struct parse {
    yaml_parser_t parser;
    struct arena *arena;
    const struct source_file *file;
    struct config_report *report;
    uint32_t n_nodes;
    int rc; /* first thing that ended the parse */
};

/* What libyaml says, and what an installer should look at. */
static const char *const hints[][2] = {
    {"mapping values are not allowed",
     "the indentation is off, or a value that holds ': ' lacks quotes"},
    {"did not find expected '-' indicator",
     "the items of a list begin in the same column, each with '- '"},
    {"did not find expected key", "the keys of a block begin in the same column"},
    {"could not find expected ':'", "a key is followed by ': ' (colon and space)"},
    {"did not find expected ',' or", "a comma, ']' or '}' is missing"},
    {"cannot start any token", "text that begins with this character needs quotes"},
    {"found unexpected end of stream", "a quote is not closed"},
    {"did not find expected node content",
     "a value is missing, or there is a comma too many"},
};

static struct place place_of(const struct parse *p, yaml_mark_t mark)
{
    return (struct place){p->file, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/* A few malformations end a file; returns NULL for the caller to pass on. */
static struct tree_node *stop(struct parse *p, int rc)
{
    if (p->rc == 0)
        p->rc = rc;
    return NULL;
}

static void report_syntax(struct parse *p)
{
    const yaml_parser_t *parser = &p->parser;
    const char *problem = parser->problem ? parser->problem : "unreadable";
    const char *hint = "check quotes and indentation";
    char context[120] = "";

    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (strstr(problem, hints[i][0]))
            hint = hints[i][1];
    if (parser->context)
        snprintf(context, sizeof context, " %s from line %zu on", parser->context,
                 parser->context_mark.line + 1);
    report_error(p->report, place_of(p, parser->problem_mark), "config-syntax",
                 "not valid YAML: %s%s, expected well-formed YAML: %s", problem, context,
                 hint);
}

static bool next_event(struct parse *p, yaml_event_t *event)
{
    if (yaml_parser_parse(&p->parser, event))
        return true;
    if (p->parser.error == YAML_MEMORY_ERROR) {
        stop(p, -ENOMEM);
        return false;
    }
    report_syntax(p);
    stop(p, -EINVAL);
    return false;
}

static struct tree_node *new_node(struct parse *p, enum tree_kind kind,
                                  const yaml_event_t *event)
{
    struct tree_node *node;

    if (++p->n_nodes > NODES_MAX) {
        report_error(p->report, place_of(p, event->start_mark), "config-too-large",
                     "more than %u values, expected fewer in one file", NODES_MAX);
        return stop(p, -EINVAL);
    }
    node = arena_alloc(p->arena, sizeof *node);
    if (!node)
        return stop(p, -ENOMEM);
    node->kind = kind;
    node->place = place_of(p, event->start_mark);
    node->end = place_of(p, event->end_mark);
    return node;
}

static void refuse(struct parse *p, const yaml_event_t *event, const char *code,
                   const char *what)
{
    report_error(p->report, place_of(p, event->start_mark), code,
                 "%s, expected plain keys and values", what);
}

static bool has_decoration(struct parse *p, const yaml_event_t *event,
                           const yaml_char_t *anchor, const yaml_char_t *tag)
{
    char what[100];

    if (anchor) {
        snprintf(what, sizeof what, "anchor '&%s' is not allowed",
                 report_quote((const char *)anchor));
        refuse(p, event, "config-anchor", what);
    }
    if (tag) {
        snprintf(what, sizeof what, "tag '%s' is not allowed",
                 report_quote((const char *)tag));
        refuse(p, event, "config-tag", what);
    }
    return anchor || tag;
}

static struct tree_node *read_scalar(struct parse *p, const yaml_event_t *event)
{
    struct tree_node *node = new_node(p, TREE_SCALAR, event);

    if (!node)
        return NULL;
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text =
        arena_copy(p->arena, event->data.scalar.value, event->data.scalar.length);
    if (!node->text)
        return stop(p, -ENOMEM);
    if (has_decoration(p, event, event->data.scalar.anchor, event->data.scalar.tag))
        node->kind = TREE_BROKEN;
    else if (strlen(node->text) != event->data.scalar.length) {
        refuse(p, event, "config-binary", "a NUL character is not allowed");
        node->kind = TREE_BROKEN;
    }
    return node;
}

static struct tree_node *read_alias(struct parse *p, const yaml_event_t *event)
{
    char what[100];

    snprintf(what, sizeof what, "alias '*%s' is not allowed",
             report_quote((const char *)event->data.alias.anchor));
    refuse(p, event, "config-alias", what);
    return new_node(p, TREE_BROKEN, event);
}

bool yaml_tree_add(struct arena *arena, struct tree_node *parent, struct tree_entry entry)
{
    if (parent->n == parent->capacity) {
        uint32_t capacity = parent->capacity ? parent->capacity * 2 : 4;
        struct tree_entry *bigger = arena_alloc(arena, capacity * sizeof *bigger);

        if (!bigger)
            return false;
        if (parent->n)
            memcpy(bigger, parent->entries, parent->n * sizeof *bigger);
        parent->entries = bigger;
        parent->capacity = capacity;
    }
    parent->entries[parent->n++] = entry;
    return true;
}

static struct tree_node *read_node(struct parse *p, const yaml_event_t *event,
                                   unsigned depth);

static struct tree_node *read_list(struct parse *p, const yaml_event_t *start,
                                   unsigned depth)
{
    struct tree_node *list = new_node(p, TREE_LIST, start);
    yaml_event_t event;

    has_decoration(p, start, start->data.sequence_start.anchor,
                   start->data.sequence_start.tag);
    while (p->rc == 0 && next_event(p, &event)) {
        struct tree_entry entry = {NULL, place_of(p, event.start_mark), NULL};
        bool at_end = event.type == YAML_SEQUENCE_END_EVENT;

        if (at_end)
            list->end = place_of(p, event.end_mark);
        else
            entry.node = read_node(p, &event, depth + 1);
        yaml_event_delete(&event);
        if (at_end)
            break;
        if (entry.node && !yaml_tree_add(p->arena, list, entry))
            stop(p, -ENOMEM);
    }
    return p->rc == 0 ? list : NULL;
}

static size_t characters(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* NULL: refused and reported, the pair is dropped (or the parse has ended). */
static const char *read_key(struct parse *p, const yaml_event_t *event,
                            const struct tree_node *map)
{
    const struct tree_node *key;

    if (event->type != YAML_SCALAR_EVENT) {
        refuse(p, event, "config-syntax", "a key must be a word");
        stop(p, -EINVAL);
        return NULL;
    }
    key = read_scalar(p, event);
    if (!key || key->kind != TREE_SCALAR)
        return NULL;
    if (strcmp(key->text, "<<") == 0) {
        refuse(p, event, "config-merge-key", "merge key '<<' is not allowed");
        return NULL;
    }
    if (characters(key->text) > KEY_MAX) {
        report_error(p->report, key->place, "config-key-length",
                     "key '%s' is too long, expected at most %u characters",
                     report_quote(key->text), KEY_MAX);
        return NULL;
    }
    for (uint32_t i = 0; i < map->n; i++) {
        if (strcmp(map->entries[i].key, key->text) != 0)
            continue;
        report_error(p->report, key->place, "config-duplicate-key",
                     "duplicate key '%s', expected it once: it stands on line %u already",
                     report_quote(key->text), map->entries[i].key_place.line);
        return NULL;
    }
    return key->text;
}

static void read_pair(struct parse *p, const yaml_event_t *key_event,
                      struct tree_node *map, unsigned depth)
{
    struct tree_entry entry = {.key_place = place_of(p, key_event->start_mark)};
    yaml_event_t event;

    entry.key = read_key(p, key_event, map);
    if (p->rc != 0 || !next_event(p, &event))
        return;
    entry.node = read_node(p, &event, depth + 1);
    yaml_event_delete(&event);
    if (!entry.key || !entry.node)
        return;
    if (map->n >= KEYS_MAX) {
        report_error(p->report, entry.key_place, "config-too-large",
                     "more than %u keys in one mapping, expected fewer", KEYS_MAX);
        stop(p, -EINVAL);
    } else if (!yaml_tree_add(p->arena, map, entry)) {
        stop(p, -ENOMEM);
    }
}

static struct tree_node *read_map(struct parse *p, const yaml_event_t *start,
                                  unsigned depth)
{
    struct tree_node *map = new_node(p, TREE_MAP, start);
    yaml_event_t event;

    has_decoration(p, start, start->data.mapping_start.anchor,
                   start->data.mapping_start.tag);
    while (p->rc == 0 && next_event(p, &event)) {
        bool at_end = event.type == YAML_MAPPING_END_EVENT;

        if (at_end)
            map->end = place_of(p, event.end_mark);
        else
            read_pair(p, &event, map, depth);
        yaml_event_delete(&event);
        if (at_end)
            break;
    }
    return p->rc == 0 ? map : NULL;
}

static struct tree_node *read_node(struct parse *p, const yaml_event_t *event,
                                   unsigned depth)
{
    if (depth > DEPTH_MAX) {
        report_error(p->report, place_of(p, event->start_mark), "config-too-deep",
                     "nested too deeply, expected at most %u levels", DEPTH_MAX);
        return stop(p, -EINVAL);
    }
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(p, event);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return read_list(p, event, depth);
    if (event->type == YAML_MAPPING_START_EVENT)
        return read_map(p, event, depth);
    return read_alias(p, event);
}

static void begin_document(struct parse *p, const yaml_event_t *event,
                           const struct tree_node *root)
{
    if (event->data.document_start.version_directive ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end) {
        refuse(p, event, "config-tag", "a '%' directive is not allowed");
        stop(p, -EINVAL);
    } else if (root) {
        report_error(p->report, place_of(p, event->start_mark), "config-documents",
                     "a second document begins, expected one document in a file");
        stop(p, -EINVAL);
    }
}

static struct tree_node *read_stream(struct parse *p)
{
    struct tree_node *root = NULL;
    yaml_event_t event;
    bool at_end = false;

    while (!at_end && p->rc == 0 && next_event(p, &event)) {
        at_end = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT)
            begin_document(p, &event, root);
        else if (!at_end && event.type != YAML_DOCUMENT_END_EVENT &&
                 event.type != YAML_STREAM_START_EVENT)
            root = read_node(p, &event, 1);
        if (at_end && !root)
            root = new_node(p, TREE_MAP, &event);
        yaml_event_delete(&event);
    }
    return root;
}

int yaml_tree_parse(struct arena *arena, const struct source_file *file,
                    struct config_report *report, struct tree_node **ret_root)
{
    struct parse p = {.arena = arena, .file = file, .report = report};
    struct tree_node *root;

    if (!text_check(file, report))
        return -EINVAL;
    if (!yaml_parser_initialize(&p.parser))
        return -ENOMEM;
    yaml_parser_set_input_string(&p.parser, (const unsigned char *)file->text, file->len);
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    root = read_stream(&p);
    yaml_parser_delete(&p.parser);
    if (p.rc == 0 && yaml_tree_is_null(root))
        root->kind = TREE_MAP;
    if (p.rc == 0)
        *ret_root = root;
    return p.rc;
}

/* Opens without waiting: a FIFO in conf.d must not hang the start. */
static int read_whole(struct arena *arena, const char *path, struct source_file *file)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char *text;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    if (st.st_size > (off_t)FILE_MAX)
        return -EFBIG;
    text = arena_alloc(arena, (size_t)st.st_size + 1);
    if (!text)
        return -ENOMEM;
    while ((n = read(fd, text + file->len, (size_t)st.st_size - file->len)) > 0)
        file->len += (size_t)n;
    file->text = text;
    return n < 0 ? -errno : 0;
}

int yaml_tree_load(struct arena *arena, const char *path, struct config_report *report,
                   struct tree_node **ret_root)
{
    struct source_file *file = arena_alloc(arena, sizeof *file);
    int rc;

    if (!file)
        return -ENOMEM;
    file->path = path;
    rc = read_whole(arena, path, file);
    if (rc == 0)
        return yaml_tree_parse(arena, file, report, ret_root);
    if (rc == -ENOMEM)
        return rc;
    if (rc == -EFBIG)
        report_error(report, (struct place){file, 0, 0}, "config-too-large",
                     "the file is too large, expected at most 1 MiB");
    else
        report_error(report, (struct place){file, 0, 0}, "config-unreadable",
                     "cannot be read: %s, expected a readable file",
                     error_errno_text(rc));
    return -EINVAL;
}

static const struct tree_entry *find_entry(const struct tree_node *map, const char *key)
{
    for (uint32_t i = 0; map && map->kind == TREE_MAP && i < map->n; i++)
        if (strcmp(map->entries[i].key, key) == 0)
            return &map->entries[i];
    return NULL;
}

struct tree_node *yaml_tree_get(const struct tree_node *map, const char *key)
{
    const struct tree_entry *entry = find_entry(map, key);

    return entry ? entry->node : NULL;
}

const char *yaml_tree_text(const struct tree_node *map, const char *key)
{
    const struct tree_node *node = yaml_tree_get(map, key);

    return node && node->kind == TREE_SCALAR ? node->text : NULL;
}

struct place yaml_tree_place(const struct tree_node *map, const char *key)
{
    const struct tree_entry *entry = find_entry(map, key);

    return entry ? entry->node->place : map->place;
}

bool yaml_tree_is_null(const struct tree_node *node)
{
    return !node || (node->kind == TREE_SCALAR && node->is_plain &&
                     (strcmp(node->text, "") == 0 || strcmp(node->text, "~") == 0 ||
                      strcmp(node->text, "null") == 0));
}

const char *yaml_tree_kind_name(const struct tree_node *node)
{
    return node->kind == TREE_LIST  ? "a list"
           : node->kind == TREE_MAP ? "a mapping"
                                    : "text";
}
