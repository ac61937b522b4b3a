// SPDX-License-Identifier: Apache-2.0
import type { Pod } from "../world/pod.js";
import { interfaceSeen } from "./interface.js";
import { pingFrom } from "./ping.js";

const IPV4_AND_ICMP_HEADER_BYTES = 28;

/** What MTU saw. */
export interface MtuSeen {
  readonly mtuBytes: number | undefined;
  /** Replies to unfragmented packets that just fit. */
  readonly fitting: number;
  /** Replies to unfragmented packets one byte too long: 0 when the limit is real. */
  readonly tooLong: number;
}

/** MTU: the link's MTU, and whether packets of exactly that size pass and longer ones do not (IPv4). */
export async function mtuSeen(pod: Pod, name: string, peerIp: string): Promise<MtuSeen> {
  const link = await interfaceSeen(pod, name);
  if (!link) return { mtuBytes: undefined, fitting: 0, tooLong: 0 };
  const payloadBytes = link.mtuBytes - IPV4_AND_ICMP_HEADER_BYTES;
  const fitting = await pingFrom(pod, peerIp, { count: 2, payloadBytes, dontFragment: true });
  const tooLong = await pingFrom(pod, peerIp, {
    count: 1,
    payloadBytes: payloadBytes + 1,
    dontFragment: true,
    timeoutMs: 300,
  });
  return { mtuBytes: link.mtuBytes, fitting: fitting.received, tooLong: tooLong.received };
}
