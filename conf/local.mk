# SPDX-License-Identifier: Apache-2.0
dist_map_DATA += \
	conf/maps/carlo-gavazzi-em340.yaml \
	conf/maps/eastron-sdm120.yaml \
	conf/maps/eastron-sdm630.yaml \
	conf/maps/huawei-sun2000-battery.yaml \
	conf/maps/huawei-sun2000-meter.yaml \
	conf/maps/huawei-sun2000.yaml \
	conf/maps/victron-gx-battery.yaml
