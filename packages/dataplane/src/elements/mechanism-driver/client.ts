// SPDX-License-Identifier: Apache-2.0
import { clone, newMechanism, Payload } from "@nsm/api";
import {
  type Connection,
  type Context,
  type MechanismDriver,
  type NetworkServiceElement,
  type NetworkServiceNext,
  type Request,
  statusOf,
} from "@nsm/core";
import { afterNext } from "../after-next.js";
import { isNewSide } from "./context.js";
import { bringUp, closeSide } from "./links.js";
import { payloadOf } from "./server.js";

/** How {@link mechanismDriverClient} offers its mechanism. */
export interface MechanismDriverClientOptions {
  /** `LOCAL` or `REMOTE`. */
  readonly cls: string;
  /** For which payloads the mechanism is offered. Default: all. */
  readonly payloads?: readonly string[];
  /**
   * How often a new connection is asked for when the VNI that the peer chose is taken on this node; each time the
   * former one is closed first. Default 1.
   */
  readonly attempts?: number;
}

/**
 * The endpoint's side of one mechanism: adds a preference, and builds the link once the reply has chosen it.
 * Place in a forwarder's client chain behind `mechanism-translation`. State: the side's link, in the metadata.
 * Upstream: sdk-vpp `mechanisms/kernel`, `mechanisms/vxlan` and their clients.
 * @throws whatever the driver throws; a new connection is closed first
 */
export function mechanismDriverClient(
  driver: MechanismDriver,
  options: MechanismDriverClientOptions,
): NetworkServiceElement {
  const { cls, payloads = [Payload.ETHERNET, Payload.IP], attempts = 1 } = options;

  const ask = (ctx: Context, request: Request, next: NetworkServiceNext): Promise<Connection> =>
    afterNext(ctx, request, next, isNewSide(ctx, "client"), async (connection) => {
      if (connection.mechanism?.type === driver.type) await bringUp(ctx, driver, "client", connection);
    });

  return {
    name: `${driver.type.toLowerCase()}-client`,
    async request(ctx, request, next) {
      const isOffered = request.mechanismPreferences.some(({ type }) => type === driver.type);
      if (!isOffered && payloads.includes(payloadOf(request.connection))) {
        request.mechanismPreferences.push(newMechanism(cls, driver.type));
      }
      for (let attempt = 1; attempt < attempts && isNewSide(ctx, "client"); attempt++) {
        try {
          return await ask(ctx, clone(request), next);
        } catch (error) {
          if (statusOf(error).reason !== "VNI_IN_USE") throw error;
          ctx.log.info({ err: error, attempt }, "the peer's VNI is taken here, asking for another one");
        }
      }
      return await ask(ctx, request, next);
    },
    close: (ctx, connection, next) => closeSide(ctx, driver, "client", connection, next),
  };
}
