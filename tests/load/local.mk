# SPDX-License-Identifier: Apache-2.0
# An hour under load, judged by its memory: `make check-load`, or tools/check --all.
EXTRA_DIST += tests/load/load_hour.py

.PHONY: check-load
check-load:
	$(AM_TESTS_ENVIRONMENT) $(PYTHON3) $(srcdir)/tests/load/load_hour.py
