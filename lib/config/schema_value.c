/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value against one row: what it should be, what is wrong with it, where it goes. The
 * type of a scalar is decided here by the row, never by how YAML would read it.
 */
#include "lib/config/schema_value.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/config/suggest.h"
#include "lib/config/units.h"

/* A parsed scalar, before it is stored. */
struct parsed {
    int64_t integer;
    double number;
    bool truth;
    const char *text;
};

enum outcome { GOOD, BAD_TYPE, BAD_UNIT, BAD_ZERO, BAD_WORD, BAD_RANGE, BAD_NAME };

static const char *const outcome_codes[] = {"",
                                            "config-type",
                                            "config-unit",
                                            "config-leading-zero",
                                            "config-word",
                                            "config-range",
                                            "config-name"};

static bool name_is_good(enum schema_type type, const char *name, size_t len)
{
    bool site = type == SCHEMA_SITE_NAME;

    if (len < 1 || len > 63 || (!site && !islower((unsigned char)name[0])))
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool dash = c == '-' && type != SCHEMA_POINT_NAME;

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !dash &&
            !(c == '_' && !site))
            return false;
    }
    return true;
}

static bool ref_is_good(const char *ref)
{
    const char *dot = strchr(ref, '.');

    return dot && name_is_good(SCHEMA_NAME, ref, (size_t)(dot - ref)) &&
           name_is_good(SCHEMA_POINT_NAME, dot + 1, strlen(dot + 1));
}

static const char *separator(const char *words)
{
    return strchr(words, '|') ? "|" : " ";
}

bool schema_word(const char *words, size_t n, char *buffer, size_t size)
{
    const char *sep = separator(words);

    while (*words) {
        size_t len = strcspn(words, sep);

        if (n-- == 0) {
            snprintf(buffer, size, "%.*s", (int)len, words);
            return true;
        }
        words += len + (words[len] != '\0');
    }
    return false;
}

/* "1min" is "1 min": spaces do not tell words apart. */
static bool same_word(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (*a != *b || !*a)
            return *a == *b;
    }
}

static enum outcome parse_word(const char *words, const char *text, struct parsed *parsed)
{
    char word[80];

    for (size_t i = 0; schema_word(words, i, word, sizeof word); i++) {
        if (same_word(word, text)) {
            parsed->integer = (int64_t)i;
            return GOOD;
        }
    }
    return BAD_WORD;
}

static enum outcome outcome_of(enum units_problem problem)
{
    switch (problem) {
    case UNITS_OK:
        return GOOD;
    case UNITS_LEADING_ZERO:
        return BAD_ZERO;
    case UNITS_TOO_LARGE:
        return BAD_RANGE;
    case UNITS_NO_UNIT:
    case UNITS_UNKNOWN_UNIT:
    case UNITS_DECIMAL_SIZE:
    case UNITS_TOO_FINE:
        return BAD_UNIT;
    case UNITS_NOT_A_NUMBER:
        break;
    }
    return BAD_TYPE;
}

static bool units_of(enum schema_type type, enum units_kind *ret)
{
    static const struct {
        enum schema_type type;
        enum units_kind kind;
    } pairs[] = {
        {SCHEMA_DURATION, UNITS_DURATION},
        {SCHEMA_SIZE,     UNITS_SIZE    },
        {SCHEMA_POWER,    UNITS_POWER   },
        {SCHEMA_ENERGY,   UNITS_ENERGY  },
        {SCHEMA_PERCENT,  UNITS_PERCENT },
        {SCHEMA_RATE,     UNITS_RATE    },
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].type == type) {
            *ret = pairs[i].kind;
            return true;
        }
    }
    return false;
}

static enum outcome parse_number(enum schema_type type, const char *text,
                                 struct parsed *parsed)
{
    enum units_kind kind;
    enum units_problem problem;

    if (type == SCHEMA_INT) {
        problem = units_parse_int(text, &parsed->integer);
        parsed->number = (double)parsed->integer;
        return outcome_of(problem);
    }
    if (type == SCHEMA_NUMBER)
        return outcome_of(units_parse_number(text, &parsed->number));
    if (!units_of(type, &kind))
        return BAD_TYPE;
    problem = units_parse(kind, text, &parsed->number);
    if (problem == UNITS_OK && (type == SCHEMA_DURATION || type == SCHEMA_SIZE))
        parsed->integer = (int64_t)parsed->number;
    return outcome_of(problem);
}

