// SPDX-License-Identifier: Apache-2.0
import { type Connection, type DeepPartial, EthernetContext } from "@nsm/api";
import { type LabNode, type Pod, type Scenario, waitFor, withRouteSocket } from "@nsm/lab";
import { equal } from "./expect.js";
import { type Answer, RawClient } from "./peers/raw-client.js";
import { type SpoilingEndpoint, startSpoilingEndpoint } from "./peers/spoiling-endpoint.js";
import { expectUnharmed, startGoodWorld } from "./unharmed.js";

const SERVICE = "spoiled";

/** A failure must be known far below the deadline; a descriptor that never comes is waited for half a second. */
const ANSWER_BOUND_MS = 1500;

/** What is wrong, the code and a part of the text that names it. */
interface Spoiling {
  readonly title: string;
  readonly spoil: (connection: Connection) => void;
  readonly code: string;
  readonly text: string;
}

const ip = (connection: Connection): NonNullable<NonNullable<Connection["context"]>["ipContext"]> => {
  const context = connection.context?.ipContext;
  if (!context) throw new Error("the answer has no IP context");
  return context;
};

const parameter =
  (name: string, value: string) =>
  (connection: Connection): void => {
    if (connection.mechanism) connection.mechanism.parameters[name] = value;
  };

const invalid = (title: string, text: string, spoil: Spoiling["spoil"]): Spoiling => ({
  title,
  spoil,
  code: "INVALID_ARGUMENT",
  text,
});

const spoilings: readonly Spoiling[] = [
  invalid("route of the client", "10.0.0.0/99", (c) => {
    ip(c).srcRoutes = [{ prefix: "10.0.0.0/99", nextHop: "" }];
  }),
  invalid("route of the endpoint", "everywhere", (c) => {
    ip(c).dstRoutes = [{ prefix: "everywhere", nextHop: "" }];
  }),
  invalid("next hop", "10.0.0.0.1", (c) => {
    ip(c).srcRoutes = [{ prefix: "10.0.0.0/8", nextHop: "10.0.0.0.1" }];
  }),
  invalid("address of the client", "not-a-cidr", (c) => {
    ip(c).srcIpAddrs = ["not-a-cidr"];
  }),
  invalid("address of the endpoint", "10.0.0.1/33", (c) => {
    ip(c).dstIpAddrs = ["10.0.0.1/33"];
  }),
  invalid("neighbour", "zz:zz", (c) => {
    ip(c).ipNeighbors = [{ ip: "10.9.9.0", hardwareAddress: "zz:zz" }];
  }),
  invalid("MTU too small", "MTU", (c) => {
    if (c.context) c.context.MTU = 1;
  }),
  invalid("MTU too large", "MTU", (c) => {
    if (c.context) c.context.MTU = 2 ** 32 - 1;
  }),
  invalid("MAC of the client", "zz:zz", (c) => {
    if (c.context) c.context.ethernetContext = EthernetContext.fromPartial({ srcMac: "zz:zz" });
  }),
  invalid("MAC of the endpoint", "02:00", (c) => {
    if (c.context) c.context.ethernetContext = EthernetContext.fromPartial({ dstMac: "02:00" });
  }),
  invalid("long interface name", "sixteen-letters-", parameter("name", "sixteen-letters-")),
  invalid("interface name with a slash", "a/b", parameter("name", "a/b")),
  invalid("no interface name", "interface name", parameter("name", "")),
  {
    title: "namespace that is not sent",
    spoil: parameter("inodeURL", "inode://4/17"),
    code: "FAILED_PRECONDITION",
    text: "inode://4/17",
  },
  {
    title: "file that is no namespace",
    spoil: parameter("inodeURL", "file:///etc/passwd"),
    code: "FAILED_PRECONDITION",
    text: "inode://",
  },
  {
    title: "unknown mechanism",
    spoil: (c) => {
      if (c.mechanism) c.mechanism.type = "TELEPATHY";
    },
    code: "FAILED_PRECONDITION",
    text: "TELEPATHY",
  },
  {
    title: "no mechanism",
    spoil: (c) => {
      c.mechanism = undefined;
    },
    code: "FAILED_PRECONDITION",
    text: "mechanism",
  },
];

