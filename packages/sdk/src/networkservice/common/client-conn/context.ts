// SPDX-License-Identifier: Apache-2.0
import type { Channel } from "@nsm/core";
import { metadataKey } from "../../utils/metadata/index.js";

/**
 * The channel to the next hop of a connection, there from a successful Request to the Close; set by `client-conn`
 * or `dial`, read by whoever follows the next hop's events. Upstream: `clientconn.Load`.
 */
export const clientChannel = metadataKey<Channel>("client", "client-conn");