static enum outcome parse_text(const struct schema_key *key, const char *text,
                               struct parsed *parsed)
{
    parsed->text = text;
    if (key->type == SCHEMA_WORD)
        return parse_word(key->words, text, parsed);
    if (key->type == SCHEMA_BOOL)
        return units_parse_bool(text, &parsed->truth) ? GOOD : BAD_TYPE;
    if (key->type == SCHEMA_DATE)
        return units_parse_date(text, &parsed->integer) ? GOOD : BAD_TYPE;
    if (key->type == SCHEMA_TEXT)
        return *text ? GOOD : BAD_TYPE;
    if (key->type == SCHEMA_POINT_REF)
        return ref_is_good(text) ? GOOD : BAD_NAME;
    if (key->type == SCHEMA_NAME || key->type == SCHEMA_SITE_NAME ||
        key->type == SCHEMA_POINT_NAME)
        return name_is_good(key->type, text, strlen(text)) ? GOOD : BAD_NAME;
    return parse_number(key->type, text, parsed);
}

static bool has_range(const struct schema_key *key)
{
    return key->min < key->max;
}

static enum outcome parse(const struct schema_key *key, const char *text,
                          struct parsed *parsed)
{
    enum outcome outcome = parse_text(key, text, parsed);

    if (outcome == GOOD && has_range(key) && key->type >= SCHEMA_INT &&
        key->type < SCHEMA_DATE &&
        (parsed->number < key->min || parsed->number > key->max))
        return BAD_RANGE;
    return outcome;
}

static void store(const struct schema_key *key, const struct parsed *parsed, void *out)
{
    if (!out)
        return;
    if (key->type <= SCHEMA_POINT_REF)
        memcpy(out, &parsed->text, sizeof parsed->text);
    else if (key->type == SCHEMA_BOOL)
        memcpy(out, &parsed->truth, sizeof parsed->truth);
    else if (key->type == SCHEMA_WORD || key->type == SCHEMA_INT ||
             key->type == SCHEMA_DURATION || key->type == SCHEMA_SIZE ||
             key->type == SCHEMA_DATE)
        memcpy(out, &parsed->integer, sizeof parsed->integer);
    else
        memcpy(out, &parsed->number, sizeof parsed->number);
}

void schema_value_default(const struct schema_key *key, void *out)
{
    struct parsed parsed = {0};
    enum outcome outcome = *key->fallback ? parse(key, key->fallback, &parsed) : GOOD;

    assert(outcome == GOOD);
    (void)outcome;
    if (!*key->fallback)
        parsed.text = "";
    store(key, &parsed, out);
}

static void put_amount(struct strbuf *buf, enum schema_type type, double amount)
{
    static const struct {
        enum schema_type type;
        double at_least, divisor;
        const char *suffix;
    } forms[] = {
        {SCHEMA_DURATION, 86400000, 86400000, " d"  },
        {SCHEMA_DURATION, 3600000,  3600000,  " h"  },
        {SCHEMA_DURATION, 120000,   60000,    " min"},
        {SCHEMA_DURATION, 1000,     1000,     " s"  },
        {SCHEMA_DURATION, 0,        1,        " ms" },
        {SCHEMA_SIZE,     0x1p40,   0x1p40,   " TiB"},
        {SCHEMA_SIZE,     0x1p30,   0x1p30,   " GiB"},
        {SCHEMA_SIZE,     0,        0x1p20,   " MiB"},
        {SCHEMA_POWER,    1000,     1000,     " kW" },
        {SCHEMA_POWER,    0,        1,        " W"  },
        {SCHEMA_ENERGY,   1000,     1000,     " kWh"},
        {SCHEMA_ENERGY,   0,        1,        " Wh" },
        {SCHEMA_PERCENT,  0,        1,        " %"  },
        {SCHEMA_RATE,     0,        1,        "/s"  },
    };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (forms[i].type == type && amount >= forms[i].at_least) {
            strbuf_put_double(buf, amount / forms[i].divisor);
            strbuf_puts(buf, forms[i].suffix);
            return;
        }
    }
    strbuf_put_double(buf, amount);
}

static void put_words(struct strbuf *buf, const char *words)
{
    char word[80];

    strbuf_puts(buf, "one of ");
    for (size_t i = 0; schema_word(words, i, word, sizeof word); i++)
        strbuf_printf(buf, "%s%s", i ? ", " : "", word);
}

