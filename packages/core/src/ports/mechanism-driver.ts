// SPDX-License-Identifier: Apache-2.0
import type { Context } from "../context.js";
import type { Connection } from "../element.js";
import type { Scope } from "../scope.js";

/** Which half of a forwarder a link belongs to: `server` leads to the requester, `client` to the endpoint. */
export type LinkSide = "server" | "client";

/** A link to be built for one side of a connection. */
export interface LinkRequest {
  readonly side: LinkSide;
  /** Connection as this side knows it; its mechanism and context describe the link. */
  readonly connection: Connection;
}

/** The forwarder's end of a link, in the forwarder's network namespace. */
export interface HostPort {
  readonly ifindex: number;
  readonly name: string;
  readonly kind: "veth" | "vxlan";
}

/**
 * Builds the links of one mechanism type. `up` is also called on refresh and after a restart: it adopts and
 * repairs what name and alias show; a failure undoes only what this call made.
 */
export interface MechanismDriver {
  /** Mechanism type, for example `KERNEL`. */
  readonly type: string;
  /** @returns the host end and the stack that takes the link down again (owned by the caller) */
  up(ctx: Context, link: LinkRequest): Promise<{ port: HostPort; undo: Scope }>;
  /** Takes a link down from what the kernel shows, when no undo stack survived; absent counts as success. */
  down(ctx: Context, link: LinkRequest): Promise<void>;
}
