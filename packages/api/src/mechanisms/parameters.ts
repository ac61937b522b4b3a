// SPDX-License-Identifier: Apache-2.0
import { InvalidValueError } from "../errors.js";
import type { Mechanism } from "../gen/connection.js";
import { parseUint } from "../go-values.js";
import { formatIp, type IpAddress, parseIp } from "../ip-address.js";
import { CommonParameter } from "./constants.js";

const { SRC_IP, DST_IP, SRC_PORT, DST_PORT, MTU } = CommonParameter;

/** Text of a parameter; `undefined` when the key is absent. Inherited names count as absent. */
export function parameter(mechanism: Mechanism, key: string): string | undefined {
  return Object.hasOwn(mechanism.parameters, key) ? mechanism.parameters[key] : undefined;
}

/** Decimal parameter with Go's rules; 0 when absent, unreadable or above `max`. */
export function numberParameter(mechanism: Mechanism, key: string, max: number): number {
  return parseUint(parameter(mechanism, key), max) ?? 0;
}

/**
 * Writes a decimal parameter.
 *
 * @throws INVALID_ARGUMENT NSM_NUMBER_RANGE unless `value` is an integer from 0 to `max`
 */
export function setNumberParameter(mechanism: Mechanism, key: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new InvalidValueError(
      "NSM_NUMBER_RANGE",
      key,
      `${key} must be an integer from 0 to ${max}: ${value}`,
    );
  }
  mechanism.parameters[key] = String(value);
}

/** Outer addresses of a REMOTE mechanism and what else both ends must know of each other. */
export interface TunnelEnds {
  /** Client forwarder's address, canonical text; empty when unset or not an address. */
  readonly srcIp: string;
  /** Endpoint forwarder's address, canonical text; empty when unset or not an address. */
  readonly dstIp: string;
  /** UDP port, 0 when unset. */
  readonly srcPort: number;
  /** UDP port, 0 when unset. */
  readonly dstPort: number;
  /** Bytes, 0 when unset. */
  readonly mtuBytes: number;
}

/** Reads the parameters shared by VXLAN, WIREGUARD and IPSEC. */
export function tunnelEnds(mechanism: Mechanism): TunnelEnds {
  return {
    srcIp: ipText(mechanism, SRC_IP),
    dstIp: ipText(mechanism, DST_IP),
    srcPort: numberParameter(mechanism, SRC_PORT, 0xffff),
    dstPort: numberParameter(mechanism, DST_PORT, 0xffff),
    mtuBytes: numberParameter(mechanism, MTU, 0xffffffff),
  };
}

/**
 * Writes the given ones of the parameters shared by VXLAN, WIREGUARD and IPSEC, addresses in canonical text.
 *
 * @throws INVALID_ARGUMENT NSM_IP_ADDRESS for text that is not an address
 * @throws INVALID_ARGUMENT NSM_NUMBER_RANGE for a port beyond 16 bits or an MTU beyond 32
 */
export function setTunnelEnds(mechanism: Mechanism, ends: Partial<TunnelEnds>): void {
  if (ends.srcIp !== undefined) mechanism.parameters[SRC_IP] = canonicalIp(SRC_IP, ends.srcIp);
  if (ends.dstIp !== undefined) mechanism.parameters[DST_IP] = canonicalIp(DST_IP, ends.dstIp);
  if (ends.srcPort !== undefined) setNumberParameter(mechanism, SRC_PORT, ends.srcPort, 0xffff);
  if (ends.dstPort !== undefined) setNumberParameter(mechanism, DST_PORT, ends.dstPort, 0xffff);
  if (ends.mtuBytes !== undefined) setNumberParameter(mechanism, MTU, ends.mtuBytes, 0xffffffff);
}

/** Address in a parameter; `undefined` when absent, blank or not an address. */
export function ipParameter(mechanism: Mechanism, key: string): IpAddress | undefined {
  return parseIp(parameter(mechanism, key) ?? "");
}

function ipText(mechanism: Mechanism, key: string): string {
  const address = ipParameter(mechanism, key);
  return address === undefined ? "" : formatIp(address);
}

function canonicalIp(key: string, text: string): string {
  const address = parseIp(text);
  if (address === undefined) {
    throw new InvalidValueError(
      "NSM_IP_ADDRESS",
      key,
      `${key} is not an IP address: ${JSON.stringify(text)}`,
    );
  }
  return formatIp(address);
}
