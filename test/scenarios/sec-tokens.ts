// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from "node:fs";
import { type Connection, newPathSegment } from "@nsm/api";
import {
  type Connected,
  connectClient,
  interfaceSeen,
  type Lab,
  NSM_DIRECTORY,
  type Pod,
  type Scenario,
  Skip,
  waitFor,
  withRouteSocket,
} from "@nsm/lab";
import { PingSampler } from "../chaos/sampler.js";
import { equal, holds } from "./expect.js";
import { type Claims, changed, changedTokens, inAnHour, unsigned } from "./peers/forged-tokens.js";
import { RawClient } from "./peers/raw-client.js";
import { failureSays } from "./refusals.js";
import { expectUnharmed, startGoodEndpoint, startGoodWorld } from "./unharmed.js";

const SERVICE = "kernel://icmp-responder/nsm-1";
const CONNECT_BOUND_MS = 5000;
const DENIED =
  "networkservice: an error occurred during authorization policy check: no sufficient privileges";
/** Only these may pass on what others started. */
const PROXIES = "spiffe://k8s.nsm/ns/nsm-system/pod/nsmgr-*,spiffe://k8s.nsm/ns/nsm-system/pod/forwarder-*";
const system = (name: string): string => `spiffe://k8s.nsm/ns/nsm-system/pod/${name}`;
const workload = (name: string): string => `spiffe://k8s.nsm/ns/default/pod/${name}`;

/** PERMISSION_DENIED of a client's log, as it writes failed attempts in JSON. */
function deniedAttempts(log: string): number {
  return log
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { msg: string; err?: { code?: number; message: string } })
    .filter(
      ({ msg, err }) => msg.startsWith("cannot connect") && err?.code === 7 && err.message.includes(DENIED),
    ).length;
}

/** What a hop of the path can do to a token, by name. */
const spoilings: Readonly<Record<string, (claims: Claims) => string>> = {
  "that is no token": () => "garbage",
  "that is missing": () => "",
  "without a signature part": (claims) => unsigned(claims).replace(/\.[^.]*$/, ""),
  "whose bytes were changed": (claims) => unsigned(claims).replace(/\.[^.]{4}/, ".AAAA"),
  "that has expired": (claims) => unsigned({ ...claims, exp: Math.floor(Date.now() / 1000) - 1 }),
  "that expires as text": (claims) => unsigned({ ...claims, exp: String(inAnHour()) as unknown as number }),
  "for somebody else": (claims) => unsigned({ ...claims, aud: [workload("somebody")] }),
  "for nobody": (claims) => unsigned({ ...claims, aud: [] }),
  "whose audience is text": (claims) =>
    unsigned({ ...claims, aud: claims.aud[0] as unknown as readonly string[] }),
};

/** A server of the path and who stands before it; the last one is whose place the attacker takes. */
interface Place {
  readonly server: string;
  readonly url: URL;
  readonly before: readonly string[];
}

/** Sends a path in which the token of one hop is spoiled, from every place before every server. */
async function attackTokens(lab: Lab, places: readonly Place[]): Promise<{ wrong: string[]; asked: number }> {
  const wrong: string[] = [];
  let asked = 0;
  for (const { server, url, before } of places) {
    const own = before.at(-1) ?? "";
    const identity = lab.identity?.process(own);
    if (!identity) throw new Skip("this lab has no identities");
    const segments = (spoiledAt: number, spoil: (claims: Claims) => string) =>
      before.map((id, at) => {
        const claims: Claims = { sub: id, aud: [before[at + 1] ?? system("nsmgr-node-1")], exp: inAnHour() };
        return newPathSegment({
          name: `hop-${at}`,
          id: `attack-${at}`,
          token: at === spoiledAt ? spoil(claims) : unsigned(claims),
        });
      });
    const ask = async (title: string, raw: RawClient, pathSegments: Connection["path"], code: string) => {
      asked += 1;
      const answer = await raw.request(url, {
        parameters: { name: "nsm-1", inodeURL: "inode://4/1" },
        connection: { id: `attack-${before.length - 1}`, path: pathSegments },
      });
      const refused = answer.code === "PERMISSION_DENIED" && answer.text === DENIED;
      if (refused !== (code === "PERMISSION_DENIED")) wrong.push(`${title}: ${answer.code} ${answer.text}`);
    };
    const index = before.length - 1;
    // With all in order it is not the policies that refuse: nothing below passes by chance
    const honest = new RawClient(identity);
    await ask(
      `${server}: good tokens`,
      honest,
      { index, pathSegments: segments(-1, unsigned) },
      "whatever else",
    );
    for (const [title, spoil] of Object.entries(spoilings)) {
      for (let at = 0; at < index; at++) {
        const what = `${server}: token ${title} in segment ${at} of ${index + 1}`;
        await ask(what, honest, { index, pathSegments: segments(at, spoil) }, "PERMISSION_DENIED");
      }
      const tokens = changedTokens(identity.tokens, (token) => changedOwn(token, spoil));
      const liar = new RawClient({ ...identity, tokens });
      const what = `${server}: own token ${title}`;
      await ask(what, liar, { index, pathSegments: segments(-1, unsigned) }, "PERMISSION_DENIED");
      await liar.stop();
    }
    const tokens = changedTokens(identity.tokens, (token) => changedOwn(token, unsigned));
    const liar = new RawClient({ ...identity, tokens });
    const what = `${server}: own token that nobody signed`;
    await ask(what, liar, { index, pathSegments: segments(-1, unsigned) }, "PERMISSION_DENIED");
    await liar.stop();
    await honest.stop();
  }
  return { wrong, asked };
}

