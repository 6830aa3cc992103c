/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets for the HTTP server. A Unix socket appears under its name only when
 * rights are set, so that nobody connects in between. Called at start and at a reload.
 */
#include "lib/http/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 32
#define SOCKET_FLAGS (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)

/* /etc/group alone: the name service could load modules or ask the network. */
static gid_t find_group(const char *name)
{
    FILE *file = fopen("/etc/group", "re");
    gid_t gid = (gid_t)-1;
    struct group *entry;

    if (!file)
        return gid;
    while (gid == (gid_t)-1 && (entry = fgetgrent(file)))
        if (strcmp(entry->gr_name, name) == 0)
            gid = entry->gr_gid;
    fclose(file);
    return gid;
}

static int make_address(const char *path, const char *suffix, struct sockaddr_un *ret)
{
    int len;

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    len = snprintf(ret->sun_path, sizeof ret->sun_path, "%s%s", path, suffix);
    return len < 0 || (size_t)len >= sizeof ret->sun_path ? -ENAMETOOLONG : 0;
}

static bool someone_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    bool answer;

    if (fd < 0)
        return false;
    answer = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
             errno == EAGAIN;
    close(fd);
    return answer;
}

/* May the name be (re)placed? */
static int check_name(const char *path, const struct sockaddr_un *address,
                      struct gw_error *reterr)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return error_set(reterr, -EEXIST, "api-socket",
                         "%s exists and is no socket: remove it or choose another name",
                         path);
    if (someone_listens(address))
        return error_set(reterr, -EADDRINUSE, "api-socket",
                         "another process listens on %s: is gatewayd running already?",
                         path);
    return 0;
}

/* Binds under a name of its own, sets the rights, listens, and only then takes the name.
 */
static int bind_and_rename(int fd, const char *path, const char *group)
{
    struct sockaddr_un temporary;
    gid_t gid = group ? find_group(group) : (gid_t)-1;
    int rc = make_address(path, ".new", &temporary);

    if (rc < 0)
        return rc;
    unlink(temporary.sun_path);
    if (bind(fd, (struct sockaddr *)&temporary, sizeof temporary) < 0)
        return -errno;
    if (gid != (gid_t)-1 && chown(temporary.sun_path, (uid_t)-1, gid) < 0)
        errno = 0; /* not ours to give: then the socket is for our own user */
    if (chmod(temporary.sun_path, 0660) < 0 || listen(fd, BACKLOG) < 0 ||
        rename(temporary.sun_path, path) < 0) {
        rc = -errno;
        unlink(temporary.sun_path);
    }
    return rc;
}

int http_listen_unix(const char *path, const char *group, struct gw_error *reterr)
{
    struct sockaddr_un address;
    int fd, rc;

    if (make_address(path, "", &address) < 0)
        return error_set(reterr, -ENAMETOOLONG, "api-socket",
                         "the socket's name is longer than a socket allows: %.150s",
                         path);
    rc = check_name(path, &address, reterr);
    if (rc < 0)
        return rc;
    fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (fd < 0)
        return error_set(reterr, -errno, "api-socket", "socket: %s",
                         error_errno_text(errno));
    rc = bind_and_rename(fd, path, group);
    if (rc == 0)
        return fd;
    close(fd);
    return error_set(reterr, rc, "api-socket", "cannot listen on %s: %s", path,
                     error_errno_text(rc));
}

uint64_t http_listen_inode(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) ? (uint64_t)st.st_ino : 0;
}

void http_listen_unlink(const char *path, uint64_t inode)
{
    if (inode && http_listen_inode(path) == inode)
        unlink(path);
}

/* ---- TCP ------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Splits "[::1]:80" or "127.0.0.1:80"; false when it is neither. */
static bool split(const char *text, char host[HTTP_ADDRESS_MAX], in_port_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    unsigned long port;
    char *end;

    if (!len || len >= HTTP_ADDRESS_MAX || colon[1] < '0' || colon[1] > '9')
        return false;
    port = strtoul(colon + 1, &end, 10);
    if (*end || port > 65535)
        return false;
    *ret_port = (in_port_t)port;
    if (text[0] == '[' && text[len - 1] == ']')
        snprintf(host, HTTP_ADDRESS_MAX, "%.*s", (int)len - 2, text + 1);
    else
        snprintf(host, HTTP_ADDRESS_MAX, "%.*s", (int)len, text);
    return true;
}

/* Length of the address, or 0. */
static socklen_t parse(const char *text, union address *ret)
{
    char host[HTTP_ADDRESS_MAX];
    in_port_t port;

    memset(ret, 0, sizeof *ret);
    if (!split(text, host, &port))
        return 0;
    if (inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1",
                  &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons(port);
        return sizeof ret->v4;
    }
    if (inet_pton(AF_INET6, host, &ret->v6.sin6_addr) != 1)
        return 0;
    ret->v6.sin6_family = AF_INET6;
    ret->v6.sin6_port = htons(port);
    return sizeof ret->v6;
}

static bool is_loopback(const union address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static void print(const union address *address, char ret[HTTP_ADDRESS_MAX])
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(ret, HTTP_ADDRESS_MAX, "%s:%u", host, ntohs(address->v4.sin_port));
    } else {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(ret, HTTP_ADDRESS_MAX, "[%s]:%u", host, ntohs(address->v6.sin6_port));
    }
}

static int bind_tcp(int fd, union address *address, socklen_t len)
{
    int one = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, &address->any, len) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, &address->any, &len) < 0)
        return -errno;
    return 0;
}

int http_listen_tcp(const char *text, char ret_bound[HTTP_ADDRESS_MAX],
                    struct gw_error *reterr)
{
    union address address;
    socklen_t len = parse(text, &address);
    int fd, rc;

    if (!len)
        return error_set(reterr, -EINVAL, "api-listen",
                         "'%s' is no ADDRESS:PORT, such as 127.0.0.1:8480", text);
    if (!is_loopback(&address))
        return error_set(reterr, -EACCES, "api-listen",
                         "%s is beyond loopback; that opens only with pairing", text);
    fd = socket(address.any.sa_family, SOCKET_FLAGS, 0);
    if (fd < 0)
        return error_set(reterr, -errno, "api-listen", "socket: %s",
                         error_errno_text(errno));
    rc = bind_tcp(fd, &address, len);
    if (rc == 0) {
        print(&address, ret_bound);
        return fd;
    }
    close(fd);
    return error_set(reterr, rc, "api-listen", "cannot listen on %s: %s", text,
                     error_errno_text(rc));
}
