/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets of the HTTP server: a Unix socket with group rights, a loopback port.
 */
#ifndef GATEWAYD_HTTP_HTTP_LISTEN_H
#define GATEWAYD_HTTP_HTTP_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

#define HTTP_ADDRESS_MAX 64 /* "[IPv6]:port" with its NUL */

/* Binds `path` with mode 0660 and, if it exists and we may, that group. A socket nobody
 * listens on is replaced; a live one is -EADDRINUSE; anything that is no socket stays and
 * is -EEXIST. Returns the descriptor, non-blocking and CLOEXEC, or -errno with *reterr.
 */
int http_listen_unix(const char *path, const char *group, struct gw_error *reterr);
/* Unlinks `path` if it still is the socket of fd's making (call before closing fd). */
void http_listen_unlink(const char *path, uint64_t inode);
/* Inode of the socket's name, 0 if it cannot be told. */
uint64_t http_listen_inode(const char *path);

/* Binds "127.0.0.1:8480", "[::1]:0", "localhost:80"; literal addresses only, loopback
 * only: -EACCES for others, until there is pairing. ret_bound: "127.0.0.1:41753". */
int http_listen_tcp(const char *address, char ret_bound[HTTP_ADDRESS_MAX],
                    struct gw_error *reterr);

#endif
