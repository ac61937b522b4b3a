// SPDX-License-Identifier: Apache-2.0
/** What most packages may not touch, as ESLint rules. */
const processMessage = "Only runtime reads the environment and ends the process.";
const clockMessage = "Timers come from the injected Clock.";
const ioMessage = "This package does no I/O: it takes a port of core.";

const named = (names, message) => names.map((name) => ({ name, message }));
const modules = {
  process: named(["node:process", "process"], processMessage),
  timers: named(["node:timers", "node:timers/promises"], clockMessage),
  io: [
    ...named(
      ["fs", "fs/promises", "dgram", "dns", "dns/promises", "child_process", "http", "http2", "tls"].map(
        (name) => `node:${name}`,
      ),
      ioMessage,
    ),
    { name: "node:net", allowImportNames: ["isIP", "isIPv4", "isIPv6"], message: ioMessage },
  ],
};
const properties = [
  { object: "process", property: "exit", message: processMessage },
  { object: "process", property: "env", message: processMessage },
  { object: "globalThis", property: "process", message: processMessage },
];
const globals = named(["setTimeout", "setInterval", "setImmediate"], clockMessage);

/** Forbids some of `io` (sockets, files, processes), `process` (environment, exit) and `timers`. */
export const forbid = (...groups) => ({
  "no-restricted-imports": ["error", { paths: groups.flatMap((group) => modules[group]) }],
  "no-restricted-properties": groups.includes("process") ? ["error", ...properties] : "off",
  "no-restricted-globals": groups.includes("timers") ? ["error", ...globals] : "off",
});
