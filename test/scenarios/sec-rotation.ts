// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";
import { realClock, silentLogger } from "@nsm/core";
import { es256Tokens } from "@nsm/identity";
import { DevelopmentCa } from "@nsm/identity/development-ca";
import {
  type Connected,
  connectClient,
  type Lab,
  type LabIdentity,
  type LabNode,
  mustRun,
  type Pod,
  type ProcessIdentity,
  type Scenario,
  type ScenarioForm,
  type ScenarioRun,
  Skip,
  type Snapshot,
  takeSnapshot,
  waitFor,
} from "@nsm/lab";
import { mutualTls } from "@nsm/transport";
import { PingSampler } from "../chaos/sampler.js";
import { equal, holds } from "./expect.js";
import { leavesNothing } from "./healing.js";
import { RawClient } from "./peers/raw-client.js";

const CONNECT_BOUND_MS = 8_000;
const ROTATION_BOUND_MS = 10_000;
const CLEAN_BOUND_MS = 3_000;
/** After a rotation everybody has dialled anew: pooled channels stay for 30 s. */
const NEW_CHANNELS = /: socket descriptors \+[1-8]$/;
const GUEST_LINK = "nsm-guest";
const ROTATIONS = 3;
/** Life of SVIDs, renewed at half of it. In short form the scenario rotates them itself, too. */
const SVID_MS = { short: 12_000, full: 60_000 };
/** In full form so long that all SVIDs fall due while nobody can renew them. */
const OUTAGE_SVID_MS = { short: 60_000, full: 200_000 };
const OUTAGE_MS = { short: 5_000, full: 120_000 };

/** Well below the life of a token, which is that of an SVID at most: see `healEnv`. */
const env = { NSM_REQUEST_TIMEOUT: "2s" };

/** Local and remote pairs (UC-01, UC-02) that ping all the time, and somebody who asks for connections again and again. */
class Life {
  readonly #sampler = new PingSampler({ intervalMs: 100, timeoutMs: 1000 });
  readonly #raw: RawClient;
  readonly #failures: string[] = [];
  readonly #ending = new AbortController();
  #requests = 0;
  #asking: Promise<void> = Promise.resolve();

  private constructor(
    readonly lab: Lab,
    readonly identity: LabIdentity,
    private readonly clients: readonly Connected[],
    private readonly before: Snapshot,
    private readonly asker: Pod,
  ) {
    this.#raw = new RawClient(lab.processIdentity("nsc-raw"));
    for (const { client } of clients) this.#sampler.watch(client);
  }

  static async start(lab: Lab): Promise<Life> {
    const { identity } = lab;
    if (!identity) throw new Skip("this lab has no identities");
    await lab.startControlPlane();
    const before = await takeSnapshot(lab);
    const [one, two] = [lab.node(1), lab.node(2)];
    await Promise.all([endpoint(lab, one, 1, "local"), endpoint(lab, two, 2, "remote")]);
    const clients = await Promise.all([
      connectClient(lab, one, "nsc-1", "kernel://local/nsm-1", CONNECT_BOUND_MS, env),
      connectClient(lab, one, "nsc-2", "kernel://remote/nsm-1", CONNECT_BOUND_MS, env),
    ]);
    const life = new Life(lab, identity, clients, before, await one.addPod("nsc-raw"));
    life.#asking = life.#ask();
    return life;
  }

  /** Requests and closes a connection of each kind in turn. */
  async #ask(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      for (const service of ["local", "remote"]) {
        const failure = await this.ask(this.#raw, service).catch((error: unknown) => String(error));
        this.#requests += 1;
        if (failure !== undefined) this.#failures.push(failure);
      }
      await delay(200, undefined, { signal: this.#ending.signal }).catch(() => {});
    }
  }

