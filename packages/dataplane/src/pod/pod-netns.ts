// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from "node:url";
import { kernelParameters, type Mechanism } from "@nsm/api";
import { Code, StatusError } from "@nsm/core";
import { hasCode, type Netns, openNetns, openRouteSocket, type RouteSocket } from "@nsm/linux";

/** A pod's network namespace during one call. Nothing of it may be kept: it would keep a dead pod's links alive. */
export interface Pod {
  readonly netns: Netns;
  /** rtnetlink inside the pod. */
  readonly route: RouteSocket;
}

/** Opens rtnetlink in a namespace; `openRouteSocket`, or what a test puts around it. */
export type OpenRoute = (netns: Netns) => RouteSocket;

/**
 * Enters the pod that a KERNEL mechanism names, for the time of `work`.
 * @param mechanism its `inodeURL` must be a `file://` URL that this process can open now
 * @throws INVALID_ARGUMENT NETNS_URL for another mechanism or scheme or none; NOT_A_NETNS for another kind of file
 * @throws FAILED_PRECONDITION NETNS_GONE when the path no longer exists
 */
export async function withPod<T>(
  mechanism: Mechanism | undefined,
  work: (pod: Pod) => Promise<T>,
  openRoute: OpenRoute = openRouteSocket,
): Promise<T> {
  const netns = openPodNetns(mechanism);
  try {
    const route = openRoute(netns);
    try {
      return await work({ netns, route });
    } finally {
      route.close();
    }
  } finally {
    netns.close();
  }
}

/** Opens the namespace that a KERNEL mechanism names; close it before the call returns. Errors: {@link withPod}. */
export function openPodNetns(mechanism: Mechanism | undefined): Netns {
  const url = kernelParameters(mechanism)?.netnsUrl ?? "";
  if (url === "") {
    throw new StatusError(
      Code.INVALID_ARGUMENT,
      "the KERNEL mechanism names no network namespace: parameter inodeURL is missing",
      { reason: "NETNS_URL" },
    );
  }
  const path = filePath(url);
  try {
    return openNetns(path);
  } catch (cause) {
    if (hasCode(cause, "ENOENT", "ESRCH", "ENOTDIR")) {
      throw new StatusError(Code.FAILED_PRECONDITION, `network namespace ${url} is gone`, {
        reason: "NETNS_GONE",
        cause,
      });
    }
    if (hasCode(cause, "EINVAL")) {
      throw new StatusError(Code.INVALID_ARGUMENT, `${url} is not a network namespace`, {
        reason: "NOT_A_NETNS",
        cause,
      });
    }
    throw cause;
  }
}

function filePath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new StatusError(
      Code.INVALID_ARGUMENT,
      `not the file URL of a network namespace: ${JSON.stringify(url)}`,
      { reason: "NETNS_URL", cause },
    );
  }
}
