// SPDX-License-Identifier: Apache-2.0
import { MechanismType, parseIp } from "@nsm/api";
import type { Clock, Connection, Liveness, Logger } from "@nsm/core";
import { hasCode, type Netns, type PingOptions, ping } from "@nsm/linux";

/** Echo requests of one check and pair. */
const REQUESTS = 4;

/** How {@link kernelLiveness} asks. */
export interface KernelLivenessOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Opens the network namespace of the connection's client; closed after each check. Default: the own one. */
  readonly openNetns?: (connection: Connection) => Netns;
}

/** Addresses without prefix length. */
const hosts = (cidrs: readonly string[]): string[] => cidrs.map((cidr) => cidr.replace(/\/.*$/, ""));

/** Every own address with every address of the other end, per family. */
function pairsOf({ context }: Connection): [source: string, destination: string][] {
  const { srcIpAddrs = [], dstIpAddrs = [] } = context.ipContext ?? {};
  return hosts(srcIpAddrs).flatMap((source) =>
    hosts(dstIpAddrs)
      .filter((destination) => parseIp(source)?.family === parseIp(destination)?.family)
      .map((destination): [string, string] => [source, destination]),
  );
}

/**
 * Pings the other end of a connection from inside the client's network namespace: four echo requests, a quarter of
 * the time apart, from each own address to each address of its family; a path is alive when every pair got one
 * reply. It answers at the last pair's first reply. What cannot be checked counts as alive: another mechanism than
 * KERNEL, no addresses, and, told once in the log, a process that may open no ICMP socket.
 * Upstream: `heal.KernelLivenessCheck`, which waits for all four replies.
 */
export function kernelLiveness({ clock, log, openNetns }: KernelLivenessOptions): Liveness {
  const warned = new Set<string>();
  const warnOnce = (what: string, fields: Record<string, unknown>): true => {
    if (!warned.has(what)) log.warn(fields, `${what}; the data path counts as alive`);
    warned.add(what);
    return true;
  };

  const answers = async (options: PingOptions): Promise<boolean> => {
    try {
      return (await ping(options, clock)).received > 0;
    } catch (error) {
      if (options.signal?.aborted) throw error;
      if (hasCode(error, "EPERM", "EACCES")) {
        return warnOnce("no ICMP socket can be opened (net.ipv4.ping_group_range, CAP_NET_RAW)", {
          err: error,
        });
      }
      // an own address that is gone from the interface, no route
      log.debug({ err: error, destination: options.destination }, "echo request failed");
      return false;
    }
  };

  return {
    async alive(connection, timeoutMs, signal) {
      const type = connection.mechanism?.type;
      if (type !== MechanismType.KERNEL) {
        return warnOnce("only kernel interfaces can be checked", { connId: connection.id, mechanism: type });
      }
      const pairs = pairsOf(connection);
      if (pairs.length === 0) return true;
      const netns = openNetns?.(connection);
      try {
        const intervalMs = timeoutMs / REQUESTS;
        const checks = pairs.map(([source, destination]) =>
          answers({
            source,
            destination,
            count: REQUESTS,
            enough: 1,
            intervalMs,
            timeoutMs,
            signal,
            ...(netns === undefined ? {} : { netns }),
          }),
        );
        return (await Promise.all(checks)).every((alive) => alive);
      } finally {
        netns?.close();
      }
    },
  };
}
