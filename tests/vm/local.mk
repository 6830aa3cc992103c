# SPDX-License-Identifier: Apache-2.0
# Virtual machines: tools/check --all, as root. vm.py is shared with tests/power/vm_cut.py.
EXTRA_DIST += tests/vm/gpio_guest.py tests/vm/init-gpio tests/vm/make-gpio-sim \
	tests/vm/vm.py tests/vm/vm_gpio.py
