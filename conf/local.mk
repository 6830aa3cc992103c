# SPDX-License-Identifier: Apache-2.0
dist_map_DATA += \
	conf/maps/carlo-gavazzi-em340.yaml \
	conf/maps/eastron-sdm120.yaml \
	conf/maps/eastron-sdm630.yaml \
	conf/maps/huawei-sun2000-battery.yaml \
	conf/maps/huawei-sun2000-meter.yaml \
	conf/maps/huawei-sun2000.yaml \
	conf/maps/victron-gx-battery.yaml

gatewayconfdir = $(sysconfdir)/gatewayd
dist_gatewayconf_DATA = conf/gatewayd.yaml
exampledir = $(docdir)/examples
dist_example_DATA = \
	conf/examples/community.yaml \
	conf/examples/first-device.yaml \
	conf/examples/gpio.yaml \
	conf/examples/rtu-line.yaml \
	conf/examples/simulated-home.yaml

dist_man_MANS += docs/man/gatewayd.yaml.5
dist_doc_DATA += docs/config.md docs/maps.md

dist_pkgdata_DATA = conf/gatewayd.schema.json conf/map.schema.json
