// SPDX-License-Identifier: Apache-2.0
import type { ConnectionEvent } from "@nsm/api";
import { metadataKey } from "../../utils/metadata/index.js";

/** Takes events about connections of this server; what it is given is copied. Upstream: `monitor.EventConsumer`. */
export interface EventConsumer {
  send(event: ConnectionEvent): void;
}

/** Where elements behind `monitor` announce changes of a connection; there on every Request. */
export const eventConsumer = metadataKey<EventConsumer>("server", "monitor.events");
