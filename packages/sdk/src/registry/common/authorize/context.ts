// SPDX-License-Identifier: Apache-2.0
import { contextKey, type PeerIdentity } from "@nsm/core";

/** Where `connectClient` leaves the identity of the registry that answered a call. */
export interface AnsweringServer {
  peer: PeerIdentity | undefined;
}

/** Set by `authorizeClient`, filled by `connectClient`. */
export const answeringServer = contextKey<AnsweringServer>("registry-answering-server");
