# SPDX-License-Identifier: Apache-2.0
dist_man_MANS += docs/man/gatewayctl.1 docs/man/gatewayd.8 docs/man/gateway-devhost.8 \
	docs/man/gateway-route.8
dist_doc_DATA += docs/openapi.yaml
dist_doc_DATA += docs/names.md
dist_doc_DATA += docs/plugin-api.md docs/example-plugin.c
dist_doc_DATA += docs/scenario-format.md docs/dispatch.md
dist_doc_DATA += docs/mqtt.md docs/consent-protocol.md docs/history.md
schemadir = $(docdir)/schema
dist_schema_DATA = docs/schema/readings.json docs/schema/event.json docs/schema/gap.json \
	docs/schema/correction.json docs/schema/receipt.json docs/schema/grid.json docs/schema/plan.json docs/schema/consent-record.json \
	docs/schema/state.json docs/schema/cmd.json docs/schema/ack.json
