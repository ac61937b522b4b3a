// SPDX-License-Identifier: Apache-2.0
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { isInodeUrl, kernelParameters, type Mechanism, parseInodeUrl } from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";
import { loadMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import { downReport } from "../report-down/index.js";

/**
 * Has the network namespace followed that the endpoint's answer names: when its last process has ended, the connection
 * is announced as DOWN and closed. A connection without KERNEL mechanism, or without readable namespace, is not
 * followed. Place as upstream between `recvfd` and `sendfd`, where the answer still has the `inode:` URL.
 * State: in `report-down`. Upstream: sdk-kernel `nsmonitor`. Deviations: upstream looks for a process called `pause`
 * and asks for it every 250 ms; here any process counts and its end is waited for.
 */
export function nsMonitorClient(): NetworkServiceElement {
  return {
    name: "ns-monitor-client",
    async request(ctx, request, next) {
      const connection = await next.request(ctx, request);
      const report = loadMetadata(ctx, downReport);
      if (report !== undefined) report.followEndpoint(await inodeOf(connection.mechanism));
      return connection;
    },
  };
}

async function inodeOf(mechanism: Mechanism | undefined): Promise<bigint | undefined> {
  const url = kernelParameters(mechanism)?.netnsUrl ?? "";
  try {
    if (isInodeUrl(url)) return parseInodeUrl(url).ino;
    if (!url.startsWith("file:")) return undefined;
    return (await stat(fileURLToPath(url), { bigint: true })).ino;
  } catch {
    return undefined; // whoever needs the namespace says what is wrong with it
  }
}