/** An own token spoiled in the same way, its claims unchanged otherwise. */
function changedOwn(token: string, spoil: (claims: Claims) => string): string {
  let claims: Claims | undefined;
  changed(token, (own) => {
    claims = own;
    return own;
  });
  return claims === undefined ? token : spoil(claims);
}

/** The socket of an endpoint, as it looks from the lab. */
function endpointUrl(lab: Lab, pod: Pod): URL {
  const folder = lab.node(1).holder.path(`${NSM_DIRECTORY}/${pod.name}`);
  const socket = readdirSync(folder, { recursive: true }).find((file) => String(file).endsWith("listen.on"));
  if (socket === undefined) throw new Error(`${pod.name} has no socket below ${folder}`);
  return new URL(`unix://${folder}/${String(socket)}`);
}

/** The connection of a client as a server shows it to everybody, made the caller's own: its path ends at the server. */
async function learned(raw: RawClient, url: URL, victim: Connected): Promise<Connection> {
  const { event } = await raw.monitor(url);
  const found = Object.values(event?.connections ?? {}).find(
    ({ path }) => path?.pathSegments[0]?.id === victim.path.connection.path?.pathSegments[0]?.id,
  );
  if (!found?.path) throw new Error(`${url.href} does not show the connection of the client`);
  const tokens = found.path.pathSegments.map(({ token }) => token);
  equal(`tokens that ${url.pathname} shows to a stranger`, tokens.join(""), "");
  return found;
}

/** Tries to change and to close a connection whose ids are known, in the place of the hop before the server. */
async function attackConnection(raw: RawClient, url: URL, stolen: Connection, own: string): Promise<void> {
  const index = stolen.path?.index ?? 0;
  const pathSegments = (stolen.path?.pathSegments ?? []).map((segment, at) => ({
    ...segment,
    token: unsigned({ sub: at === 0 ? workload("nsc-1") : own, aud: [own], exp: inAnHour() }),
  }));
  // as its client does, and as a hop does that claims to pass it on
  for (const at of [0, index - 1]) {
    const id = pathSegments[at]?.id ?? "";
    const path = {
      index: at,
      pathSegments: at === 0 ? [pathSegments[0], ...pathSegments.slice(index)] : pathSegments,
    };
    const connection = { ...stolen, id, path } as Connection;
    const answers = [
      await raw.close(url, connection),
      await raw.request(url, { parameters: { name: "nsm-1", inodeURL: "inode://4/1" }, connection }),
    ];
    for (const { code, text } of answers) {
      equal(`stolen from ${url.pathname}, index ${at}`, [code, text], ["PERMISSION_DENIED", DENIED]);
    }
  }
}

/** Fails when a log holds what nobody else may have. */
function expectNoSecrets(lab: Lab): void {
  let redacted = 0;
  for (const { name, log } of lab.processes) {
    const text = log();
    redacted += text.split("[redacted]").length - 1;
    equal(`tokens in the log of ${name}`, text.match(/eyJ[\w-]+\.[\w-]{8,}/g) ?? [], []);
    holds(`no key in the log of ${name}`, !/PRIVATE KEY|"d":"[\w-]{43}"/.test(text));
  }
  holds("the logs would have shown tokens", redacted > 20, redacted);
}

