// SPDX-License-Identifier: Apache-2.0
import { type CancellableContext, rootContext, withCancel } from "@nsm/core";
import type { Ports } from "./ports.js";

/** The context of a daemon's background work: ends when the daemon stops, or with its process. */
export function daemonLifetime(ports: Ports): CancellableContext {
  const { clock, log, signal } = ports;
  return withCancel(rootContext({ clock, log, ...(signal === undefined ? {} : { signal }) }));
}
