// SPDX-License-Identifier: Apache-2.0
import { InvalidValueError } from "../errors.js";
import type { Mechanism } from "../gen/connection.js";
import { mappedValue } from "../ip-address.js";
import { MechanismType, VxlanParameter } from "./constants.js";
import {
  ipParameter,
  numberParameter,
  parameter,
  setNumberParameter,
  setTunnelEnds,
  type TunnelEnds,
  tunnelEnds,
} from "./parameters.js";

const VNI_MAX = 0xffffff;
const DRAWS_MAX = 32;

/** Parameters of a VXLAN mechanism (RFC 7348). */
export interface VxlanParameters extends TunnelEnds {
  /** VXLAN network identifier, 24 bits; 0 when unset. */
  readonly vni: number;
}

/** Reads a VXLAN mechanism; `undefined` for other types and for none. */
export function vxlanParameters(mechanism: Mechanism | undefined): VxlanParameters | undefined {
  if (mechanism?.type !== MechanismType.VXLAN) return undefined;
  return { ...tunnelEnds(mechanism), vni: numberParameter(mechanism, VxlanParameter.VNI, VNI_MAX) };
}

/**
 * Writes the given parameters into the mechanism; others stay. Addresses are written in canonical text.
 *
 * @throws INVALID_ARGUMENT NSM_IP_ADDRESS, NSM_NUMBER_RANGE for values that do not fit
 */
export function setVxlanParameters(mechanism: Mechanism, values: Partial<VxlanParameters>): void {
  setTunnelEnds(mechanism, values);
  if (values.vni !== undefined) setNumberParameter(mechanism, VxlanParameter.VNI, values.vni, VNI_MAX);
}

/**
 * Whether the tunnel takes an even VNI, so that A to B and B to A never share one (upstream `EvenVNI`): the source
 * is not above the destination, compared on 16 bytes. `orig_src_ip` and `orig_dst_ip` win when present, even blank;
 * a blank source gives even, a blank destination odd.
 */
export function evenVni(mechanism: Mechanism): boolean {
  const src = ipParameter(
    mechanism,
    presentKey(mechanism, VxlanParameter.ORIG_SRC_IP, VxlanParameter.SRC_IP),
  );
  const dst = ipParameter(
    mechanism,
    presentKey(mechanism, VxlanParameter.ORIG_DST_IP, VxlanParameter.DST_IP),
  );
  if (src === undefined) return true;
  if (dst === undefined) return false;
  return mappedValue(src) <= mappedValue(dst);
}

/**
 * Draws a VNI of the right parity for the tunnel; it is not written into the mechanism. Never 0, which peers read
 * as unset (upstream may draw it).
 *
 * @param randomUint32 uniform integers from 0 to 2^32 - 1
 * @throws INVALID_ARGUMENT NSM_IP_ADDRESS when `src_ip` or `dst_ip` is not set
 * @throws INVALID_ARGUMENT NSM_RANDOM_SOURCE when the source yields nothing but 0
 */
export function randomVni(mechanism: Mechanism, randomUint32: () => number): number {
  for (const key of [VxlanParameter.SRC_IP, VxlanParameter.DST_IP]) {
    if (ipParameter(mechanism, key) === undefined) {
      throw new InvalidValueError("NSM_IP_ADDRESS", key, `a VNI needs ${key}, which is not set`);
    }
  }
  const parity = evenVni(mechanism) ? 0 : 1;
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const vni = (randomUint32() * 2 + parity) % (VNI_MAX + 1);
    if (vni !== 0) return vni;
  }
  throw new InvalidValueError("NSM_RANDOM_SOURCE", "randomUint32", `${DRAWS_MAX} draws gave no usable VNI`);
}

function presentKey(mechanism: Mechanism, preferred: string, fallback: string): string {
  return parameter(mechanism, preferred) === undefined ? fallback : preferred;
}
