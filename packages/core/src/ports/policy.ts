// SPDX-License-Identifier: Apache-2.0

/** A token of a path, as policies read it. Expiry in seconds and nanoseconds since the epoch. */
export interface PolicyPathSegment {
  readonly name?: string;
  readonly id?: string;
  readonly token?: string;
  readonly expires?: { readonly seconds?: number; readonly nanos?: number };
  readonly metrics?: Readonly<Record<string, string>>;
}

/**
 * What a policy decides on: the JSON document of upstream's `opa` package, with proto field names. Which fields are
 * there depends on the element: paths of connections, registrations (`resource_*`), or monitors.
 */
export interface PolicyInput {
  readonly auth_info: {
    /** PEM of the peer's leaf certificate, or empty. */
    readonly certificate: string;
  };
  /** Absent means 0, as protobuf's JSON omits zero values. */
  readonly index?: number;
  readonly path_segments?: readonly PolicyPathSegment[];
  /** SPIFFE ID of whoever stands at the start of the path. */
  readonly resource_id?: string;
  readonly resource_name?: string;
  /** Who registered each name, first the owner. */
  readonly resource_path_ids_map?: Readonly<Record<string, readonly string[]>>;
  /** Connection ids by SPIFFE ID of their holder. */
  readonly spiffe_id_connection_map?: Readonly<Record<string, readonly string[]>>;
  readonly selector_connection_ids?: readonly string[];
  readonly service_spiffe_id?: string;
}

/** Decides whether a call may go on. Several policies are one policy that asks each in order. */
export interface Policy {
  /** For logs: `policy failed: <name>`. */
  readonly name: string;
  /** @throws PERMISSION_DENIED `no sufficient privileges`; INTERNAL when it cannot decide */
  check(input: PolicyInput): Promise<void>;
}
