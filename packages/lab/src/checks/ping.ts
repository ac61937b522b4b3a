// SPDX-License-Identifier: Apache-2.0
import { realClock } from "@nsm/core";
import { openNetns, ping } from "@nsm/linux";
import type { Pod } from "../world/pod.js";

/** Outcome of a few echo requests. */
export interface PingSeen {
  readonly sent: number;
  readonly received: number;
  /** Median round trip, milliseconds; NaN without a reply. */
  readonly medianMs: number;
}

/** How {@link pingFrom} asks. */
export interface PingOptions {
  /** Default 4. */
  readonly count?: number;
  /** ICMP payload, bytes; default 56. */
  readonly payloadBytes?: number;
  /** Forbids fragments, here and on the way. */
  readonly dontFragment?: boolean;
  /** Default 1000. */
  readonly timeoutMs?: number;
}

/** Pings from inside a pod. A refused packet (too long for the link) counts as lost. */
export async function pingFrom(pod: Pod, destination: string, options: PingOptions = {}): Promise<PingSeen> {
  const netns = openNetns(pod.holder.netnsPath);
  try {
    const { sent, received, roundTripMs } = await ping(
      {
        destination,
        netns,
        count: options.count ?? 4,
        intervalMs: 20,
        timeoutMs: options.timeoutMs ?? 1000,
        ...(options.payloadBytes === undefined ? {} : { payloadBytes: options.payloadBytes }),
        ...(options.dontFragment === undefined ? {} : { dontFragment: options.dontFragment }),
      },
      realClock,
    );
    const sorted = [...roundTripMs].sort((a, b) => a - b);
    return { sent, received, medianMs: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN };
  } finally {
    netns.close();
  }
}

/** BIDI: pings both ways between two pods. */
export async function bidirectional(
  a: { pod: Pod; ip: string },
  b: { pod: Pod; ip: string },
): Promise<{ forward: PingSeen; back: PingSeen }> {
  return { forward: await pingFrom(a.pod, b.ip), back: await pingFrom(b.pod, a.ip) };
}