/** Tokens that are not what they must be. */
export const securityOfTokens: readonly Scenario[] = [
  {
    id: "SEC-01",
    title: "a client whose tokens have expired is refused, gets no interface, and goes on trying",
    nodes: 1,
    async run(lab, { note }) {
      const world = await startGoodWorld(lab);
      const pod = await lab.node(1).addPod("nsc-expired");
      const client = pod.startNsc([SERVICE], { NSM_MAX_TOKEN_LIFETIME: "-1m", NSM_LOG_FORMAT: "json" });
      const tookMs = await failureSays(client, "no sufficient privileges", CONNECT_BOUND_MS);
      note(`refused after ${Math.round(tookMs)} ms`);
      const first = deniedAttempts(client.log());
      await waitFor("three more attempts", CONNECT_BOUND_MS, () =>
        deniedAttempts(client.log()) >= first + 3 ? true : undefined,
      );
      holds("the client runs on", client.running);
      equal("interface of the client", await interfaceSeen(pod, "nsm-1"), undefined);
      const links = await withRouteSocket(pod.holder.netnsPath, (route) => route.links());
      equal(
        "links of the client",
        links.map(({ name }) => name),
        ["lo"],
      );
      equal("exit code of the client", await client.stop(), 0);
      await pod.stop();
      await expectUnharmed(lab, world);
    },
  },
  {
    id: "SEC-04",
    title:
      "bad tokens in any place of a path, and connections of other identities, are refused; the victim notices nothing",
    nodes: 1,
    env: { NSM_TRUSTED_PROXIES: PROXIES, NSM_LOG_LEVEL: "TRACE" },
    async run(lab, { note }) {
      await lab.startControlPlane();
      const world = await startGoodEndpoint(lab, { NSM_MONITOR_POLICIES: "etc/nsm/opa/monitor/.*.rego" });
      const node = lab.node(1);
      const victim = await connectClient(lab, node, "nsc-1", SERVICE, CONNECT_BOUND_MS);
      const sampler = new PingSampler({ intervalMs: 50, timeoutMs: 1000 });
      sampler.watch(victim.client);
      const known = async () => [
        await lab.probe.connections(node.nsmgrUrl),
        await lab.probe.connections(node.forwarderUrl),
      ];
      const before = await known();
      const nse = endpointUrl(lab, world.endpoint);

      // A manager and a forwarder that were taken over: their identities may pass on what others started
      const { wrong, asked } = await attackTokens(lab, [
        { server: "nsmgr", url: node.nsmgrUrl, before: [workload("thief")] },
        { server: "forwarder", url: node.forwarderUrl, before: [workload("nsc-1"), system("nsmgr-thief")] },
        {
          server: "nse",
          url: nse,
          before: [workload("nsc-1"), system("nsmgr-x"), system("forwarder-thief")],
        },
      ]);
      equal("wrong answers", wrong, []);
      note(`${asked} Requests with spoiled tokens`);

      const thief = new RawClient(lab.processIdentity("thief"));
      for (const url of [node.nsmgrUrl, node.forwarderUrl]) {
        await attackConnection(thief, url, await learned(thief, url, victim), workload("thief"));
      }
      const watching = await thief.monitor(nse);
      equal(
        "Monitor at the endpoint by a stranger",
        [watching.code, watching.event],
        ["PERMISSION_DENIED", undefined],
      );
      const beyond = await thief.request(node.nsmgrUrl, {
        connection: { path: { index: 1, pathSegments: [newPathSegment({ name: "raw", id: "raw-0" })] } },
      });
      equal("an index beyond the path", beyond.code, "INVALID_ARGUMENT");
      await thief.stop();

      equal("connections of manager and forwarder", await known(), before);
      await sampler.settled();
      const { sent, lost } = sampler.samples(victim.client.name);
      sampler.stop();
      equal("lost pings of the victim", lost, 0);
      note(`${sent} pings of the victim`);
      expectNoSecrets(lab);
      equal("exit code of the victim", await victim.process.stop(), 0);
      await victim.client.stop();
      await expectUnharmed(lab, world);
    },
  },
];
