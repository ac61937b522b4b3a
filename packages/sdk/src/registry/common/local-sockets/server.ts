// SPDX-License-Identifier: Apache-2.0
import { posix } from "node:path";
import type { NetworkServiceEndpoint } from "@nsm/api";
import { Code, type RegistryElement, StatusError } from "@nsm/core";

const SCHEME = /^unix:/i;

/** True below one of the directories; both absolute, `..` never is below anything. */
function isBelow(path: string, directories: readonly string[]): boolean {
  if (!path.startsWith("/") || path.split("/").includes("..")) return false;
  return directories.some((directory) => path.startsWith(directory === "/" ? "/" : `${directory}/`));
}

/** Path of any text that starts as a `unix:` URL; empty for what is none. */
function pathOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname);
  } catch {
    return "";
  }
}

/**
 * Refuses endpoints that name a socket by a path outside of some directories. Whoever finds such an endpoint gets a
 * descriptor of what lies there as this process sees it, and the next hop dials it: an endpoint must not lend itself
 * a socket that it could not reach, such as that of a container runtime. Descriptors (`inode:` URLs) prove possession
 * and pass. Symbolic links are not looked through: list directories that only trusted pods can write. Place before
 * `recvfd`, which puts paths of its own into `url`. State: none. Upstream: none, any path passes.
 * @param directories absolute, for example `/var/lib/networkservicemesh`; `/`: any path; none: no path passes
 * @throws INVALID_ARGUMENT SOCKET_OUTSIDE (Register)
 */
export function localSocketsServer(directories: readonly string[]): RegistryElement<NetworkServiceEndpoint> {
  const allowed = directories.map((directory) => posix.resolve("/", directory));
  return {
    name: "local-sockets-server",
    async register(ctx, item, next) {
      const { url } = item;
      if (SCHEME.test(url) && !isBelow(pathOf(url), allowed)) {
        const where = allowed.length === 0 ? "" : `, or lies below ${allowed.join(" or ")}`;
        throw new StatusError(
          Code.INVALID_ARGUMENT,
          `url ${JSON.stringify(url)}: the socket of an endpoint is sent as a descriptor${where}`,
          { reason: "SOCKET_OUTSIDE" },
        );
      }
      return await next.register(ctx, item);
    },
  };
}
