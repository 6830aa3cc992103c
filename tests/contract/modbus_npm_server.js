// SPDX-License-Identifier: Apache-2.0
// A server of npm's modbus-serial: registers come as one line of JSON on stdin; ends when
// stdin ends. node modbus_npm_server.js PACKAGE tcp | rtu TTY
"use strict";
const ModbusRTU = require(process.argv[2]);
const net = require("net");

function makeVector(images) {
    const get = (table, otherwise) => (address) =>
        address in images[table] ? images[table][address] : otherwise;
    return {
        getHoldingRegister: get("holding", 0xdead),
        getInputRegister: get("input", 0xbeef),
        getCoil: get("coil", false),
        getDiscreteInput: get("discrete", false),
        setRegister: (address, value) => { images.holding[address] = value; },
        setCoil: (address, value) => { images.coil[address] = value; },
    };
}

// The package cannot tell which port it got, so a free one is found first.
function findPort(use) {
    const finder = net.createServer();
    finder.listen(0, "127.0.0.1", () => {
        const port = finder.address().port;
        finder.close(() => use(port));
    });
}

function serveTcp(vector) {
    findPort((port) => {
        const server = new ModbusRTU.ServerTCP(vector, {host: "127.0.0.1", port, unitID: 1});
        server.on("initialized", () => console.log("port", port));
    });
}

function serveRtu(vector, path) {
    const server = new ModbusRTU.ServerSerial(
        vector, {port: path, baudRate: 115200, unitID: 1, debug: false});
    server.on("initialized", () => console.log("open"));
    server.on("socketError", (error) => console.log("error", error));
}

let text = "";
process.stdin.on("data", (chunk) => {
    const had = text.includes("\n");
    text += chunk;
    if (had || !text.includes("\n"))
        return;
    const vector = makeVector(JSON.parse(text));
    if (process.argv[3] === "tcp")
        serveTcp(vector);
    else
        serveRtu(vector, process.argv[4]);
});
process.stdin.on("end", () => process.exit(0));
