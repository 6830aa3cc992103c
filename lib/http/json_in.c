/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside: bodies of requests (API), answers (gatewayctl); see json_in.h. */
#include "lib/http/json_in.h"

#include <stdio.h>
#include <string.h>

/* jansson recurses with the nesting, up to 2048 deep: too much for a small stack. */
static bool depth_is_fine(const char *data, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        if (data[i] == '"')
            in_string = !in_string;
        else if (in_string && data[i] == '\\')
            i++;
        else if (!in_string && (data[i] == '{' || data[i] == '['))
            depth++;
        else if (!in_string && (data[i] == '}' || data[i] == ']') && depth)
            depth--;
        if (depth > JSON_IN_DEPTH_MAX)
            return false;
    }
    return true;
}

json_t *json_in_object(const char *data, size_t len, char *ret_error, size_t error_size)
{
    json_error_t error;
    json_t *root;

    if (!depth_is_fine(data, len)) {
        snprintf(ret_error, error_size, "nested deeper than %d", JSON_IN_DEPTH_MAX);
        return NULL;
    }
    root = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        snprintf(ret_error, error_size, "line %d, column %d: %s", error.line,
                 error.column, error.text);
    if (root && !json_is_object(root)) {
        snprintf(ret_error, error_size, "expected an object");
        json_decref(root);
        root = NULL;
    }
    return root;
}

static bool is_known(const char *key, const char *const *known)
{
    for (; *known; known++)
        if (strcmp(key, *known) == 0)
            return true;
    return false;
}

const char *json_in_unknown_key(json_t *object, const char *const *known)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) if (!is_known(key, known)) return key;
    return NULL;
}