/** The endpoint takes this for an answer that was sent, and keeps its connection until its token expires. */
const tooLong: Spoiling = {
  title: "more than a message may hold",
  spoil: (c) => {
    if (c.context) c.context.extraContext.noise = "x".repeat(5 * 1024 * 1024);
  },
  code: "RESOURCE_EXHAUSTED",
  text: "larger than max",
};

const linkNames = async (pod: Pod): Promise<string[]> =>
  (await withRouteSocket(pod.holder.netnsPath, (route) => route.links())).map(({ name }) => name);

/** Asks for the spoiled service from a pod. */
async function ask(raw: RawClient, node: LabNode, pod: Pod): Promise<Answer> {
  const { dev, ino } = await raw.identity(pod.holder.netnsPath);
  return await raw.request(node.nsmgrUrl, {
    connection: { networkService: SERVICE },
    parameters: { name: "nsm-1", inodeURL: `inode://${dev}/${ino}` },
    send: [pod.holder.netnsPath],
  });
}

const nothingStays = async (endpoint: SpoilingEndpoint, pod: Pod, expected = 0): Promise<void> => {
  await waitFor(`the endpoint knows of ${expected} connections`, 1000, () =>
    endpoint.connections() === expected ? true : undefined,
  );
  equal("links in the pod", await linkNames(pod), ["lo"]);
};

