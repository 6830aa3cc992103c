# SPDX-License-Identifier: Apache-2.0
# Each target NAME (fuzzers += tests/fuzz/fuzz_NAME in its room's fragment) runs from the
# corpus tests/fuzz/corpus/NAME; what it finds stays in the build directory.
FUZZ_SECONDS = 10
fuzz_runs = $(fuzzers:=.run)
.PHONY: fuzz $(fuzz_runs)
fuzz: $(fuzz_runs)
$(fuzz_runs): $(fuzzers)
	@target=$(@:.run=); name=$${target##*/fuzz_}; \
	seeds=$(abs_top_srcdir)/tests/fuzz/corpus/$$name; \
	test -d "$$seeds" || seeds=; \
	$(MKDIR_P) "fuzz-$$name" && \
	(cd "fuzz-$$name" && $(MKDIR_P) corpus && \
	 ../$$target -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -rss_limit_mb=2048 \
		-print_final_stats=1 corpus $$seeds) > "fuzz-$$name.log" 2>&1 || \
	{ echo "fuzz $$name"; tail -40 "fuzz-$$name.log"; exit 1; }; \
	grep -E 'number_of_executed_units|cov:' "fuzz-$$name.log" | tail -2 | sed "s/^/$$name: /"
