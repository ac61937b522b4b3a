// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newConnection } from "@nsm/api";
import {
  type Channel,
  type NetworkServiceElement,
  newOutgoingCall,
  normalizeConnection,
  outgoingCall,
  realClock,
  rootContext,
  silentLogger,
} from "@nsm/core";
import { developmentTokens, es256Tokens } from "@nsm/identity";
import { DevelopmentCa } from "@nsm/identity/development-ca";
import {
  type ConnectorOptions,
  createConnector,
  insecure,
  type LinkSecurity,
  listen,
  mutualTls,
} from "@nsm/transport";
import { median } from "./figures.js";
import type { Rows } from "./rows.js";

const WARM_UP = 100;
const COUNT = 300;
const LIFETIME_MS = 600_000;

const context = rootContext({ clock: realClock, log: silentLogger });
const answering: NetworkServiceElement = {
  name: "answering",
  request: async (_ctx, { connection }) => connection,
};

/** A caller of a server in this process. */
interface Caller {
  /** One call on a channel that is open. */
  pooled(): Promise<void>;
  /** A new channel, one call, and its end. */
  fresh(): Promise<void>;
  close(): Promise<void>;
}

async function callerOf(
  url: URL,
  server: LinkSecurity,
  client: Pick<ConnectorOptions, "security" | "tokens">,
): Promise<Caller> {
  const listening = await listen([url], { networkService: answering }, { context, security: server });
  const connector = createConnector({ context, ...client });
  const [served = url] = listening.urls;
  const connect = (): Promise<Channel> => connector.connect(served, { scope: "own", signal: context.signal });
  const call = async (channel: Channel): Promise<void> => {
    const ctx = context.with(outgoingCall, newOutgoingCall(channel));
    const connection = normalizeConnection(newConnection({ id: "bench", networkService: "bench" }));
    await channel.networkService.request(ctx, { connection, mechanismPreferences: [] });
  };
  const open = await connect();
  return {
    pooled: () => call(open),
    async fresh() {
      const channel = await connect();
      await call(channel);
      channel.close();
    },
    async close() {
      open.close();
      await connector.close();
      await listening.close({ gracePeriodMs: 0 });
    },
  };
}

/** Median times of two works done in turn, milliseconds. */
async function inTurn(
  first: () => Promise<void>,
  second: () => Promise<void>,
): Promise<[firstMs: number, secondMs: number]> {
  const times: [number[], number[]] = [[], []];
  for (let round = -WARM_UP; round < COUNT; round++) {
    const startMs = performance.now();
    await first();
    const betweenMs = performance.now();
    await second();
    if (round < 0) continue;
    times[0].push(betweenMs - startMs);
    times[1].push(performance.now() - betweenMs);
  }
  return [median(times[0]), median(times[1])];
}

/** What mutual TLS and signed tokens cost a call, on an open channel and with a handshake, beside the same without. */
export async function identityFigures(rows: Rows): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "nsm-bench-"));
  const ca = new DevelopmentCa({ trustDomain: "bench.nsm", clock: realClock });
  const source = (name: string) => ca.source(`spiffe://bench.nsm/${name}`);
  const [serverId, clientId] = [source("server"), source("client")];
  const options = { clock: realClock, log: silentLogger };
  const plainTokens = developmentTokens({
    clock: realClock,
    subject: "spiffe://bench.nsm/client",
    lifetimeMs: LIFETIME_MS,
  });
  try {
    for (const kind of ["unix", "tcp"] as const) {
      rows.group(`one call over ${kind}, both ends in one process`);
      const url = (name: string): URL =>
        new URL(kind === "tcp" ? "tcp://127.0.0.1:0" : `unix://${folder}/${name}.sock`);
      const plain = await callerOf(url("plain"), insecure, { security: insecure, tokens: plainTokens });
      const secured = await callerOf(url("secured"), mutualTls(serverId, options), {
        security: mutualTls(clientId, options),
        tokens: es256Tokens({ clock: realClock, lifetimeMs: LIFETIME_MS }),
      });
      for (const what of ["pooled", "fresh"] as const) {
        const name = what === "pooled" ? "open channel" : "new channel and call";
        const [plainMs, securedMs] = await inTurn(plain[what], secured[what]);
        rows.add(`${name}, no identity, median`, plainMs, "ms");
        rows.add(`${name}, with identity, median`, securedMs, "ms");
        rows.add(
          `${name}, with / without`,
          securedMs / plainMs,
          "x",
          what === "pooled" ? "<= 2.5" : undefined,
        );
      }
      await plain.close();
      await secured.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
