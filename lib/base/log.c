/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs; see log.h. The journal's native protocol is one datagram of FIELD=value lines, so
 * no library is needed for it (systemd, docs/JOURNAL_NATIVE_PROTOCOL.md).
 */
#include "lib/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"

static enum log_level max_level = LOG_LEVEL_INFO;
static log_sink_fn sink_fn;
static void *sink_ctx;
static int journal_fd = -1;
static pthread_once_t journal_once = PTHREAD_ONCE_INIT;

/* systemd sets JOURNAL_STREAM=DEV:INODE when it connected stderr to the journal. */
static void journal_open(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;

    if (!stream || sscanf(stream, "%llu:%llu", &dev, &ino) != 2 ||
        fstat(STDERR_FILENO, &st) < 0 || st.st_dev != dev || st.st_ino != ino)
        return;
    journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static bool journal_send(enum log_level level, const char *subject, const char *text)
{
    static const struct sockaddr_un address = {AF_UNIX, "/run/systemd/journal/socket"};
    char message[1400];
    int len;

    len =
        snprintf(message, sizeof message,
                 "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n%s%s%sMESSAGE=%s%s%s\n", (int)level,
                 program_invocation_short_name, subject ? "GATEWAYD_SUBJECT=" : "",
                 subject ? subject : "", subject ? "\n" : "", subject ? subject : "",
                 subject ? ": " : "", text);
    if (len < 0 || (size_t)len >= sizeof message)
        return false;
    return sendto(journal_fd, message, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT,
                  (const struct sockaddr *)&address, sizeof address) == len;
}

enum log_level log_level_of(unsigned number)
{
    return number <= LOG_LEVEL_ERROR     ? LOG_LEVEL_ERROR
           : number <= LOG_LEVEL_WARNING ? LOG_LEVEL_WARNING
           : number <= LOG_LEVEL_INFO    ? LOG_LEVEL_INFO
                                         : LOG_LEVEL_DEBUG;
}

void log_set_level(enum log_level level)
{
    max_level = level;
}

void log_set_sink(log_sink_fn sink, void *ctx)
{
    sink_fn = sink;
    sink_ctx = ctx;
}

static void write_line(enum log_level level, const char *subject, const char *text)
{
    char line[1200];
    int len;

    pthread_once(&journal_once, journal_open);
    if (journal_fd >= 0 && journal_send(level, subject, text))
        return;
    len = snprintf(line, sizeof line, "%s%s%s%s\n",
                   level <= LOG_LEVEL_ERROR ? "error: "
                   : level == LOG_LEVEL_WARNING ? "warning: " : "",
                   subject ? subject : "", subject ? ": " : "", text);
    if (len >= (int)sizeof line) {
        len = (int)sizeof line - 1;
        line[len - 1] = '\n';
    }
    if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
        return; /* nowhere left to say so */
}

void log_line(enum log_level level, const char *subject, const char *format, ...)
{
    char text[1000];
    va_list ap;

    if (level > max_level)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    if (sink_fn)
        sink_fn(sink_ctx, level, subject, text);
    else
        write_line(level, subject, text);
}

bool log_limit_pass(struct log_limit *limit, unsigned interval_s,
                    uint64_t *ret_suppressed)
{
    int64_t now = clock_boot_ns();

    if (now < limit->next_boot_ns) {
        limit->suppressed++;
        return false;
    }
    if (ret_suppressed)
        *ret_suppressed = limit->suppressed;
    limit->suppressed = 0;
    limit->next_boot_ns = now + (int64_t)interval_s * CLOCK_NS_PER_S;
    return true;
}
