// SPDX-License-Identifier: Apache-2.0
import type { Domain } from "../../index.js";

/** What a scenario may leave when some of its connections were lost instead of closed: links stay, as in a kernel. */
const LOST = /\/(links|joints)$|^channels$/;

/**
 * Closes a domain; nothing of it may be left: no timer, no channel, no descriptor, no link.
 * @param connections whether the scenario closed all of its connections
 */
export async function closeWithoutLeftovers(domain: Domain, connections: "closed" | "lost"): Promise<void> {
  await domain.close();
  const counts = { ...domain.statistics(), ...domain.network.statistics() };
  const left = Object.entries(counts).filter(
    ([name, count]) => count !== 0 && !(connections === "lost" && LOST.test(name)),
  );
  expect(left).toEqual([]);
}
