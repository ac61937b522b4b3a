// SPDX-License-Identifier: Apache-2.0
import { clone, type NetworkServiceEndpoint, type Timestamp, timestampFromMs } from "@nsm/api";
import { contextKey, type RegistryElement } from "@nsm/core";
import { registryMetadata } from "../metadata/context.js";

const initialTime = contextKey<Timestamp>("set-registration-time.initial");

/**
 * Keeps the time of an endpoint's first Register through all refreshes: the time it came with, else now. Place
 * after `metadata`, which holds the time until Unregister. Upstream: `setregistrationtime`.
 */
export function setRegistrationTimeServer(): RegistryElement<NetworkServiceEndpoint> {
  return {
    name: "set-registration-time-server",
    register(ctx, item, next) {
      const values = ctx.get(registryMetadata);
      const time =
        values?.get(initialTime) ?? item.initialRegistrationTime ?? timestampFromMs(ctx.clock.now());
      values?.set(initialTime, clone(time));
      item.initialRegistrationTime = clone(time);
      return next.register(ctx, item);
    },
  };
}
