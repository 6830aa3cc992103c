/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an address belongs to the home's own network: loopback, or inside the prefix of
 * one of the box's interfaces (getifaddrs). For the rule on `recipient: self`.
 */
#include "lib/consent/consent_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* An address as its bytes in network order: 4 of IPv4 or 16 of IPv6. */
struct raw_address {
    uint8_t bytes[16];
    size_t size;
};

static bool parse_address(const char *text, struct raw_address *ret)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    char copy[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
    size_t len = strcspn(text, "%");

    if (len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET, copy, ret->bytes) == 1) {
        ret->size = 4;
        return true;
    }
    if (inet_pton(AF_INET6, copy, ret->bytes) != 1)
        return false;
    ret->size = 16;
    /* ::ffff:192.0.2.1 reaches the IPv4 host: it is judged as that */
    if (memcmp(ret->bytes, mapped, sizeof mapped) == 0) {
        memmove(ret->bytes, ret->bytes + 12, 4);
        ret->size = 4;
    }
    return true;
}

static bool is_loopback(const struct raw_address *address)
{
    static const uint8_t loopback6[16] = {[15] = 1};

    if (address->size == 4)
        return address->bytes[0] == 127;
    return memcmp(address->bytes, loopback6, sizeof loopback6) == 0;
}

static bool raw_of(const struct sockaddr *sockaddr, struct raw_address *ret)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (!sockaddr)
        return false;
    if (sockaddr->sa_family == AF_INET) {
        memcpy(&in, sockaddr, sizeof in);
        memcpy(ret->bytes, &in.sin_addr, 4);
        ret->size = 4;
        return true;
    }
    if (sockaddr->sa_family == AF_INET6) {
        memcpy(&in6, sockaddr, sizeof in6);
        memcpy(ret->bytes, &in6.sin6_addr, 16);
        ret->size = 16;
        return true;
    }
    return false;
}

static bool same_network(const struct raw_address *address,
                         const struct ifaddrs *interface)
{
    struct raw_address own, mask;
    uint8_t any = 0;

    if (!raw_of(interface->ifa_addr, &own) || !raw_of(interface->ifa_netmask, &mask) ||
        own.size != address->size || mask.size != address->size)
        return false;
    for (size_t i = 0; i < address->size; i++) {
        if ((address->bytes[i] ^ own.bytes[i]) & mask.bytes[i])
            return false;
        any |= mask.bytes[i];
    }
    return any != 0; /* a mask of zeros would make the whole internet our home */
}

bool consent_address_is_local(const char *address)
{
    struct raw_address raw;
    struct ifaddrs *interfaces;
    bool local = false;

    if (!address || !parse_address(address, &raw))
        return false;
    if (is_loopback(&raw))
        return true;
    if (getifaddrs(&interfaces) < 0)
        return false;
    for (struct ifaddrs *i = interfaces; i && !local; i = i->ifa_next)
        if ((i->ifa_flags & IFF_UP) && !(i->ifa_flags & IFF_POINTOPOINT))
            local = same_network(&raw, i);
    freeifaddrs(interfaces);
    return local;
}
