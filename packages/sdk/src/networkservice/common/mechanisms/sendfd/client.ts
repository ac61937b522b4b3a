// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl, isInodeUrl, type Mechanism } from "@nsm/api";
import {
  type Context,
  canPassDescriptors,
  type Descriptors,
  type Fd,
  type NetworkServiceElement,
  outgoingCall,
  sendDescriptor,
} from "@nsm/core";
import { filePath, inodeParameter, setInodeParameter } from "../inode-parameter.js";

/** What one call sends. */
class Sent {
  readonly #fds = new Map<string, Fd>();
  readonly #fileUrls = new Map<string, string>();

  constructor(
    private readonly ctx: Context,
    private readonly descriptors: Descriptors,
  ) {}

  /** Opens the file of each mechanism with a `file:` URL once, queues it, and announces it by `inode:` URL. */
  async announce(mechanisms: readonly (Mechanism | undefined)[]): Promise<void> {
    for (const mechanism of mechanisms) {
      const url = mechanism === undefined ? undefined : inodeParameter(mechanism);
      const path = filePath(url);
      if (mechanism === undefined || url === undefined || path === undefined) continue;
      let fd = this.#fds.get(url);
      if (fd === undefined) {
        fd = await this.descriptors.open(path);
        this.#fds.set(url, fd);
        sendDescriptor(this.ctx, "next", fd);
      }
      const inodeUrl = formatInodeUrl(fd);
      this.#fileUrls.set(inodeUrl, url);
      setInodeParameter(mechanism, inodeUrl);
    }
  }

  /** True when `inodeUrl` announces a descriptor that this call sends. */
  accompanies(inodeUrl: string): boolean {
    return this.#fileUrls.has(inodeUrl);
  }

  /** Puts the own `file:` URL back into a returned mechanism. */
  translateBack(mechanism: Mechanism | undefined): void {
    if (mechanism === undefined) return;
    const url = this.#fileUrls.get(inodeParameter(mechanism) ?? "");
    if (url !== undefined) setInodeParameter(mechanism, url);
  }

  /** After the call: closes the own descriptors and takes them off it. */
  close(): void {
    const queue = this.ctx.get(outgoingCall)?.descriptors;
    for (const fd of this.#fds.values()) {
      const index = queue?.indexOf(fd) ?? -1;
      if (index >= 0) queue?.splice(index, 1);
      fd.close();
    }
  }
}

/**
 * Sends the files that preferences and mechanism name by `file:` URL beside the call and announces them by `inode:`
 * URL; a returned mechanism gets the own `file:` URL back. An `inode:` URL in a Request's mechanism that no descriptor
 * accompanies (the next hop's own, on a refresh) is left out, as the next hop would wait for one. Transparent over
 * TCP. On Close a file that cannot be opened is logged, and Close goes on.
 * Place behind `dial`, last of what touches mechanisms. State: none. Upstream: `mechanisms/sendfd.NewClient`.
 * @throws the system error of open(2), NOT_FOUND or PERMISSION_DENIED (Request)
 */
export function sendfdClient(descriptors: Descriptors): NetworkServiceElement {
  return {
    name: "sendfd-client",
    async request(ctx, request, next) {
      if (!canPassDescriptors(ctx, "next")) return next.request(ctx, request);
      const sent = new Sent(ctx, descriptors);
      const { mechanism } = request.connection;
      try {
        await sent.announce([...request.mechanismPreferences, mechanism]);
        const url = mechanism === undefined ? undefined : inodeParameter(mechanism);
        if (mechanism !== undefined && url !== undefined && isInodeUrl(url) && !sent.accompanies(url)) {
          setInodeParameter(mechanism, undefined);
        }
        const connection = await next.request(ctx, request);
        sent.translateBack(connection.mechanism);
        return connection;
      } finally {
        sent.close();
      }
    },
    async close(ctx, connection, next) {
      if (!canPassDescriptors(ctx, "next")) return next.close(ctx, connection);
      const sent = new Sent(ctx, descriptors);
      try {
        try {
          await sent.announce([connection.mechanism]);
        } catch (error) {
          ctx.log.warn({ err: error, connId: connection.id }, "Close goes without its descriptor");
        }
        await next.close(ctx, connection);
      } finally {
        sent.close();
      }
    },
  };
}
