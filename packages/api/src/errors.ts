// SPDX-License-Identifier: Apache-2.0

/** What kind of value an {@link InvalidValueError} refuses. */
export type InvalidValueReason =
  | "NSM_DNS_CONFIG"
  | "NSM_EXTRA_PREFIX_REQUEST"
  | "NSM_INODE_URL"
  | "NSM_IP_ADDRESS"
  | "NSM_NUMBER_RANGE"
  | "NSM_PORT_RANGE"
  | "NSM_RANDOM_SOURCE"
  | "NSM_SERVICE_URL"
  | "NSM_TIMESTAMP";

/**
 * A value from a peer, a user or a configuration that this package cannot accept.
 * `code` is the gRPC status name a server answers with; `part` names the piece of the value at fault.
 */
export class InvalidValueError extends Error {
  override readonly name = "InvalidValueError";
  readonly code = "INVALID_ARGUMENT";

  constructor(
    readonly reason: InvalidValueReason,
    readonly part: string,
    message: string,
  ) {
    super(message);
  }
}
