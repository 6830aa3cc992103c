#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every route replaced again and again, faster than the old ones can end: each number still
arrives, and a route that is removed and put back at once keeps its place."""
from harness import Broker, Devices, Gateway, Subscriber, World, wait_for

N = 15


def config(port, broker_port, generation, keep=True):
    routes = "".join(f"  - {{name: r{generation}x{i}, url: \"mqtt://127.0.0.1:{broker_port}\", "
                     "recipient: self}\n" for i in range(N))
    kept = (f"  - {{name: kept, url: \"mqtt://127.0.0.1:{broker_port}\", recipient: coordinator, "
            f"confirm: broker, rate: {1000 + generation}/s}}\n" if keep else "")
    return f"""
gateway: {{id: abuse, site: test}}
store: {{directory: @HOME@/store, commit_interval: 500 ms}}
api: {{socket: @HOME@/api.sock, listen: off}}
buses:
  - {{name: a, plugin: modbus, transport: tcp, host: 127.0.0.1, port: {port}}}
devices:
  - {{name: a, bus: a, unit: 1, interval: 200 ms, points: [{{name: served, address: 0, type: float32}}]}}
consent:
  grants:
    - {{id: g, recipient: coordinator, purpose: p, categories: [energy, grid], granularity: raw, until: 2099-12-31}}
forward:
{kept}{routes}"""


def routes_are(gateway, generation):
    rows = {r["name"]: r["state"] for r in gateway.json("routes")}
    return (set(rows) == {"kept"} | {f"r{generation}x{i}" for i in range(N)}
            and set(rows.values()) == {"online"})


def main():
    with World() as world:
        broker = Broker(world)
        devices = Devices(world, "--tcp", "127.0.0.1:0", "--count", "1", "--registers", "10",
                          "--content", "counter")
        port = devices.ports()[0]
        subscriber = Subscriber(world, broker)
        gateway = Gateway(world, config(port, broker.port, 0)).start()
        wait_for(lambda: routes_are(gateway, 0), "the first routes")
        for generation in range(1, 7):
            gateway.write_config(config(port, broker.port, generation, keep=False))
            gateway.ctl("reload")
            gateway.write_config(config(port, broker.port, generation))
            gateway.ctl("reload")
        wait_for(lambda: routes_are(gateway, 6), "the last routes")
        assert len([c for c in gateway.children().values() if "gateway-route" in c]) == N + 1
        last = gateway.json("status")["store"]["last_seq"]
        wait_for(lambda: subscriber.epochs().popitem()[1] >= set(range(1, last + 1)),
                 "every number")
        wait_for(lambda: not gateway.json("routes")[0]["backlog"], "the kept route's numbers")

        took = gateway.stop()
        assert took < 3, f"the stop took {took:.1f} s"
        assert gateway.process.returncode == 0, gateway.process.returncode
        subscriber.stop()


main()
