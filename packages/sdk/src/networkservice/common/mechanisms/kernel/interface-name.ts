// SPDX-License-Identifier: Apache-2.0
import { randomInt } from "node:crypto";
import { INTERFACE_NAME_MAX_BYTES } from "@nsm/api";

const PREFIX_MAX = 10;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Makes the name of an interface, at most 15 bytes, for a connection to a network service. */
export type InterfaceNameGenerator = (networkService: string) => string;

/**
 * Names of the form `<first 10 characters of the network service>-<random>`, always 15 characters.
 * Upstream: `kernel.generateInterfaceName`. Deviation: characters that an interface name cannot have (dev_valid_name
 * of the kernel refuses slash, colon and blanks) become `-`.
 * @param random uniform integers from 0 to its argument, exclusive
 */
export function interfaceNameGenerator(random: (max: number) => number = randomInt): InterfaceNameGenerator {
  return (networkService) => {
    let name = `${networkService.slice(0, PREFIX_MAX).replace(/[^\w.@-]/g, "-")}-`;
    while (name.length < INTERFACE_NAME_MAX_BYTES) name += ALPHABET[random(ALPHABET.length)];
    return name;
  };
}

/** A given name as the kernel takes it: cut to 15 bytes. */
export function cutInterfaceName(name: string): string {
  let cut = name;
  while (Buffer.byteLength(cut) > INTERFACE_NAME_MAX_BYTES) cut = cut.slice(0, -1);
  return cut;
}
