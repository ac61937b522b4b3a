// SPDX-License-Identifier: Apache-2.0
import { clone, type DNSConfig } from "@nsm/api";
import type { NameServer } from "@nsm/core";

/** A name server that answers nothing and shows what it was told. */
export interface MemoryNameServer extends NameServer {
  /** Copies of what each connection brought, by connection id. */
  readonly configs: ReadonlyMap<string, readonly DNSConfig[]>;
}

/** Makes one without connections. */
export function memoryNameServer(): MemoryNameServer {
  const configs = new Map<string, readonly DNSConfig[]>();
  return {
    configs,
    set: (connectionId, given) => void configs.set(connectionId, clone([...given])),
    remove: (connectionId) => void configs.delete(connectionId),
  };
}
