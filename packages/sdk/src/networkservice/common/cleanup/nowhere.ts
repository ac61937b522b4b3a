// SPDX-License-Identifier: Apache-2.0
import { type Channel, Code, StatusError } from "@nsm/core";

const refuse = (): never => {
  throw new StatusError(Code.UNAVAILABLE, "the chain has ended", { reason: "CHAIN_ENDED" });
};

const refuseStream = async function* (): AsyncGenerator<never> {
  yield refuse();
};

const registry = { register: async () => refuse(), find: refuseStream, unregister: async () => {} };

/** A channel that leads nowhere: Close and Unregister succeed, everything else is UNAVAILABLE. */
export const nowhere: Channel = {
  url: new URL("about:blank"),
  peer: undefined,
  passesDescriptors: false,
  networkService: { request: async () => refuse(), close: async () => {} },
  monitor: { monitorConnections: refuseStream },
  networkServices: registry,
  endpoints: registry,
  close: () => {},
};
