/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one load: handed out in pieces, freed at once. One thread. */
#ifndef GATEWAYD_CONFIG_ARENA_H
#define GATEWAYD_CONFIG_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void); /* NULL: no memory */
void arena_free(struct arena *arena);

/* Zeroed, aligned for any type, lives until arena_free; NULL: no memory. */
void *arena_alloc(struct arena *arena, size_t size);
/* A NUL-terminated copy. */
char *arena_copy(struct arena *arena, const void *text, size_t len);

#endif
