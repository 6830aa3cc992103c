/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes what a Modbus device replies, through a socketpair: framing, libmodbus, the
 * guard, bisecting, decoding. The first byte: bit 0 TCP or RTU, bit 1 give each reply a
 * right CRC or header, bits 2.. how many reads. Then replies, each a length and its
 * bytes. A reading may be good only if the last reply was, by itself, the answer to the
 * last request.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugins/modbus/bus.h"
#include "tests/contract/modbus_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *data;
    size_t size;
    int fd; /* the device's end */
    bool is_tcp, is_mended, is_silent;
    int64_t now_ns;
    uint8_t request[300], reply[300];
    size_t request_len, reply_len;
} line;

/* The next reply of the input, made whole if asked for, goes onto the line. */
static void inject(void)
{
    size_t head = line.is_tcp ? 6 : 0, len = line.size ? *line.data : 0;
    uint8_t *p = line.reply;

    line.reply_len = 0;
    if (!line.size)
        return;
    len = len < line.size - 1 ? len : line.size - 1;
    memcpy(p + (line.is_mended ? head : 0), line.data + 1, len);
    line.data += 1 + len;
    line.size -= 1 + len;
    if (line.is_mended && line.is_tcp) {
        memcpy(p, line.request, 4);
        p[4] = 0;
        p[5] = (uint8_t)len;
        len += 6;
    } else if (line.is_mended) {
        uint16_t crc = frame_crc(p, len);

        p[len++] = (uint8_t)crc;
        p[len++] = (uint8_t)(crc >> 8);
    }
    line.reply_len = len;
    if (len)
        send(line.fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool take_request(void)
{
    ssize_t n = recv(line.fd, line.request, sizeof(line.request), MSG_DONTWAIT);

    if (n > 0)
        line.request_len = (size_t)n;
    return n > 0;
}

/* RTU looks at the clock right after it sent: that is when the device speaks. Each look
 * is 2 ms later, so that no silence is really waited for, nor a reply that does not come.
 */
static int64_t get_boot_ns(void *ctx)
{
    (void)ctx;
    line.now_ns += 2000000;
    if (!line.is_tcp && take_request()) {
        inject();
        if (!line.reply_len)
            line.is_silent = true;
    } else if (line.is_silent) {
        line.now_ns += 20000000;
        line.is_silent = false;
    }
    return line.now_ns;
}

/* TCP sends the next request after this. The transaction number is known before. */
static void progress(void *ctx)
{
    struct modbus_host *host = ctx;
    struct bus *bus = host->bus;
    uint16_t next = (uint16_t)(bus->link.transaction + 1);

    if (!line.is_tcp)
        return;
    take_request();
    line.request[0] = (uint8_t)(next >> 8);
    line.request[1] = (uint8_t)next;
    line.request[2] = line.request[3] = 0;
    inject();
}

static const char *resolve(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

/* Whether the reply answers the request, worked out without the plugin. */
static bool is_answer(void)
{
    size_t head = line.is_tcp ? 6 : 0;
    const uint8_t *request = line.request + head, *reply = line.reply + head;
    size_t n = 2u * (size_t)(request[4] << 8 | request[5]);

    if (line.reply_len < head + 3 + n || reply[0] != request[0] ||
        reply[1] != request[1] || reply[2] != n)
        return false;
    if (line.is_tcp)
        return !memcmp(line.reply, line.request, 4) &&
               (size_t)(line.reply[4] << 8 | line.reply[5]) == n + 3;
    return frame_crc(reply, n + 3) == (reply[n + 3] | reply[n + 4] << 8);
}

static void emit(struct gw_sink *sink, uint32_t point, const struct gw_value *value,
                 uint32_t quality, int32_t detail)
{
    (void)sink;
    (void)value;
    (void)detail;
    take_request();
    if (point > 3 || (quality == GW_GOOD && !is_answer()))
        abort();
}

static void attach(struct modbus_host *host, int fd)
{
    struct bus *bus = host->bus;

    if (!line.is_tcp)
        return;
    bus->link.fd = fd;
    modbus_set_socket(bus->link.modbus, fd);
}

static void run(struct modbus_host *host, unsigned n_reads)
{
    while (n_reads-- && host->plan.n) {
        if (line.is_tcp)
            progress(host);
        modbus_host_read(host, 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const points[] = {
        "address=10", "address=11 type=float32", "address=13 type=string length=3",
        "address=17 type=int64 order=CDAB invalid=0,7-9"};
    struct modbus_host *host;
    int fds[2];

    if (size < 1 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
        return 0;
    line.is_tcp = data[0] & 1;
    line.is_mended = data[0] & 2;
    line.data = data + 1;
    line.size = size - 1;
    line.fd = fds[1];
    line.is_silent = false;
    line.request_len = line.reply_len = 0;
    host = modbus_host_new(gw_plugin_init(GW_PLUGIN_ABI),
                           line.is_tcp ? "transport=tcp host=x timeout=1"
                                       : "transport=rtu device=x baud=4000000 timeout=10 "
                                         "byte_timeout=1 late_reply=0",
                           "unit=5", fds[0]);
    host->services.get_boot_ns = get_boot_ns;
    host->services.progress = progress;
    host->services.resolve = resolve;
    host->services.emit = emit;
    host->is_quiet = true;
    for (unsigned i = 0; i < 4; i++)
        modbus_host_add_point(host, points[i]);
    if (modbus_host_start(host))
        abort();
    attach(host, fds[0]);
    run(host, 1 + (data[0] >> 2 & 7));
    modbus_host_free(host);
    if (!line.is_tcp) /* a TCP link closes its own */
        close(fds[0]);
    close(fds[1]);
    return 0;
}
