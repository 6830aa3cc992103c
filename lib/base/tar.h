/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of plain files in a POSIX (ustar) archive, so that tar(1) reads our backups and
 * we read them. Pure. An archive is head, content, padding for each file, then TAR_END
 * zero bytes. */
#ifndef GATEWAYD_BASE_TAR_H
#define GATEWAYD_BASE_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAR_BLOCK 512
#define TAR_END 1024
#define TAR_NAME 101 /* with the NUL */

struct tar_entry {
    char name[TAR_NAME];
    uint64_t size;
    int64_t t_wall_s;
};

/* False: the name or the size does not fit. */
bool tar_put_head(const struct tar_entry *entry, uint8_t ret_head[TAR_BLOCK]);
/* 1: a plain file; 0: the end (a block of zeros); -EBADMSG: no head, or of something that
 * is no plain file. */
int tar_get_head(const uint8_t head[TAR_BLOCK], struct tar_entry *ret_entry);

/* Zeros behind the content. */
static inline size_t tar_padding(uint64_t size)
{
    return (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}

#endif
