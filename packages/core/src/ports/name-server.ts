// SPDX-License-Identifier: Apache-2.0
import type { DNSConfig } from "@nsm/api";

/** Answers a client's queries with the servers and search domains of its connections. */
export interface NameServer {
  /** Replaces what one connection brings. */
  set(connectionId: string, configs: readonly DNSConfig[]): void;
  /** Forgets a connection; unknown ids are no error. */
  remove(connectionId: string): void;
}
