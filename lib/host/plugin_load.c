/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlopen, gw_plugin_init, and the negotiation: the copy holds min(both sizes), so a
 * plugin of an older header shows NULL for the callbacks it never knew. Never closed: a
 * late thread of a library inside would run into unmapped code.
 */
#include "lib/host/plugin_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `write` was the first optional callback of ABI 1. */
#define MIN_SIZE offsetof(struct gw_plugin, write)

int plugin_load_negotiate(const struct gw_plugin *descriptor, const char *name,
                          struct gw_plugin *ret_plugin, struct gw_error *reterr)
{
    struct gw_plugin copy = {0};
    size_t size = descriptor->struct_size;

    if (size < MIN_SIZE || size > 64 * 1024)
        return error_set(
            reterr, -EINVAL, "plugin-size",
            "plugin '%s': its descriptor says %zu bytes, at least %zu expected; "
            "set struct_size to sizeof(struct gw_plugin)",
            name, size, MIN_SIZE);
    if (descriptor->abi == 0 || descriptor->abi > GW_PLUGIN_ABI)
        return error_set(reterr, -EINVAL, "plugin-abi",
                         "plugin '%s' was built for ABI %u, this program speaks 1 to %u",
                         name, (unsigned)descriptor->abi, GW_PLUGIN_ABI);
    memcpy(&copy, descriptor, size < sizeof copy ? size : sizeof copy);
    copy.struct_size = sizeof copy;
    if (!copy.name || strcmp(copy.name, name) != 0)
        return error_set(
            reterr, -EINVAL, "plugin-name",
            "plugin file '%s.so' calls itself '%s'; both names must be equal", name,
            copy.name ? copy.name : "");
    if (!copy.open || !copy.describe || !copy.read || !copy.close || !copy.options)
        return error_set(reterr, -EINVAL, "plugin-callback",
                         "plugin '%s' lacks %s, which every plugin must have", name,
                         !copy.open       ? "open"
                         : !copy.describe ? "describe"
                         : !copy.read     ? "read"
                         : !copy.close    ? "close"
                                          : "a table of options");
    *ret_plugin = copy;
    return 0;
}

static bool find_file(const char *dirs, const char *name, char path[PATH_MAX])
{
    while (*dirs) {
        size_t len = strcspn(dirs, ":");

        if (snprintf(path, PATH_MAX, "%.*s/%s.so", (int)len, dirs, name) < PATH_MAX &&
            access(path, F_OK) == 0)
            return true;
        dirs += len;
        dirs += *dirs == ':';
    }
    return false;
}

static int call_init(void *object, const char *path,
                     const struct gw_plugin **ret_descriptor, struct gw_error *reterr)
{
    const struct gw_plugin *(*init)(uint32_t);
    void *symbol = dlsym(object, "gw_plugin_init");

    if (!symbol)
        return error_set(reterr, -EINVAL, "plugin-symbol",
                         "%s exports no gw_plugin_init: not a plugin of this program",
                         path);
    memcpy(&init, &symbol, sizeof init);
    *ret_descriptor = init(GW_PLUGIN_ABI);
    if (!*ret_descriptor)
        return error_set(reterr, -EINVAL, "plugin-refused",
                         "%s refuses to run under plugin ABI %u", path, GW_PLUGIN_ABI);
    return 0;
}

int plugin_load(const char *dirs, const char *name, struct gw_plugin **ret_plugin,
                struct gw_error *reterr)
{
    const struct gw_plugin *descriptor = NULL;
    struct gw_plugin *plugin;
    char path[PATH_MAX];
    void *object;
    int rc;

    if (!*name || strchr(name, '/') || strchr(name, '.'))
        return error_set(reterr, -EINVAL, "plugin-name", "'%s' is no name of a plugin",
                         name);
    if (!find_file(dirs, name, path))
        return error_set(reterr, -ENOENT, "plugin-missing", "plugin '%s': no %s.so in %s",
                         name, name, dirs);
    object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return error_set(reterr, -EINVAL, "plugin-open", "plugin '%s': %s", name,
                         dlerror());
    rc = call_init(object, path, &descriptor, reterr);
    if (rc < 0)
        return rc;
    plugin = calloc(1, sizeof *plugin);
    if (!plugin)
        return error_set(reterr, -ENOMEM, "no-memory", "plugin '%s': no memory", name);
    rc = plugin_load_negotiate(descriptor, name, plugin, reterr);
    if (rc < 0)
        free(plugin);
    else
        *ret_plugin = plugin;
    return rc;
}
