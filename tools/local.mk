# SPDX-License-Identifier: Apache-2.0
include $(srcdir)/tools/devicesim/local.mk
