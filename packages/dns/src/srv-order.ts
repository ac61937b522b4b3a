// SPDX-License-Identifier: Apache-2.0
import type { SrvRecord } from "@nsm/core";

/**
 * The order in which a client tries SRV records: ascending priority, within one priority random by weight
 * (RFC 2782, "Usage rules").
 * @param random uniform in [0, 1)
 */
export function orderSrv(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  const priorities = [...new Set(records.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority) =>
    byWeight(
      records.filter((record) => record.priority === priority),
      random,
    ),
  );
}

function byWeight(records: readonly SrvRecord[], random: () => number): SrvRecord[] {
  // weight 0 first: it then is chosen only when the draw is 0
  const rest = [...records].sort((a, b) => Math.sign(a.weight) - Math.sign(b.weight));
  const ordered: SrvRecord[] = [];
  while (rest.length > 0) {
    const total = rest.reduce((sum, { weight }) => sum + weight, 0);
    const draw = Math.floor(random() * (total + 1));
    let running = 0;
    const index = rest.findIndex(({ weight }) => {
      running += weight;
      return running >= draw;
    });
    ordered.push(...rest.splice(Math.max(0, index), 1));
  }
  return ordered;
}
