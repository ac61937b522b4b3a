// SPDX-License-Identifier: Apache-2.0
import type { HostPort, LinkSide } from "@nsm/core";

/** Names of a connection's links in the forwarder's namespace. */
export type LinkNames = Readonly<Record<LinkSide, string>>;

/** What a hold does with its links at the end. */
export interface HeldLinks {
  isLeftover(name: string): boolean;
  keep(name: string, port: HostPort): void;
  failed(name: string): void;
  closed(name: string, complete: boolean): void;
}

/** A call that works on a connection's links; one of its methods must be called at the end, once. */
export class LinkHold {
  /** Sides whose link an earlier process left, and that may be forwarding. */
  readonly returning: ReadonlySet<LinkSide>;

  constructor(
    private readonly names: LinkNames,
    private readonly links: HeldLinks,
  ) {
    this.returning = new Set(sidesOf(names).filter((side) => links.isLeftover(names[side])));
  }

  /** The Request has succeeded: the links are a live connection's. A side without port has none. */
  keep(ports: Partial<Record<LinkSide, HostPort | undefined>>): void {
    for (const side of sidesOf(this.names)) {
      const port = ports[side];
      if (port === undefined) this.links.closed(this.names[side], false);
      else this.links.keep(this.names[side], port);
    }
  }

  /** The Request has failed: a live connection's links stay, others wait for a repetition or are looked after. */
  failed(): void {
    for (const name of Object.values(this.names)) this.links.failed(name);
  }

  /** The Close has ended. @param complete false: links may be there still and are removed later */
  closed(complete: boolean): void {
    for (const name of Object.values(this.names)) this.links.closed(name, complete);
  }
}

function sidesOf(names: LinkNames): LinkSide[] {
  return Object.keys(names) as LinkSide[];
}
