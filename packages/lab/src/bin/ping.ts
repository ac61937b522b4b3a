// SPDX-License-Identifier: Apache-2.0
/** The `ping` of `npm run demo -- exec <pod> -- ping <address>`, for pods without one. */
import { isIP } from "node:net";
import { realClock } from "@nsm/core";
import { ping } from "@nsm/linux";

const destination = process.argv[2] ?? "";
if (isIP(destination) === 0) {
  process.stderr.write(`ping: "${destination}" is not an IP address\n`);
  process.exit(2);
}
const { sent, received, roundTripMs } = await ping(
  { destination, count: 4, intervalMs: 200, timeoutMs: 2000 },
  realClock,
);
for (const ms of roundTripMs) process.stdout.write(`reply from ${destination}: ${ms.toFixed(2)} ms\n`);
process.stdout.write(`${received}/${sent} replies\n`);
process.exit(received > 0 ? 0 : 1);
