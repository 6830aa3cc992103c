/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), in pieces: sums of backups that sha256sum(1) can check. Pure. */
#ifndef GATEWAYD_BASE_SHA256_H
#define GATEWAYD_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_HEX 65 /* with the NUL */

struct sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    uint8_t block[64];
};

void sha256_init(struct sha256 *sum);
void sha256_add(struct sha256 *sum, const void *data, size_t size);
/* Ends it: 64 lower-case hex digits. */
void sha256_finish(struct sha256 *sum, char ret_hex[SHA256_HEX]);

#endif