/** Messages of neighbours that no honest one sends. */
export const peerInput: readonly Scenario[] = [
  {
    id: "INPUT-endpoint-answers",
    title:
      "answers of an endpoint that cannot be built are named to the client and rolled back on both sides",
    nodes: 1,
    async run(lab, { note }) {
      const world = await startGoodWorld(lab);
      const node = lab.node(1);
      const endpoint = await startSpoilingEndpoint(lab, "nse-spoiling", SERVICE);
      const pod = await node.addPod("nsc-raw");
      const raw = new RawClient(lab.processIdentity("raw"));
      const wrong: string[] = [];
      for (const spoiling of [...spoilings, tooLong]) {
        const { title, spoil, code, text } = spoiling;
        endpoint.spoil = spoil;
        const answer = await ask(raw, node, pod);
        const seen = `${title}: ${answer.code} after ${Math.round(answer.ms)} ms: ${answer.text}`;
        note(seen);
        const good = answer.code === code && answer.text.includes(text) && answer.ms < ANSWER_BOUND_MS;
        if (!good) wrong.push(seen);
        if (answer.connection) await raw.close(node.nsmgrUrl, answer.connection);
        await nothingStays(endpoint, pod, spoiling === tooLong ? 1 : 0).catch((error: unknown) =>
          wrong.push(`${title}: ${String(error)}`),
        );
      }
      equal("wrong answers", wrong, []);
      endpoint.spoil = () => {};
      const good = await ask(raw, node, pod);
      equal("answer of the endpoint when it behaves", [good.code, good.text], ["OK", ""]);
      equal("links while connected", await linkNames(pod), ["lo", "nsm-1"]);
      if (good.connection) equal("Close", (await raw.close(node.nsmgrUrl, good.connection)).code, "OK");
      await nothingStays(endpoint, pod, 1);
      await raw.stop();
      await pod.stop();
      await endpoint.stop();
      await expectUnharmed(lab, world);
    },
  },
  {
    id: "INPUT-client-messages",
    title: "requests that no honest client sends are refused at once, naming the field",
    nodes: 1,
    async run(lab, { note }) {
      const world = await startGoodWorld(lab);
      const node = lab.node(1);
      const pod = await node.addPod("nsc-raw");
      const { netnsPath } = pod.holder;
      const raw = new RawClient(lab.processIdentity("raw"));
      const { dev, ino } = await raw.identity(netnsPath);
      const good = { name: "nsm-1", inodeURL: `inode://${dev}/${ino}` };
      const segment = (id: string): object => ({ name: "raw", id });
      const cases: {
        title: string;
        connection?: DeepPartial<Connection>;
        parameters?: Record<string, string>;
        code: string;
        text: string;
      }[] = [
        {
          title: "index beyond the path",
          connection: { path: { index: 7, pathSegments: [segment("raw-0")] } },
          code: "INVALID_ARGUMENT",
          text: "Path.Index",
        },
        {
          title: "largest index",
          connection: { path: { index: 2 ** 32 - 1, pathSegments: [segment("raw-0")] } },
          code: "INVALID_ARGUMENT",
          text: "Path.Index",
        },
        {
          title: "65 segments",
          connection: {
            path: { index: 64, pathSegments: Array.from({ length: 65 }, () => segment("raw-0")) },
          },
          code: "INVALID_ARGUMENT",
          text: "connection.path.path_segments",
        },
        {
          title: "64 segments",
          connection: {
            path: { index: 63, pathSegments: Array.from({ length: 64 }, () => segment("raw-0")) },
          },
          code: "INVALID_ARGUMENT",
          text: "64 segments",
        },
        {
          title: "another id than the segment's",
          connection: { id: "raw-1", path: { index: 0, pathSegments: [segment("raw-0")] } },
          code: "INVALID_ARGUMENT",
          text: "raw-1",
        },
        {
          title: "empty id",
          connection: { id: "", path: { index: 0, pathSegments: [segment("")] } },
          code: "INVALID_ARGUMENT",
          text: "id",
        },
        {
          title: "no interface name",
          parameters: { inodeURL: good.inodeURL },
          code: "INVALID_ARGUMENT",
          text: "name",
        },
        {
          title: "long interface name",
          parameters: { ...good, name: "sixteen-letters-" },
          code: "INVALID_ARGUMENT",
          text: "sixteen-letters-",
        },
        {
          title: "MTU",
          connection: { context: { MTU: 2 ** 32 - 1 } },
          code: "INVALID_ARGUMENT",
          text: "MTU",
        },
        {
          title: "address",
          connection: { context: { ipContext: { srcIpAddrs: ["10.0.0.1/64"] } } },
          code: "INVALID_ARGUMENT",
          text: "10.0.0.1/64",
        },
        {
          title: "no service",
          connection: { networkService: "" },
          code: "NOT_FOUND",
          text: "network service",
        },
        {
          title: "huge service name",
          connection: { networkService: "x".repeat(1024 * 1024) },
          code: "NOT_FOUND",
          text: "xxx",
        },
        {
          title: "huge id",
          connection: {
            id: "i".repeat(1024 * 1024),
            path: { index: 0, pathSegments: [segment("i".repeat(1024 * 1024))] },
          },
          code: "INVALID_ARGUMENT",
          text: "id",
        },
        {
          title: "huge message",
          connection: { labels: { a: "x".repeat(5 * 1024 * 1024) } },
          code: "RESOURCE_EXHAUSTED",
          text: "larger than max",
        },
      ];
      const wrong: string[] = [];
      for (const { title, connection, parameters = good, code, text } of cases) {
        const answer = await raw.request(node.nsmgrUrl, {
          parameters,
          send: [netnsPath],
          ...(connection === undefined ? {} : { connection }),
        });
        const seen = `${title}: ${answer.code} after ${Math.round(answer.ms)} ms: ${answer.text.slice(0, 400)}`;
        note(seen);
        const isGood = answer.code === code && answer.text.includes(text) && answer.ms < ANSWER_BOUND_MS;
        if (!isGood) wrong.push(seen);
        if (answer.connection) await raw.close(node.nsmgrUrl, answer.connection);
      }
      equal("wrong answers", wrong, []);
      equal("links in the pod", await linkNames(pod), ["lo"]);
      await raw.stop();
      await pod.stop();
      await expectUnharmed(lab, world);
    },
  },
];
