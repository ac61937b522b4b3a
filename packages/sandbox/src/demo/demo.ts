// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import {
  Code,
  type Context,
  realClock,
  rootContext,
  StatusError,
  silentLogger,
  untilDone,
  withTimeout,
} from "@nsm/core";
import { nse } from "@nsm/daemons/nse";
import { Domain } from "../domain.js";
import type { Entry } from "../entry.js";
import { type Client, Clients } from "./clients.js";
import { differences, openDescriptors, untilNothing } from "./leftovers.js";

/** What the demo takes. */
export interface SandboxDemoOptions {
  /** When the demo's first phase (install) began, milliseconds since the epoch. */
  readonly startedMs: number;
  /** Takes one line of the story. */
  readonly write: (line: string) => void;
}

const SERVICE = "icmp-responder";
const PAYLOAD = "ETHERNET";
const POOL = "172.16.1.0/24";
const STEP_TIMEOUT_MS = 10_000;
const GONE_TIMEOUT_MS = 3_000;

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

const newContext = (signal?: AbortSignal): Context =>
  rootContext({ clock: realClock, log: silentLogger, ...(signal && { signal }) });
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/**
 * Counts of everything kept but for whose turn it is among the endpoints of a service, which outlives connections, and
 * for the watches over registrations, which open some time after them.
 */
const kept = (domain: Domain): Record<string, number> =>
  Object.fromEntries(
    Object.entries(domain.statistics()).filter(
      ([name]) => !/(round-robin-server\.networkServices|memory-server\.watchers)$/.test(name),
    ),
  );

/** Runs steps within a time limit and remembers the current one for the failure text. */
class Steps {
  current = "starting";

  constructor(private readonly ctx: Context) {}

  /** @returns the result and how long it took, milliseconds */
  async run<T>(name: string, work: (ctx: Context) => Promise<T>): Promise<{ value: T; ms: number }> {
    this.current = name;
    const { ctx, cancel } = withTimeout(this.ctx, STEP_TIMEOUT_MS);
    const startMs = this.ctx.clock.now();
    try {
      return { value: await untilDone(ctx, work(ctx)), ms: this.ctx.clock.now() - startMs };
    } finally {
      cancel();
    }
  }
}

/**
 * Tells the story of two nodes and one network service in this process, over unix and tcp sockets and without kernel
 * links, checking every sentence. Needs no rights; leaves no sockets and files.
 * @returns the exit code: 0 when everything held and nothing was left behind
 */
export async function runSandboxDemo({ startedMs, write }: SandboxDemoOptions): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new StatusError(Code.CANCELLED, "interrupted"));
  for (const name of SIGNALS) process.once(name, interrupt);
  const steps = new Steps(newContext(interrupted.signal));
  const before = openDescriptors();
  let creating: Promise<Domain> | undefined;
  const remove = async (): Promise<void> => {
    const domain = await creating;
    creating = undefined;
    await domain?.close();
  };
  try {
    write("  sandbox: all daemons in this process, over unix and tcp sockets, WITHOUT kernel links:");
    write(
      "  requests, addresses and tunnels are agreed upon for real, no frame flows and nothing answers a ping",
    );
    const making = Domain.create({ nodes: 2, transport: "sockets" });
    creating = making;
    const { value: domain, ms } = await steps.run("making two nodes", () => making);
    write(`  node-1  registry, nsmgr, forwarder   node-2  nsmgr, forwarder   ok ${seconds(ms)}`);
    await tell(domain, steps, write);
    await steps.run("removing everything", remove);
    const { folder } = domain.network;
    await steps.run("looking for sockets and files left behind", (ctx) =>
      untilNothing(ctx, GONE_TIMEOUT_MS, () => [
        ...differences(before, openDescriptors()),
        ...(folder !== undefined && existsSync(folder) ? [folder] : []),
      ]),
    );
    write(`everything removed, nothing left behind. OK in ${seconds(realClock.now() - startedMs)}`);
    write("  control plane only; with kernel links and pings:  npm run demo");
    return 0;
  } catch (error) {
    write(`FAILED while ${steps.current}`);
    write(`  seen: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await new Steps(newContext()).run("removing what is left", remove).catch(() => {});
    for (const name of SIGNALS) process.off(name, interrupt);
  }
}

async function tell(domain: Domain, steps: Steps, write: (line: string) => void): Promise<void> {
  await steps.run(`registering ${SERVICE}`, () => domain.registerService(SERVICE, { payload: PAYLOAD }));
  const clients = new Clients(domain, SERVICE);
  const [local, remote] = [clients.add("nsc-1", 2), clients.add("nsc-2", 1)];
  const empty = kept(domain);
  const endpoint = await steps.run("starting the endpoint nse-1", () => startEndpoint(domain));
  write(`  node-2  endpoint nse-1 offers ${SERVICE}, pool ${POOL}`);
  for (const [client, kind] of [
    [local, "local"],
    [remote, "remote"],
  ] as const) {
    write(`${kind} client ${client.name} on ${client.node.name} asks for ${SERVICE}`);
    await connect(client, kind, steps, write);
  }
  await steps.run("closing the clients", async (ctx) => {
    for (const client of [local, remote]) await client.close(ctx);
  });
  write("both clients closed their connections");
  await steps.run("stopping the endpoint", () => endpoint.value.stop());
  await steps.run("comparing what all daemons keep with the start", (ctx) =>
    untilNothing(ctx, GONE_TIMEOUT_MS, () => differences(empty, kept(domain))),
  );
  write(`${Object.keys(empty).length} counts of chain elements and links are what they were at the start`);
}

async function connect(
  client: Client,
  kind: "local" | "remote",
  steps: Steps,
  write: (line: string) => void,
): Promise<void> {
  const { value: seen, ms } = await steps.run(`connecting ${client.name}`, (ctx) => client.connect(ctx));
  write(`  ${seen.hops.map((hop) => hop.replace(/^nsmgr-/, "nsmgr ")).join(" -> ")}   ${milliseconds(ms)}`);
  const over = await steps.run(`checking the connection of ${client.name}`, () => client.check(kind));
  write(`  ${client.name} has nsm-1 ${seen.clientIp}, nse-1 has ${seen.endpointIp} ${over.value}`);
  const refreshed = await steps.run(`refreshing ${client.name}`, (ctx) => client.refresh(ctx));
  write(`  refreshed: same path, identifiers, addresses and links   ${milliseconds(refreshed.ms)}`);
}

/** The endpoint daemon with point-to-point addresses, as `apps/nse` configures it. */
async function startEndpoint(domain: Domain): Promise<Entry> {
  const { url } = domain.node(2).manager;
  return await domain.add("nse-1", (ports) =>
    nse(
      {
        name: "nse-1",
        connectTo: url,
        listenOn: url,
        serviceNames: [SERVICE],
        payload: PAYLOAD,
        labels: {},
        cidrGroups: [[POOL]],
        ipamPolicy: "polite",
        dnsConfigs: [],
        policyRoutesPath: "/etc/policy-based-routing/config.yaml",
        registryClientPolicies: [],
        idleTimeoutMs: 0,
        registerService: false,
        unregisterItself: true,
      },
      ports,
    ),
  );
}
