/* SPDX-License-Identifier: Apache-2.0 */
/* The home daemon: options and order of life. */
#include <stdio.h>

#include "config.h"

int main(void)
{
    puts(PACKAGE_STRING);
    return 0;
}
