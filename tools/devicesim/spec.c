/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the device simulator: one table, one small setter each. */
#include "tools/devicesim/spec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

void spec_init(struct spec *spec)
{
    memset(spec, 0, sizeof *spec);
    spec->speed = 1;
    spec->seed = 1;
}

void spec_done(struct spec *spec)
{
    free(spec->file_text);
}

/* Words of an endpoint are refused before the first one: spec_set. */
static struct spec_endpoint *last(struct spec *spec)
{
    return &spec->endpoints[spec->n_endpoints ? spec->n_endpoints - 1 : 0];
}

static int parse_unsigned(const char *text, unsigned most, unsigned *ret_number)
{
    char *end;
    unsigned long number = strtoul(text, &end, 0);

    if (end == text || *end || number > most)
        return -EINVAL;
    *ret_number = (unsigned)number;
    return 0;
}

static struct spec_endpoint *add(struct spec *spec)
{
    struct spec_endpoint *endpoint;

    if (spec->n_endpoints == SPEC_ENDPOINTS_MAX)
        return NULL;
    endpoint = &spec->endpoints[spec->n_endpoints++];
    *endpoint = (struct spec_endpoint){
        .count = 1, .n_registers = 100, .n_bits = 32, .content = IMAGE_PLAIN};
    return endpoint;
}

static int set_tcp(struct spec *spec, const char *value)
{
    struct spec_endpoint *endpoint = add(spec);
    const char *colon = strrchr(value, ':');
    size_t len = colon ? (size_t)(colon - value) : 0;
    unsigned port;

    if (!endpoint || !colon || parse_unsigned(colon + 1, 65535, &port) < 0)
        return -EINVAL;
    if (value[0] == '[' && len >= 2 && value[len - 1] == ']') {
        value++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof endpoint->host)
        return -EINVAL;
    memcpy(endpoint->host, value, len);
    endpoint->port = (uint16_t)port;
    return 0;
}

static int set_rtu(struct spec *spec, const char *value)
{
    struct spec_endpoint *endpoint = add(spec);

    (void)value;
    if (!endpoint)
        return -EINVAL;
    endpoint->is_rtu = true;
    endpoint->baud = 9600;
    endpoint->turnaround_ns = -1;
    return 0;
}

static int set_count(struct spec *spec, const char *value)
{
    return parse_unsigned(value, 1000, &last(spec)->count);
}

static int set_registers(struct spec *spec, const char *value)
{
    return parse_unsigned(value, 65536, &last(spec)->n_registers);
}

static int set_bits(struct spec *spec, const char *value)
{
    return parse_unsigned(value, 65536, &last(spec)->n_bits);
}

static int set_max_registers(struct spec *spec, const char *value)
{
    return parse_unsigned(value, 125, &last(spec)->max_words);
}

static int set_baud(struct spec *spec, const char *value)
{
    return parse_unsigned(value, 4000000, &last(spec)->baud);
}

/* "1,5,10-12" */
static int set_units(struct spec *spec, const char *value)
{
    struct spec_endpoint *endpoint = last(spec);

    endpoint->n_units = 0;
    while (*value) {
        char *end;
        unsigned long from = strtoul(value, &end, 10), to = from;

        if (*end == '-')
            to = strtoul(end + 1, &end, 10);
        if (end == value || (*end && *end != ',') || to > 255 || from > to)
            return -EINVAL;
        for (; from <= to && endpoint->n_units < SPEC_UNITS_MAX; from++)
            endpoint->units[endpoint->n_units++] = (uint8_t)from;
        value = *end ? end + 1 : end;
    }
    return 0;
}

/* "3ms", "3 ms" without the blank, "500us"; a bare number counts ms. */
static int set_turnaround(struct spec *spec, const char *value)
{
    char *end;
    double number = strtod(value, &end);

    if (end == value || number < 0)
        return -EINVAL;
    if (strcmp(end, "us") == 0)
        number /= 1000;
    else if (*end && strcmp(end, "ms") != 0)
        return -EINVAL;
    last(spec)->turnaround_ns = (int64_t)(number * (double)CLOCK_NS_PER_MS);
    return 0;
}

static int set_content(struct spec *spec, const char *value)
{
    static const struct {
        const char *word;
        enum image_content content;
    } words[] = {
        {"plain",   IMAGE_PLAIN  },
        {"counter", IMAGE_COUNTER},
        {"sine",    IMAGE_SINE   },
        {"address", IMAGE_ADDRESS}
    };

    if (strncmp(value, "constant:", 9) == 0) {
        last(spec)->content = IMAGE_CONSTANT;
        last(spec)->constant = strtof(value + 9, NULL);
        return 0;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i].word) == 0) {
            last(spec)->content = words[i].content;
            return 0;
        }
    }
    return -EINVAL;
}

#define SET_TEXT(name, target)                                                           \
    static int set_##name(struct spec *spec, const char *value)                          \
    {                                                                                    \
        target = value;                                                                  \
        return 0;                                                                        \
    }
