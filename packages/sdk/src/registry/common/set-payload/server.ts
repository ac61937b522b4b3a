// SPDX-License-Identifier: Apache-2.0
import { type NetworkService, Payload } from "@nsm/api";
import type { RegistryElement } from "@nsm/core";

/**
 * Gives a network service registered without payload the default one. Upstream: `setpayload`.
 * @param defaultPayload default `IP`
 */
export function setPayloadServer(defaultPayload: string = Payload.IP): RegistryElement<NetworkService> {
  return {
    name: "set-payload-server",
    register(ctx, item, next) {
      if (item.payload === "") item.payload = defaultPayload;
      return next.register(ctx, item);
    },
  };
}
