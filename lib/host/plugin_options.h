/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin's table of options as text, so that the core can check configurations without
 * loading foreign code: a host process prints it, the core parses it. Pure.
 *
 *   "gateway-plugin-options 1" TAB name TAB version TAB description NL
 *   scope TAB type TAB flags TAB min TAB max TAB key TAB fallback TAB words TAB help NL
 * ... "end" NL
 *
 * In a field a backslash, TAB and NL are written \\ \t \n, and an absent (NULL) text is
 * \0; an empty field is the empty text.
 */
#ifndef GATEWAYD_HOST_PLUGIN_OPTIONS_H
#define GATEWAYD_HOST_PLUGIN_OPTIONS_H

#include <stddef.h>

#include "gateway/plugin.h"
#include "lib/base/strbuf.h"

void plugin_options_print(const struct gw_plugin *plugin, struct strbuf *buf);
/* On success 0 and a table ended by key NULL, free it with plugin_options_free; -EBADMSG
 * when the text is malformed or cut short, -ENOMEM. */
int plugin_options_parse(const char *text, size_t len, struct gw_option **ret_table);
void plugin_options_free(struct gw_option *table); /* NULL is fine */

#endif