  /** One Request and its Close; @returns what went wrong. @param link name of the interface, one for each who asks */
  async ask(raw: RawClient, service: string, link = "nsm-raw"): Promise<string | undefined> {
    const { nsmgrUrl } = this.lab.node(1);
    const { netnsPath } = this.asker.holder;
    const { dev, ino } = await raw.identity(netnsPath);
    const answer = await raw.request(nsmgrUrl, {
      parameters: { name: link, inodeURL: `inode://${dev}/${ino}` },
      send: [netnsPath],
      connection: { networkService: service },
    });
    if (!answer.connection) return `Request of ${service}: ${answer.code} ${answer.text}`;
    const { code, text } = await raw.close(nsmgrUrl, answer.connection, [netnsPath]);
    raw.cut();
    return code === "OK" ? undefined : `Close of ${service}: ${code} ${text}`;
  }

  /** How often each process has taken a new SVID, or other bundles. */
  count(what: "SVID rotated" | "bundles changed"): Map<string, number> {
    return new Map(this.lab.processes.map(({ name, log }) => [name, log().split(what).length - 1]));
  }

  /** Waits until every process has done so more often than before. */
  async everybody(
    what: "SVID rotated" | "bundles changed",
    former: ReadonlyMap<string, number>,
    times = 1,
    boundMs = ROTATION_BOUND_MS,
  ): Promise<void> {
    await waitFor(`${what} in every process`, boundMs, () => {
      for (const process of this.lab.processes) mustRun(process);
      const late = [...this.count(what)].filter(([name, count]) => count < (former.get(name) ?? 0) + times);
      if (late.length > 0) throw new Error(`not in ${late.map(([name]) => name).join(", ")}`);
      return true;
    });
  }

  /** Issues a new SVID, with a new key, for everybody: handed out when the Workload API serves. */
  issueAll(): void {
    for (const node of this.lab.nodes) {
      for (const served of node.identities.values()) served.rotate();
      for (const pod of node.pods.values()) pod.identity?.rotate();
    }
    this.identity.rotateOwn();
  }

  /** A new SVID for everybody, and in use. */
  async rotateAll(): Promise<void> {
    const former = this.count("SVID rotated");
    this.issueAll();
    await this.everybody("SVID rotated", former);
    await this.asked();
  }

  /** Waits until connections of both kinds were asked for, and closed, that began after now. */
  async asked(): Promise<void> {
    const former = this.#requests;
    await waitFor("Requests go on", ROTATION_BOUND_MS, () =>
      this.#requests >= former + 4 ? true : undefined,
    );
  }

