// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceEndpoint } from "@nsm/api";
import type { RegistryElement } from "@nsm/core";
import { type ClientInfo, clientInfoElement } from "./client-info.js";

/** The server form of `clientInfoClient`: the same labels, added by the manager for endpoints that bring none. */
export function clientInfoServer(info: ClientInfo): RegistryElement<NetworkServiceEndpoint> {
  return clientInfoElement("client-info-server", info);
}
