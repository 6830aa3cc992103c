/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one load of the configuration. A load makes some ten thousand small nodes
 * that all die together: one chain of chunks, no free of a single piece.
 */
#include "lib/config/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)32 * 1024)

struct chunk {
    struct chunk *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};

struct arena {
    struct chunk *chunks;
};

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    while (arena->chunks) {
        struct chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        free(chunk);
    }
    free(arena);
}

static struct chunk *add_chunk(struct arena *arena, size_t need)
{
    size_t size = need > CHUNK_SIZE ? need : CHUNK_SIZE;
    struct chunk *chunk = calloc(1, sizeof *chunk + size);

    if (!chunk)
        return NULL;
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    size_t need = (size + align - 1) / align * align;
    struct chunk *chunk = arena->chunks;
    void *piece;

    if (!chunk || chunk->size - chunk->used < need)
        chunk = add_chunk(arena, need);
    if (!chunk)
        return NULL;
    piece = chunk->data + chunk->used;
    chunk->used += need;
    return piece;
}

char *arena_copy(struct arena *arena, const void *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    if (copy && len)
        memcpy(copy, text, len);
    return copy;
}