  /** Fails when a ping was lost or a Request refused since the start. */
  async expectUnharmed(when: string): Promise<void> {
    await this.#sampler.settled();
    for (const { client, process } of this.clients) {
      mustRun(process);
      const { sent, gaps } = this.#sampler.samples(client.name);
      equal(`gaps in ${sent} pings of ${client.name} ${when}`, gaps, []);
    }
    equal(`Requests that failed ${when}`, this.#failures, []);
  }

  /** Ends what runs in this process, whatever has happened. */
  async abandon(): Promise<void> {
    this.#ending.abort();
    this.#sampler.stop();
    await this.#asking;
    await this.#raw.stop();
  }

  /** Ends all, then CLEAN. @returns how much was asked */
  async end(): Promise<string> {
    await this.expectUnharmed("at the end");
    await this.abandon();
    equal("Requests that failed last", this.#failures, []);
    const pings = this.clients.map(({ client }) => this.#sampler.samples(client.name).sent);
    for (const { process } of this.clients) equal(`exit code of ${process.name}`, await process.stop(), 0);
    for (const pod of this.lab.nodes.flatMap((node) => [...node.pods.values()])) await pod.stop();
    await leavesNothing(this.lab, this.before, CLEAN_BOUND_MS, [NEW_CHANNELS]);
    return `${this.#requests} Requests and ${pings.join(" and ")} pings, none lost`;
  }
}

async function endpoint(lab: Lab, node: LabNode, number: number, service: string): Promise<void> {
  const pod = await node.addPod(`nse-${number}`);
  const nse = pod.startNse({
    NSM_SERVICE_NAMES: service,
    NSM_CIDR_PREFIX: `172.16.${number}.0/24`,
    NSM_UNREGISTER_ITSELF: "true",
    ...env,
  });
  await lab.probe.registered(nse, node.nsmgrUrl, pod.name);
}

/** A workload of another trust domain, which believes ours. */
function foreigner(ca: DevelopmentCa): { ca: DevelopmentCa; identity: ProcessIdentity } {
  const foreign = new DevelopmentCa({ trustDomain: "other.nsm", clock: realClock });
  foreign.federateWith(ca);
  const source = foreign.source("spiffe://other.nsm/ns/default/pod/nsc-foreign");
  return {
    ca: foreign,
    identity: {
      security: mutualTls(source, { clock: realClock, log: silentLogger }),
      tokens: es256Tokens({ clock: realClock, lifetimeMs: 60_000, identity: source }),
    },
  };
}

async function live(lab: Lab, run: (life: Life) => Promise<void>): Promise<void> {
  const life = await Life.start(lab);
  try {
    await run(life);
  } finally {
    await life.abandon();
  }
}

async function rotate(life: Life, form: ScenarioForm): Promise<void> {
  if (form === "full") {
    await life.everybody("SVID rotated", new Map(), ROTATIONS, SVID_MS.full * ROTATIONS);
    return;
  }
  for (let round = 0; round < ROTATIONS; round++) await life.rotateAll();
}

async function replaceCa(life: Life): Promise<void> {
  const { ca } = life.identity;
  const former = life.count("bundles changed");
  ca.prepareRoot();
  await life.everybody("bundles changed", former);
  ca.activateRoot();
  await life.rotateAll();
  await life.expectUnharmed("with two authorities");
  ca.dropOldRoots();
  await life.everybody("bundles changed", former, 2);
  await life.asked();
}

async function federate(life: Life, note: (text: string) => void): Promise<void> {
  const { ca } = life.identity;
  const other = foreigner(ca);
  const former = life.count("bundles changed");
  ca.federateWith(other.ca);
  await life.everybody("bundles changed", former);
  const guest = new RawClient(other.identity);
  equal("a client of a federated domain", await life.ask(guest, "local", GUEST_LINK), undefined);
  ca.endFederation(other.ca.trustDomain);
  await life.everybody("bundles changed", former, 2);
  const refused = await life.ask(guest, "local", GUEST_LINK);
  note(`without its bundle: ${refused}`);
  holds("the client is refused without its domain's bundle", /UNAVAILABLE/.test(refused ?? ""), refused);
  const nsmgr = life.lab.node(1).daemons.get("nsmgr");
  await waitFor("the manager says why", 2000, () =>
    nsmgr?.log().includes("there is no bundle for the trust domain other.nsm") ? true : undefined,
  );
  await guest.stop();
}

function scenario(
  id: string,
  title: string,
  svidMs: Readonly<Record<ScenarioForm, number>>,
  run: (lab: Lab, run: ScenarioRun) => Promise<void>,
): Scenario[] {
  return (["short", "full"] as const).map((form) => ({
    id,
    title,
    nodes: 2,
    forms: [form],
    env,
    identity: { svidTtlMs: svidMs[form] },
    run,
  }));
}

/** Identities that are renewed, or cannot be. */
export const securityOfRotation: readonly Scenario[] = [
  ...scenario(
    "SEC-03",
    "new SVIDs, a new authority and the end of a federation cost no ping and no Request; who lost its bundle is refused",
    SVID_MS,
    (lab, { form, note }) =>
      live(lab, async (life) => {
        await rotate(life, form);
        await life.expectUnharmed("after rotations");
        await replaceCa(life);
        await life.expectUnharmed("after the change of the authority");
        await federate(life, note);
        note(await life.end());
      }),
  ),
  ...scenario(
    "SEC-03a",
    "without Workload API connections and Requests go on, and SVIDs that fell due are renewed on its return",
    OUTAGE_SVID_MS,
    (lab, { form, note }) =>
      live(lab, async (life) => {
        const former = life.count("SVID rotated");
        await life.identity.workloadApi.stop();
        if (form === "short") life.issueAll();
        await delay(OUTAGE_MS[form]);
        await life.expectUnharmed("without Workload API");
        await life.identity.workloadApi.start();
        await life.everybody("SVID rotated", former, 1, OUTAGE_SVID_MS[form] / 2);
        await life.expectUnharmed("after the return of the Workload API");
        note(await life.end());
      }),
  ),
];
