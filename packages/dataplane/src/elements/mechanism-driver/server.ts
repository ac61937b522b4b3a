// SPDX-License-Identifier: Apache-2.0
import { Payload } from "@nsm/api";
import {
  Code,
  type Connection,
  type MechanismDriver,
  type NetworkServiceElement,
  StatusError,
} from "@nsm/core";
import { afterNext } from "../after-next.js";
import { isNewSide } from "./context.js";
import { bringUp, closeSide } from "./links.js";

/** Payload of a connection; an absent one counts as IP, the registry's default. */
export function payloadOf(connection: Connection): string {
  return connection.payload || Payload.IP;
}

/**
 * The requester's side of one mechanism: builds the link on the way back, so that the reply tells of a link that
 * exists. Place as handler of `mechanisms-server`. State: the side's link, in the metadata. Close needs no
 * descriptor; after a restart it finds the link by its name.
 * Upstream: sdk-vpp `mechanisms/kernel`, `mechanisms/vxlan` and their servers.
 * @param payloads what links of this mechanism may carry here; others are refused, so that the peer's next
 * preference is tried
 * @throws FAILED_PRECONDITION PAYLOAD_UNSUPPORTED; whatever the driver throws
 */
export function mechanismDriverServer(
  driver: MechanismDriver,
  payloads: readonly string[] = [Payload.ETHERNET, Payload.IP],
): NetworkServiceElement {
  return {
    name: `${driver.type.toLowerCase()}-server`,
    async request(ctx, request, next) {
      const payload = payloadOf(request.connection);
      if (!payloads.includes(payload)) {
        throw new StatusError(
          Code.FAILED_PRECONDITION,
          `mechanism ${driver.type} cannot carry payload ${payload} here`,
          {
            reason: "PAYLOAD_UNSUPPORTED",
          },
        );
      }
      return await afterNext(ctx, request, next, isNewSide(ctx, "server"), (connection) =>
        bringUp(ctx, driver, "server", connection),
      );
    },
    close: (ctx, connection, next) => closeSide(ctx, driver, "server", connection, next),
  };
}