SET_TEXT(image, last(spec)->image_path)
SET_TEXT(model, last(spec)->model)
SET_TEXT(identity, last(spec)->identity)
SET_TEXT(link, last(spec)->link)
SET_TEXT(ready, spec->ready_path)
SET_TEXT(ledger, spec->ledger_path)
SET_TEXT(writes, spec->writes_path)
SET_TEXT(control, spec->control_path)
SET_TEXT(script, spec->script)

static int set_speed(struct spec *spec, const char *value)
{
    spec->speed = strtod(value, NULL);
    return spec->speed > 0 && spec->speed <= 100000 ? 0 : -EINVAL;
}

static int set_seed(struct spec *spec, const char *value)
{
    return parse_unsigned(value, 0xffffffffu, &spec->seed);
}

static int set_home(struct spec *spec, const char *value)
{
    return spec_add_home(spec, value);
}

int spec_add_home(struct spec *spec, const char *address)
{
    static const char *const models[] = {"meter", "inverter", "battery", "relay"};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof models / sizeof models[0]; i++) {
        rc = set_tcp(spec, address);
        if (rc == 0)
            last(spec)->model = models[i];
    }
    return rc;
}

#define WORD(word, of_endpoint, has_value, set, help)                                    \
    {                                                                                    \
        word, of_endpoint, has_value, set, help                                          \
    }

static const struct {
    const char *word;
    bool of_endpoint, has_value;
    int (*set)(struct spec *spec, const char *value);
    const char *help;
} words[] = {
    WORD("tcp", false, true, set_tcp,
         "HOST:PORT begins a Modbus TCP endpoint; port 0: any"),
    WORD("rtu", false, false, set_rtu, "begins a Modbus RTU line on a pseudo terminal"),
    WORD("home", false, true, set_home,
         "HOST:0 begins four endpoints: meter, inverter, battery, relay of one home"),
    WORD("count", true, true, set_count, "N ports like this one"),
    WORD("units", true, true, set_units, "LIST like 1,5,10-12; TCP without it: any unit"),
    WORD("registers", true, true, set_registers,
         "N input and holding registers from 0 (100)"),
    WORD("bits", true, true, set_bits, "N coils and discrete inputs from 0 (32)"),
    WORD("content", true, true, set_content,
         "plain, counter, constant:V, sine or address"),
    WORD("image", true, true, set_image, "FILE of lines TABLE ADDRESS [TYPE] VALUE"),
    WORD("model", true, true, set_model, "inverter, battery, meter or relay of the home"),
    WORD("max-registers", true, true, set_max_registers, "N a request may ask for (125)"),
    WORD("identity", true, true, set_identity,
         "VENDOR,PRODUCT,REVISION for function 43/14"),
    WORD("baud", true, true, set_baud, "line speed (9600); 0: no line time"),
    WORD("turnaround", true, true, set_turnaround,
         "time before a reply, like 3ms (RTU: 3.5 characters; TCP: 0)"),
    WORD("link", true, true, set_link, "PATH of a symlink to the pseudo terminal"),
    WORD("ready-file", false, true, set_ready, "FILE written when all is open"),
    WORD("ledger", false, true, set_ledger, "FILE with a line for every read reply sent"),
    WORD("writes", false, true, set_writes, "FILE with a line for every point written"),
    WORD("control", false, true, set_control, "PATH of a Unix socket that takes faults"),
    WORD("speed", false, true, set_speed, "N seconds of the home in a second (1)"),
    WORD("script", false, true, set_script,
         "FILE with the home's day (else a built-in one)"),
    WORD("seed", false, true, set_seed, "N for noise and faults (1)"),
};

#define N_WORDS (sizeof words / sizeof words[0])

bool spec_needs_value(const char *word)
{
    return strcmp(word, "rtu") != 0;
}

int spec_set(struct spec *spec, const char *word, const char *value)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        if (strcmp(words[i].word, word) != 0)
            continue;
        if (words[i].of_endpoint && spec->n_endpoints == 0)
            return -ENODEV;
        return words[i].has_value && !value ? -EINVAL : words[i].set(spec, value);
    }
    return -ENOENT;
}

static char *slurp(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = file ? calloc(1, 65536) : NULL;

    if (text)
        text[fread(text, 1, 65535, file)] = 0;
    if (file)
        fclose(file);
    return text;
}

static void blank_comments(char *text)
{
    for (char *c = strchr(text, '#'); c; c = strchr(c, '#'))
        while (*c && *c != '\n')
            *c++ = ' ';
}

int spec_load(struct spec *spec, const char *path, const char **ret_word)
{
    char *rest = NULL, *word;
    int rc = 0;

    *ret_word = path;
    if (spec->file_text || !(spec->file_text = slurp(path)))
        return spec->file_text ? -EEXIST : -errno;
    blank_comments(spec->file_text);
    word = strtok_r(spec->file_text, " \t\n", &rest);
    while (rc == 0 && word) {
        char *value = strchr(word, '=');

        *ret_word = word;
        if (value)
            *value++ = 0;
        rc = spec_set(spec, word, value);
        word = strtok_r(NULL, " \t\n", &rest);
    }
    return rc;
}

void spec_help(void)
{
    for (size_t i = 0; i < N_WORDS; i++)
        printf("  --%-14s %s\n", words[i].word, words[i].help);
}
