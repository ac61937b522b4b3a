// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import {
  type Netns,
  netnsSwitchRefusal,
  openNetns,
  openRouteSocket,
  type RouteSocket,
  scope as scopes,
} from "@nsm/linux";

const linkScope = scopes.LINK;

/** A network namespace of its own, kept by a process that ends by itself after two minutes. */
export interface Scratch {
  readonly netns: Netns;
  readonly route: RouteSocket;
  /** For a mechanism's `inodeURL`. */
  readonly url: string;
  /** Takes a UDP port for itself, until the returned function is called. */
  occupyUdp(port: number): Promise<() => Promise<void>>;
  /** Runs a command inside; for looking, never for the code under test. */
  run(command: string, ...args: string[]): { status: number | null; output: string };
  /** Counts of what the kernel holds in there: links, addresses, routes, disciplines. */
  counts(): Promise<Record<string, number>>;
  destroy(): Promise<void>;
}

/** Makes a namespace with its loopback up. */
export async function scratch(): Promise<Scratch> {
  const child = spawn("unshare", ["-n", "sh", "-c", "echo ready; exec sleep 120"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const path = `/proc/${child.pid}/ns/net`;
  const netns = openNetns(path);
  const route = openRouteSocket(netns);
  await route.linkSet("lo", { up: true });
  return {
    netns,
    route,
    url: `file://${path}`,
    async occupyUdp(port) {
      const script = `require("node:dgram").createSocket("udp4").bind(${port}, () => process.stdout.write("bound"))`;
      const holder = spawn("nsenter", [`--net=${path}`, process.execPath, "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(holder.stdout, "data");
      return () => ended(holder);
    },
    run(command, ...args) {
      const { status, stdout, stderr } = spawnSync("nsenter", [`--net=${path}`, command, ...args], {
        encoding: "utf8",
      });
      return { status, output: stdout + stderr };
    },
    counts: async () => ({
      links: (await route.links()).length,
      // Link-local ones of a pod's link come and go by themselves
      addresses: (await route.addresses()).filter(({ scope }) => scope !== linkScope).length,
      routes: (await route.routes()).filter(({ destination }) => !/^f[ef]/.test(destination)).length,
      disciplines: (await route.queueingDisciplines()).length,
    }),
    async destroy() {
      route.close();
      netns.close();
      await ended(child);
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/**
 * `describe` for tests that need network namespaces of their own. Without the capability they are skipped with the
 * reason in the title; `unshare -Urn --fork` in front of the test runner gives it to an ordinary user.
 */
export function describeInNetns(title: string, tests: () => void): void {
  const refusal = netnsSwitchRefusal();
  if (refusal === undefined) describe(title, tests);
  else describe.skip(`${title} [skipped in ${readlinkSync("/proc/self/ns/net")}: ${refusal.message}]`, tests);
}

/**
 * A route socket that fails once, at one of its operations.
 * @param failAt 0-based index among the operations called; nothing fails when there are fewer
 */
export function failingRoute(route: RouteSocket, failAt: number): RouteSocket & { readonly calls: string[] } {
  const calls: string[] = [];
  return new Proxy(route as RouteSocket & { calls: string[] }, {
    get(target, property, receiver) {
      if (property === "calls") return calls;
      const value = Reflect.get(target, property, receiver);
      if (typeof value !== "function" || property === "close") return value;
      return async (...args: unknown[]) => {
        calls.push(String(property));
        if (calls.length - 1 === failAt)
          throw Object.assign(new Error("injected ENOBUFS"), { code: "ENOBUFS" });
        return await value.apply(target, args);
      };
    },
  });
}
