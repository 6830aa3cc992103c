/* SPDX-License-Identifier: Apache-2.0 */
/* HOST:PORT with IPv6 in brackets; see endpoint.h. */
#include "lib/config/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "lib/config/units.h"

static bool host_is_good(const char *host, bool is_ipv6)
{
    struct in6_addr address;

    if (is_ipv6)
        return inet_pton(AF_INET6, host, &address) == 1;
    if (!*host || *host == '-' || *host == '.')
        return false;
    for (; *host; host++)
        if (!isalnum((unsigned char)*host) && !strchr("-._", *host))
            return false;
    return true;
}

/* The host's part of text into the buffer; what follows it, or NULL. */
static const char *split(const char *text, char *host, size_t size, bool *ret_ipv6)
{
    const char *start = text + (*text == '[');
    const char *end = *text == '[' ? strchr(text, ']') : text + strcspn(text, ":");

    *ret_ipv6 = *text == '[';
    if (!end || (size_t)(end - start) >= size)
        return NULL;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    return end + *ret_ipv6;
}

bool endpoint_parse(const char *text, char *host, size_t size, uint16_t fallback,
                    uint16_t *ret_port)
{
    bool is_ipv6 = false;
    const char *rest = split(text, host, size, &is_ipv6);
    int64_t port = fallback;

    if (!rest || !host_is_good(host, is_ipv6))
        return false;
    if (*rest == ':' && (!isdigit((unsigned char)rest[1]) ||
                         units_parse_int(rest + 1, &port) != UNITS_OK || port > 65535))
        return false;
    if (*rest && *rest != ':')
        return false;
    *ret_port = (uint16_t)port;
    return *rest || fallback;
}
