// SPDX-License-Identifier: Apache-2.0
import { contextKey } from "@nsm/core";

/** End of life of the token this hop made for the call, milliseconds since the epoch; set by `updatePathServer`. */
export const ownTokenExpiresMs = contextKey<number>("update-path.own-token-expires");
