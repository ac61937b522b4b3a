// SPDX-License-Identifier: Apache-2.0
import type { Mechanism } from "../gen/connection.js";
import { parseBool } from "../go-values.js";
import { KernelParameter, MechanismType } from "./constants.js";
import { numberParameter, parameter, setNumberParameter } from "./parameters.js";

/** Longest name of a network interface in bytes: `IFNAMSIZ` of linux/if.h less the final zero. */
export const INTERFACE_NAME_MAX_BYTES = 15;

/** What clients and endpoints put into `inodeURL` before the descriptor of their namespace is sent. */
export const OWN_NETNS_URL = "file:///proc/thread-self/ns/net";

const VLAN_MAX = 0xfff;

/** Parameters of a KERNEL mechanism; absent text is empty, absent or unreadable numbers are 0, booleans false. */
export interface KernelParameters {
  /** Network namespace of the pod: `file://` before, `inode://` after the descriptor was sent. */
  readonly netnsUrl: string;
  /** Interface in the pod, at most {@link INTERFACE_NAME_MAX_BYTES} bytes. */
  readonly interfaceName: string;
  /** Decimal inode, legacy peers only. */
  readonly netnsInode: string;
  /** Virtual function of SR-IOV. */
  readonly pciAddress: string;
  /** Token of the SR-IOV resource pool. */
  readonly tokenId: string;
  /** The forwarder can carry several connections on one link, told apart by VLAN id. */
  readonly supportsVlan: boolean;
  /** 1 to 4094, 0 when unset. */
  readonly vlanId: number;
  /** Ask for the sysctl `route_localnet` in the endpoint's namespace. */
  readonly routeLocalNet: boolean;
  /** Rules joined by `;`, a Go template. */
  readonly iptablesNatTemplate: string;
}

/** Reads a KERNEL mechanism; `undefined` for other types and for none. Booleans by Go's `ParseBool`. */
export function kernelParameters(mechanism: Mechanism | undefined): KernelParameters | undefined {
  if (mechanism?.type !== MechanismType.KERNEL) return undefined;
  const text = (key: string): string => parameter(mechanism, key) ?? "";
  return {
    netnsUrl: text(KernelParameter.INODE_URL),
    interfaceName: text(KernelParameter.INTERFACE_NAME),
    netnsInode: text(KernelParameter.NETNS_INODE),
    pciAddress: text(KernelParameter.PCI_ADDRESS),
    tokenId: text(KernelParameter.TOKEN_ID),
    supportsVlan: parseBool(parameter(mechanism, KernelParameter.SUPPORTS_VLAN)) ?? false,
    vlanId: numberParameter(mechanism, KernelParameter.VLAN, VLAN_MAX),
    routeLocalNet: parseBool(parameter(mechanism, KernelParameter.ROUTE_LOCAL_NET)) ?? false,
    iptablesNatTemplate: text(KernelParameter.IPTABLES_NAT_TEMPLATE),
  };
}

/**
 * Writes the given parameters into the mechanism; others stay.
 *
 * @throws INVALID_ARGUMENT NSM_NUMBER_RANGE for a VLAN id beyond 12 bits
 */
export function setKernelParameters(mechanism: Mechanism, values: Partial<KernelParameters>): void {
  const texts: readonly [string, string | boolean | undefined][] = [
    [KernelParameter.INODE_URL, values.netnsUrl],
    [KernelParameter.INTERFACE_NAME, values.interfaceName],
    [KernelParameter.NETNS_INODE, values.netnsInode],
    [KernelParameter.PCI_ADDRESS, values.pciAddress],
    [KernelParameter.TOKEN_ID, values.tokenId],
    [KernelParameter.SUPPORTS_VLAN, values.supportsVlan],
    [KernelParameter.ROUTE_LOCAL_NET, values.routeLocalNet],
    [KernelParameter.IPTABLES_NAT_TEMPLATE, values.iptablesNatTemplate],
  ];
  if (values.vlanId !== undefined) {
    setNumberParameter(mechanism, KernelParameter.VLAN, values.vlanId, VLAN_MAX);
  }
  for (const [key, value] of texts) {
    if (value !== undefined) mechanism.parameters[key] = String(value);
  }
}
