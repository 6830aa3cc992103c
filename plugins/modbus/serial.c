/* SPDX-License-Identifier: Apache-2.0 */
/* termios of an RTU line. */
#include "plugins/modbus/serial.h"

#include <errno.h>
#include <linux/serial.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

static speed_t find_speed(uint32_t baud)
{
#define SPEED(n)                                                                         \
    {                                                                                    \
        n, B##n                                                                          \
    }
    static const struct {
        uint32_t baud;
        speed_t speed;
    } table[] = {
        SPEED(110),     SPEED(300),     SPEED(600),     SPEED(1200),    SPEED(2400),
        SPEED(4800),    SPEED(9600),    SPEED(19200),   SPEED(38400),   SPEED(57600),
        SPEED(115200),  SPEED(230400),  SPEED(460800),  SPEED(500000),  SPEED(576000),
        SPEED(921600),  SPEED(1000000), SPEED(1152000), SPEED(1500000), SPEED(2000000),
        SPEED(2500000), SPEED(3000000), SPEED(3500000), SPEED(4000000),
    };
#undef SPEED

    for (unsigned i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (table[i].baud == baud)
            return table[i].speed;
    return B0;
}

/* FTDI chips hold bytes back for 16 ms; with this flag for 1 ms. Others ignore it. */
static void set_low_latency(int fd)
{
    struct serial_struct serial;

    if (ioctl(fd, TIOCGSERIAL, &serial))
        return;
    serial.flags |= (int)ASYNC_LOW_LATENCY;
    ioctl(fd, TIOCSSERIAL, &serial);
}

static bool is_socket(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* A pseudo terminal has no parity, and tcsetattr fails when asked for it again. */
static bool is_pty(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143;
}

int serial_configure(int fd, const struct settings_bus *settings)
{
    speed_t speed = find_speed(settings->baud);
    struct termios tio;

    if (is_socket(fd))
        return 0;
    if (speed == B0)
        return -EINVAL;
    if (tcgetattr(fd, &tio))
        return -errno;
    cfmakeraw(&tio);
    tio.c_cflag &= (tcflag_t) ~(CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS);
    tio.c_cflag |= CREAD | CLOCAL | CS8;
    if (settings->parity != 'N' && !is_pty(fd))
        tio.c_cflag |= PARENB;
    if (settings->parity == 'O')
        tio.c_cflag |= PARODD;
    if (settings->stop_bits == 2)
        tio.c_cflag |= CSTOPB;
    tio.c_iflag = settings->parity == 'N' ? 0 : INPCK;
    tio.c_cc[VMIN] = 0;
    tio.c_cc[VTIME] = 0;
    if (cfsetispeed(&tio, speed) || cfsetospeed(&tio, speed) ||
        tcsetattr(fd, TCSANOW, &tio) || tcflush(fd, TCIFLUSH))
        return -errno;
    set_low_latency(fd);
    return 0;
}
