// SPDX-License-Identifier: Apache-2.0
/**
 * Figures of one process. Argument: `times` or `memory` (needs `--expose-gc`), without kernel and sockets, or
 * `identity`, over sockets. Prints the report as one JSON line at the end, on stdout.
 */
import { connectionMemory, connectionTimes } from "./connections.js";
import { machine } from "./figures.js";
import { identityFigures } from "./identity.js";
import { registryFigures } from "./registry.js";
import { type BenchReport, Rows } from "./rows.js";

const before = machine();
const rows = new Rows((group) => void process.stdout.write(`${group} …\n`));
switch (process.argv[2]) {
  case "memory":
    await connectionMemory(rows);
    break;
  case "identity":
    await identityFigures(rows);
    break;
  default:
    await connectionTimes(rows);
    await registryFigures(rows);
}
const report: BenchReport = { machine: machine(before), rows: rows.rows };
process.stdout.write(`${JSON.stringify(report)}\n`);
