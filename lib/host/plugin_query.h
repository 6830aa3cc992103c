/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a plugin without loading it: gateway-devhost is started, asked, and has
 * ended when the answer is here. Blocks its caller, with a deadline; any thread.
 */
#ifndef GATEWAYD_HOST_PLUGIN_QUERY_H
#define GATEWAYD_HOST_PLUGIN_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/plugin.h"
#include "lib/base/strbuf.h"

#define PLUGIN_QUERY_OPTIONS_MS 2000
#define PLUGIN_QUERY_CHECK_MS 10000
#define PLUGIN_QUERY_SCAN_MS 120000
#define PLUGIN_QUERY_ANSWER_MAX (16u * 1024 * 1024)

/* The plugin's table of options, ended by key NULL. Kept for the life of the process (or
 * until plugin_query_forget), so that it is asked once; failures are asked again. NULL:
 * *ret_reason says why in a sentence (valid until the next call). devhost: path of
 * gateway-devhost; plugin_dir may be several, ':' between them. */
const struct gw_option *plugin_query_options(const char *devhost, const char *plugin_dir,
                                             const char *plugin, const char **ret_reason);
/* The same, asking no longer than until then: several questions share one deadline. */
const struct gw_option *plugin_query_options_until(const char *devhost,
                                                   const char *plugin_dir,
                                                   const char *plugin,
                                                   int64_t end_boot_ns,
                                                   const char **ret_reason);
/* Frees all tables: none may be in use any more. A reload after an upgrade asks anew. */
void plugin_query_forget(void);

/* Runs `gateway-devhost --check -` on an encoded host_config; its lines (devhost/ask.h)
 * are appended to ret_lines, its stderr to ret_errors. The exit code (0, or 1 when it
 * found an error), -ETIMEDOUT, -EPIPE when it was killed, or -errno. */
int plugin_query_check(const char *devhost, const struct strbuf *host_config,
                       struct strbuf *ret_lines, struct strbuf *ret_errors);
/* The same with `--scan -`: lines of kind "found". */
int plugin_query_scan(const char *devhost, const struct strbuf *host_config,
                      struct strbuf *ret_lines, struct strbuf *ret_errors);

#endif
