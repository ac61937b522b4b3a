// SPDX-License-Identifier: Apache-2.0
import { State } from "@nsm/api";
import type { Request } from "@nsm/core";

/** Changes a Request, which it owns, so that another endpoint may answer it. Upstream: `begin.ReselectFunc`. */
export type Reselect = (request: Request) => void;

/** Any endpoint and any mechanism. */
export const reselectAnyEndpoint: Reselect = ({ connection }) => {
  connection.mechanism = undefined;
  connection.networkServiceEndpointName = "";
  connection.state = State.RESELECT_REQUESTED;
};

/** A new way to the same endpoint. */
export const reselectSameEndpoint: Reselect = ({ connection }) => {
  connection.mechanism = undefined;
  connection.state = State.RESELECT_REQUESTED;
};
