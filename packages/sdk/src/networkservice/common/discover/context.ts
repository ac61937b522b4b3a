// SPDX-License-Identifier: Apache-2.0
import type { NetworkService, NetworkServiceEndpoint } from "@nsm/api";
import { contextKey } from "@nsm/core";

/** Endpoints that may answer a request. */
export interface Candidates {
  readonly networkService: NetworkService;
  /** At least one, in match order. */
  readonly endpoints: readonly NetworkServiceEndpoint[];
}

/** Set by `discover`, read by `round-robin`. Upstream: `discover.Candidates`. */
export const candidates = contextKey<Candidates>("discover.candidates");