static const char *kind_text(enum schema_type type)
{
    static const char *const kinds[] = {
        [SCHEMA_TEXT] = "text",
        [SCHEMA_SITE_NAME] = "1 to 63 of a-z, 0-9 and '-'",
        [SCHEMA_NAME] = "a name: a-z first, then a-z, 0-9, '_' or '-', at most 63",
        [SCHEMA_POINT_NAME] = "a point name: a-z first, then a-z, 0-9 or '_', at most 63",
        [SCHEMA_POINT_REF] = "a point as DEVICE.POINT",
        [SCHEMA_WORD] = "",
        [SCHEMA_BOOL] = "on or off (also yes, no, true, false)",
        [SCHEMA_INT] = "a whole number, decimal or 0x",
        [SCHEMA_NUMBER] = "a number",
        [SCHEMA_DATE] = "a date as YYYY-MM-DD",
        [SCHEMA_MAP] = "a mapping of keys and values",
        [SCHEMA_LIST] = "a list",
        [SCHEMA_ANY] = "a value",
    };
    enum units_kind kind;

    return units_of(type, &kind) ? units_expected(kind) : kinds[type];
}

const char *schema_value_expected(const struct schema_key *key)
{
    static _Thread_local char text[500];
    struct strbuf buf;

    strbuf_init(&buf);
    strbuf_puts(&buf, kind_text(key->type));
    if (key->type == SCHEMA_WORD)
        put_words(&buf, key->words);
    if (has_range(key)) {
        strbuf_puts(&buf, " from ");
        put_amount(&buf, key->type, key->min);
        strbuf_puts(&buf, " to ");
        put_amount(&buf, key->type, key->max);
    }
    snprintf(text, sizeof text, "%s", buf.data ? buf.data : "");
    strbuf_done(&buf);
    return text;
}

/* The nearest word, in `best`; words with spaces in them are offered whole. */
static bool suggest_word(const char *words, const char *text, char *best, size_t size)
{
    struct suggest suggest = {.word = text};
    char word[80];
    bool found = false;

    for (size_t i = 0; schema_word(words, i, word, sizeof word); i++) {
        unsigned before = suggest.best ? suggest.distance : 3;

        suggest_offer(&suggest, word);
        if (suggest.best && suggest.distance < before) {
            snprintf(best, size, "%s", word);
            found = true;
        }
    }
    return found;
}

static void report_value(struct config_report *report, const struct schema_key *key,
                         const struct tree_node *node, enum outcome outcome)
{
    char best[80] = "", hint[160] = "";

    if (outcome == BAD_ZERO)
        snprintf(hint, sizeof hint,
                 "; a leading zero could mean octal: write it without, or hexadecimal as "
                 "0x10");
    else if (outcome == BAD_WORD &&
             suggest_word(key->words, node->text, best, sizeof best))
        snprintf(hint, sizeof hint, "; did you mean '%s'?", best);
    else if (outcome == BAD_UNIT && key->type == SCHEMA_SIZE && strchr(node->text, 'B'))
        snprintf(hint, sizeof hint, "; sizes count in KiB, MiB, GiB (1024)");
    report_error(report, node->place, outcome_codes[outcome],
                 "bad value '%s' for '%s', expected %s%s", report_quote(node->text),
                 key->key, schema_value_expected(key), hint);
}

static bool read_node(struct config_report *report, const struct schema_key *key,
                      const struct tree_node *node, void *out)
{
    bool fits = key->type == SCHEMA_ANY ||
                node->kind == (key->type == SCHEMA_MAP ? TREE_MAP : TREE_LIST);

    if (key->type != SCHEMA_ANY && yaml_tree_is_null(node))
        return true;
    if (!fits) {
        report_error(report, node->place, "config-type", "'%s' is %s here, expected %s",
                     key->key, yaml_tree_kind_name(node), kind_text(key->type));
        return false;
    }
    if (out)
        memcpy(out, &node, sizeof node);
    return true;
}

bool schema_read_value(struct config_report *report, const struct schema_key *key,
                       const struct tree_node *node, void *out)
{
    struct parsed parsed = {0};
    enum outcome outcome;

    if (node->kind == TREE_BROKEN)
        return false;
    if (key->type >= SCHEMA_MAP)
        return read_node(report, key, node, out);
    if (node->kind != TREE_SCALAR) {
        report_error(report, node->place, "config-type", "'%s' is %s here, expected %s",
                     key->key, yaml_tree_kind_name(node), schema_value_expected(key));
        return false;
    }
    outcome = parse(key, node->text, &parsed);
    if (outcome == GOOD)
        store(key, &parsed, out);
    else
        report_value(report, key, node, outcome);
    return outcome == GOOD;
}
