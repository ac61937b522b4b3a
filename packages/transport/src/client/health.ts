// SPDX-License-Identifier: Apache-2.0
import { ServingStatus } from "@nsm/api";
import { type Context, realClock, rootContext, silentLogger, untilDone } from "@nsm/core";
import { insecure, type LinkSecurity } from "../security/index.js";
import { healthWire } from "../services.js";
import { unaryCall } from "./calls.js";
import { GrpcChannel } from "./grpc-channel.js";

/** Answers of the standard health protocol. */
export type HealthStatus = keyof typeof ServingStatus;

/**
 * Asks a server for its health (grpc.health.v1.Health/Check), as probes do: on a connection of its own, without
 * token.
 * @param service name of the service asked for; empty = the whole server
 * @param signal ends the attempt with its reason
 * @param security default: none, plain HTTP/2
 * @throws UNAVAILABLE when nobody answers; NOT_FOUND when the service is not known
 */
export async function checkHealth(
  url: URL,
  service: string,
  signal: AbortSignal,
  security: LinkSecurity = insecure,
): Promise<HealthStatus> {
  const context = rootContext({ clock: realClock, log: silentLogger, signal });
  const channel = new GrpcChannel(url, {
    context,
    tokens: undefined,
    security,
    secure: security !== insecure,
    fdPassing: false,
    maxMessageBytes: 64 * 1024,
    onFdScope: () => {},
    onLost: () => {},
  });
  try {
    await untilDone(context, channel.connect());
    return await askHealth(channel, context, service);
  } finally {
    channel.close();
  }
}

/** The same over a channel that is there. */
export async function askHealth(
  channel: GrpcChannel,
  context: Context,
  service: string,
): Promise<HealthStatus> {
  const { status } = await unaryCall(channel, healthWire, context, (client, options) =>
    client.check({ service }, options),
  );
  return (ServingStatus[status] ?? "UNKNOWN") as HealthStatus;
}
