/* SPDX-License-Identifier: Apache-2.0 */
/* Finds map files by name in the map directories and their subfolders. Part of a load. */
#ifndef GATEWAYD_CONFIG_MAP_FIND_H
#define GATEWAYD_CONFIG_MAP_FIND_H

#include "lib/config/load.h"

/* `name` with or without .yaml, in any subfolder; the first directory that has it wins.
 * Borrowed from the load; NULL: reported with a hint. */
const char *map_find_path(struct load *load, struct place place, const char *name);

#endif
