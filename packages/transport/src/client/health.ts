// SPDX-License-Identifier: Apache-2.0
import { HealthDefinition, ServingStatus } from "@nsm/api";
import { createChannel, createClient } from "nice-grpc";
import { hostPort, parseAddress } from "../address.js";

/** Answers of the standard health protocol. */
export type HealthStatus = keyof typeof ServingStatus;

/**
 * Asks a server for its health (grpc.health.v1.Health/Check), as probes do: on a connection of its own, without
 * token.
 * @param service name of the service asked for; empty = the whole server
 * @throws the client error of nice-grpc when nobody answers (UNAVAILABLE) or the service is not known (NOT_FOUND)
 */
export async function checkHealth(url: URL, service: string, signal: AbortSignal): Promise<HealthStatus> {
  const address = parseAddress(url);
  const target = address.kind === "unix" ? `unix://${address.path}` : hostPort(address);
  // A shared subchannel would keep the connection open after close()
  const channel = createChannel(target, undefined, { "grpc.use_local_subchannel_pool": 1 });
  try {
    const { status } = await createClient(HealthDefinition, channel).check({ service }, { signal });
    return (ServingStatus[status] ?? "UNKNOWN") as HealthStatus;
  } finally {
    channel.close();
  }
}
