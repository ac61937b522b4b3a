// SPDX-License-Identifier: Apache-2.0

/** What an {@link IpamError} is about. */
export type IpamReason =
  | "NSM_IPAM_BAD_ADDRESS"
  | "NSM_IPAM_BAD_CIDR"
  | "NSM_IPAM_BAD_GROUPS"
  | "NSM_IPAM_EMPTY"
  | "NSM_IPAM_NO_PREFIX"
  | "NSM_IPAM_NOT_IN_POOL"
  | "NSM_IPAM_TOO_SMALL";

const codes = {
  NSM_IPAM_BAD_ADDRESS: "INVALID_ARGUMENT",
  NSM_IPAM_BAD_CIDR: "INVALID_ARGUMENT",
  NSM_IPAM_BAD_GROUPS: "INVALID_ARGUMENT",
  NSM_IPAM_EMPTY: "RESOURCE_EXHAUSTED",
  NSM_IPAM_NO_PREFIX: "INVALID_ARGUMENT",
  NSM_IPAM_NOT_IN_POOL: "RESOURCE_EXHAUSTED",
  NSM_IPAM_TOO_SMALL: "INVALID_ARGUMENT",
} as const satisfies Record<IpamReason, string>;

/** A pool that cannot give what is asked, or text that is no address. `code` is the gRPC status name to answer with. */
export class IpamError extends Error {
  override readonly name = "IpamError";
  readonly code: (typeof codes)[IpamReason];

  constructor(
    readonly reason: IpamReason,
    message: string,
  ) {
    super(message);
    this.code = codes[reason];
  }
}

/** Upstream's text, which its peers show. */
export const poolIsEmpty = (): IpamError => new IpamError("NSM_IPAM_EMPTY", "IPPool is empty");

/** Upstream's text, which its peers show. */
export const notInPool = (): IpamError =>
  new IpamError("NSM_IPAM_NOT_IN_POOL", "IPPool doesn't contain required IP");
