// SPDX-License-Identifier: Apache-2.0
import { newConnection, newMechanism } from "@nsm/api";
import {
  type Context,
  type Daemon,
  type NetworkServiceElement,
  type NetworkServiceNext,
  normalizeConnection,
  type Request,
  withTimeout,
} from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { type LabNode, type LabProcess, NSM_DIRECTORY } from "@nsm/lab";
import { defineEnv, optionalUrl, runDaemon, string } from "@nsm/runtime";
import { obey } from "./orders.js";

const spec = defineEnv("NSM", {
  name: string({ default: "hop", desc: "name of the hop" }),
  listenOn: optionalUrl({ desc: "address served; none: the caller" }),
  connectTo: optionalUrl({ desc: "next hop; none: the last one" }),
});

interface HopConfig {
  readonly name: string;
  readonly listenOn: readonly URL[];
  readonly next: URL | undefined;
}

const CALL_TIMEOUT_MS = 15_000;

/** Dials as the mesh does, over pooled channels, and hands on what it got. */
function passOn({ connector }: Ports, next: URL): NetworkServiceNext {
  const through = async <T>(ctx: Context, call: (to: NetworkServiceNext) => Promise<T>): Promise<T> => {
    const channel = await connector.connect(next, { scope: "pooled", signal: ctx.signal });
    try {
      return await call(channel.networkService);
    } finally {
      channel.close();
    }
  };
  return {
    request: (ctx, request) => through(ctx, (to) => to.request(ctx, request)),
    close: (ctx, connection) => through(ctx, (to) => to.close(ctx, connection)),
  };
}

/** A message of the size that the mesh passes on. */
function sample(): Request {
  const segment = (index: number) => ({ name: `hop-${index}`, id: `id-${index}`, token: "t".repeat(300) });
  const connection = newConnection({
    id: "id-0",
    networkService: "bench",
    mechanism: newMechanism("LOCAL", "KERNEL", { name: "bench-0", inodeURL: "inode://4/4026532000" }),
    labels: { nodeName: "node-1", podName: "load" },
    path: { index: 0, pathSegments: [0, 1, 2, 3].map(segment) },
    context: { ipContext: { srcIpAddrs: ["172.16.0.1/32"], dstIpAddrs: ["172.16.0.0/32"] } },
  });
  return { connection: normalizeConnection(connection), mechanismPreferences: [] };
}

function hop({ name, next }: HopConfig, ports: Ports): Daemon {
  const following = next && passOn(ports, next);
  const element: NetworkServiceElement = {
    name,
    request: async (ctx, request) =>
      following === undefined ? request.connection : await following.request(ctx, request),
  };
  return {
    services: { networkService: element },
    async start(ctx) {
      if (following === undefined) return;
      await obey(ctx.signal, {
        async call() {
          const limit = withTimeout(ctx, CALL_TIMEOUT_MS);
          try {
            await following.request(limit.ctx, sample());
          } finally {
            limit.cancel();
          }
        },
      });
    },
  };
}

/** One process of the floor. */
export async function runHop(): Promise<void> {
  await runDaemon({
    name: "hop",
    spec,
    configure: ({ name, listenOn, connectTo }): HopConfig => ({
      name,
      listenOn: listenOn === undefined ? [] : [listenOn],
      next: connectTo,
    }),
    build: hop,
  });
}

const socket = (name: string): string => `unix://${NSM_DIRECTORY}/${name}.sock`;

/** Starts a caller and three hops behind it; the caller comes first. */
export async function startHops(
  node: LabNode,
  start: (podName: string, env: Readonly<Record<string, string>>) => Promise<LabProcess>,
  serving: (process: LabProcess, url: URL) => Promise<void>,
): Promise<LabProcess[]> {
  const names = ["hop-a", "hop-b", "hop-c"];
  const processes: LabProcess[] = [];
  for (const [index, name] of names.entries()) {
    const next = names[index + 1];
    const process = await start(name, {
      NSM_LISTEN_ON: socket(name),
      ...(next === undefined ? {} : { NSM_CONNECT_TO: socket(next) }),
    });
    await serving(process, new URL(`unix://${node.holder.path(`${NSM_DIRECTORY}/${name}.sock`)}`));
    processes.push(process);
  }
  return [await start("hop-caller", { NSM_CONNECT_TO: socket("hop-a") }), ...processes];
}
