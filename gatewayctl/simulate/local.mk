# SPDX-License-Identifier: Apache-2.0
# Shared with the unit tests: everything but the command itself.
simulate_core = \
	gatewayctl/simulate/balance.c gatewayctl/simulate/balance.h \
	gatewayctl/simulate/baseline.c gatewayctl/simulate/baseline.h \
	gatewayctl/simulate/community.c gatewayctl/simulate/community.h \
	gatewayctl/simulate/community_load.c gatewayctl/simulate/community_load.h \
	gatewayctl/simulate/controllers.c gatewayctl/simulate/controllers.h \
	gatewayctl/simulate/csv.c gatewayctl/simulate/csv.h \
	gatewayctl/simulate/metrics.c gatewayctl/simulate/metrics.h \
	gatewayctl/simulate/plant.c gatewayctl/simulate/plant.h \
	gatewayctl/simulate/post.c gatewayctl/simulate/post.h \
	gatewayctl/simulate/result.c gatewayctl/simulate/result.h \
	gatewayctl/simulate/run.c gatewayctl/simulate/run.h \
	gatewayctl/simulate/scenario.c gatewayctl/simulate/scenario.h \
	gatewayctl/simulate/scenario_lists.c gatewayctl/simulate/scenario_lists.h \
	gatewayctl/simulate/sensors.c gatewayctl/simulate/sensors.h \
	gatewayctl/simulate/view.h
simulate_sources = $(simulate_core) \
	gatewayctl/simulate/simulate.c \
	gatewayctl/simulate/summary.c gatewayctl/simulate/summary.h

# The second implementation of the plant and the metrics, and what compares both.
TESTS += tests/scenario/test_simulate.py
EXTRA_DIST += tests/scenario/test_simulate.py tests/scenario/evaluate.py \
	tests/scenario/synthetic.py
scenariodir = $(exampledir)/scenario
dist_scenario_DATA = \
	conf/examples/scenario/community-a.yaml \
	conf/examples/scenario/community-b.yaml \
	conf/examples/scenario/scenario-storm30.yaml \
	conf/examples/scenario/profiles-storm30.csv \
	conf/examples/scenario/history-storm30.csv \
	conf/examples/scenario/forecast-storm30.csv
