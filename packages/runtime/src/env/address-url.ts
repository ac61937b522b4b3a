// SPDX-License-Identifier: Apache-2.0
import { addressUrl, parseAddress } from "@nsm/transport";

/**
 * Reads an address of a daemon in every form that upstream's manifests use, see `parseAddress` of the transport.
 * @returns always with a scheme: `registry:5002` as `tcp://registry:5002`, `tcp://:5002` as `tcp://[::]:5002`
 * @throws INVALID_ARGUMENT BAD_ADDRESS
 */
export function parseUrl(text: string): URL {
  return addressUrl(parseAddress(text));
}
