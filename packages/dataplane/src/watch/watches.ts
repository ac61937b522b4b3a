// SPDX-License-Identifier: Apache-2.0
import type { HostPort } from "@nsm/core";

/** `down`: no carrier, one of its ends is set down. `gone`: deleted, as a veth is with the namespace of its peer. */
export type PortState = "up" | "down" | "gone";

/** Something followed. */
export interface Following {
  /** Ends it; nothing is called afterwards. Safe to call twice. */
  close(): void;
}

/** Tells what happens to connections outside of their calls; holds no namespace. */
export interface Watches {
  /** Calls `onEvent` whenever the port may have changed its state. */
  followPort(port: HostPort, onEvent: () => void): Following;
  /** The state of a port now. */
  portState(port: HostPort): Promise<PortState>;
  /** Calls `onEnded` once when the last process of a network namespace has ended. @param ino its inode number */
  followNamespace(ino: bigint, onEnded: () => void): Following;
  /** What is followed. */
  statistics(): Record<string, number>;
}
