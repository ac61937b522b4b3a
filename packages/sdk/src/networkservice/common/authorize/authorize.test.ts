// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { PathSegment } from "@nsm/api";
import {
  type Channel,
  Code,
  type Context,
  chain,
  type IncomingCall,
  incomingCall,
  internalEvent,
  type NetworkServiceElement,
  newOutgoingCall,
  type OutgoingCall,
  outgoingCall,
  type PeerIdentity,
  type Policy,
  type PolicyInput,
  StatusError,
  start,
} from "@nsm/core";
import { capture, counter, elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import { metadataClient } from "../../utils/metadata/index.js";
import { admitServer, authorizeClient, authorizeServer, ConnectionHolders } from "./index.js";

const identity = (name: string): PeerIdentity => ({
  spiffeId: `spiffe://test.com/${name}`,
  notAfterMs: Number.MAX_SAFE_INTEGER,
  certificatePem: `certificate of ${name}`,
});

const callOf = (peer: PeerIdentity | undefined): IncomingCall => ({
  peerAddress: "test",
  peer,
  own: undefined,
  token: undefined,
  headers: new Map(),
  responseHeaders: new Map(),
  link: undefined,
});

/** A call as it is once the server has answered. */
const answeredBy = (name: string): OutgoingCall =>
  Object.assign(newOutgoingCall({} as Channel), { peer: identity(name) });

const anyone: Policy = { name: "anyone", check: async () => {} };

/** Agrees when the last segment's token is "allowed". */
const tokenPolicy: Policy = {
  name: "token",
  async check({ path_segments: segments }) {
    if (segments?.at(-1)?.token === "allowed") return;
    throw new StatusError(Code.PERMISSION_DENIED, "no sufficient privileges", { reason: "POLICY_DENIED" });
  },
};

const denied = {
  code: Code.PERMISSION_DENIED,
  message: "networkservice: an error occurred during authorization policy check: no sufficient privileges",
};

/** Keeps what it was asked. */
function recording(): Policy & { readonly inputs: PolicyInput[] } {
  const inputs: PolicyInput[] = [];
  return { name: "recording", inputs, check: async (input) => void inputs.push(input) };
}

/** A request of client `nsc-<id>` at server `srv-<id>`. */
const arriving = (id: string, token = "allowed") =>
  requestWith({
    id: `srv-${id}`,
    path: {
      index: 1,
      pathSegments: [
        { name: "nsc", id: `nsc-${id}` },
        { name: "srv", id: `srv-${id}`, token },
      ],
    },
  });

const from = (name: string): Context => testContext().with(incomingCall, callOf(identity(name)));

describe("authorize-server", () => {
  elementContract(() => authorizeServer(anyone));
  elementContract(() => authorizeServer(anyone), {
    request: () => arriving("0"),
    context: (ctx) => ctx.with(incomingCall, callOf(identity("nsc"))),
  });

  it("A-1 does not check calls within the process, whatever their path", async () => {
    const server = start(authorizeServer(tokenPolicy));
    const connection = await server.request(testContext(), requestWith({ id: "a" }));
    await server.close(testContext(), connection);
    await server.request(testContext(), arriving("a", "denied"));
  });

  it("A-2 lets Request and Close pass by the policy's word", async () => {
    const counted = counter();
    const server = start(chain("server", authorizeServer(tokenPolicy), counted));
    const connection = await server.request(from("nsc"), arriving("a"));
    await expect(server.request(from("nsc"), arriving("b", "denied"))).rejects.toMatchObject(denied);
    const refused = arriving("a", "denied").connection;
    await expect(server.close(from("nsc"), refused)).rejects.toMatchObject(denied);
    expect([counted.requests, counted.closes]).toEqual([1, 0]);
    await server.close(from("nsc"), connection);
    expect(counted.closes).toBe(1);
  });

  it("does not check what begin fires itself", async () => {
    const counted = counter();
    const server = start(chain("server", authorizeServer(tokenPolicy), counted));
    const ctx = from("nsc").with(internalEvent, true);
    await server.request(ctx, arriving("a", "expired"));
    await server.close(ctx, arriving("a", "expired").connection);
    expect([counted.requests, counted.closes]).toEqual([1, 1]);
  });

  it("T-8 shows policies nothing of a path but what it has, and no index of 0", async () => {
    const policy = recording();
    const client = start(chain("client", metadataClient(), authorizeClient(policy)));
    const path = { index: 0, pathSegments: [{ token: "t" }] };
    await client.request(testContext().with(outgoingCall, answeredBy("srv")), requestWith({ path }));
    expect(JSON.parse(JSON.stringify(policy.inputs))).toEqual([
      { path_segments: [{ token: "t" }], auth_info: { certificate: "certificate of srv" } },
    ]);
  });

  it("shows policies the path up to itself as JSON with zero values left out", async () => {
    const policy = recording();
    const server = start(authorizeServer(policy));
    const request = arriving("a");
    Object.assign(request.connection.path.pathSegments[0]!, {
      expires: { seconds: 1_700_000_000n, nanos: 5 },
      metrics: { client_interface: "KERNEL/nsm-1" },
    });
    request.connection.path.pathSegments.push(PathSegment.fromPartial({ name: "next", id: "next-a" }));
    await server.request(from("nsc"), request);
    expect(JSON.parse(JSON.stringify(policy.inputs[0]))).toEqual({
      index: 1,
      path_segments: [
        {
          name: "nsc",
          id: "nsc-a",
          expires: { seconds: 1_700_000_000, nanos: 5 },
          metrics: { client_interface: "KERNEL/nsm-1" },
        },
        { name: "srv", id: "srv-a", token: "allowed" },
      ],
      auth_info: { certificate: "certificate of nsc" },
    });
  });

  it.each([
    ["empty", { index: 0, pathSegments: [] }],
    ["without a hop before", { index: 0, pathSegments: [{ id: "a" }] }],
    ["with an index outside", { index: 2, pathSegments: [{ id: "a" }, { id: "b" }] }],
  ])("T1 refuses a path that is %s", async (_title, path) => {
    const counted = counter();
    const server = start(chain("server", authorizeServer(anyone), counted));
    const { connection } = requestWith({ id: "a", path });
    const refused = { code: Code.INVALID_ARGUMENT, reason: "PATH_INDEX" };
    await expect(server.request(from("nsc"), requestWith({ id: "a", path }))).rejects.toMatchObject(refused);
    await expect(server.close(from("nsc"), connection)).rejects.toMatchObject(refused);
    expect([counted.requests, counted.closes]).toEqual([0, 0]);
  });

  it("T4 takes paths of several hops only from known proxies", async () => {
    const proxies = (spiffeId: string) => spiffeId === "spiffe://test.com/nsmgr";
    const server = start(authorizeServer(anyone, { proxies }));
    const passedOn = () => {
      const request = arriving("a");
      request.connection.path.pathSegments.unshift(PathSegment.fromPartial({ id: "owner" }));
      request.connection.path.index = 2;
      return request;
    };
    await server.request(from("nsmgr"), passedOn());
    await server.request(from("nsc"), arriving("b"));
    await expect(server.request(from("nsc"), passedOn())).rejects.toMatchObject({
      ...denied,
      reason: "PROXY_UNKNOWN",
    });
  });

  describe("holders", () => {
    const setUp = (...inner: NetworkServiceElement[]) => {
      const holders = new ConnectionHolders();
      return { holders, server: start(chain("server", authorizeServer(tokenPolicy, { holders }), ...inner)) };
    };

    it("are known from the Request to the Close", async () => {
      const { holders, server } = setUp();
      await server.request(from("a"), arriving("1"));
      await server.request(from("a"), arriving("2"));
      await server.request(from("b"), arriving("3"));
      expect(holders.document()).toEqual({
        "spiffe://test.com/a": ["nsc-1", "nsc-2"],
        "spiffe://test.com/b": ["nsc-3"],
      });
      await server.close(from("a"), arriving("1").connection);
      await server.close(from("b"), arriving("3").connection);
      expect(holders.document()).toEqual({ "spiffe://test.com/a": ["nsc-2"] });
    });

    it("stay when a refresh fails, when another connection fails, and when a Close is denied", async () => {
      const { holders, server } = setUp(injectError({ request: [1, 2] }));
      await server.request(from("a"), arriving("1"));
      await expect(server.request(from("a"), arriving("1"))).rejects.toThrow();
      await expect(server.request(from("a"), arriving("2"))).rejects.toThrow();
      await expect(server.close(from("a"), arriving("1", "denied").connection)).rejects.toThrow();
      expect(holders.document()).toEqual({ "spiffe://test.com/a": ["nsc-1"] });
    });

    /** What {@link arriving} asks, brought by a manager. */
    const overManager = (id: string) => {
      const request = arriving(id);
      const { path } = request.connection;
      path.pathSegments.splice(1, 0, PathSegment.fromPartial({ name: "nsmgr", id: `nsmgr-${id}` }));
      path.index = 2;
      return request;
    };

    it("change with the manager that brings the connection, and go with it, whichever closes it", async () => {
      const { holders, server } = setUp();
      await server.request(from("a"), overManager("1"));
      await server.request(from("b"), overManager("1"));
      expect([holders.document(), holders.holderOf("srv-1")]).toEqual([
        { "spiffe://test.com/b": ["nsmgr-1"] },
        "spiffe://test.com/b",
      ]);
      await server.close(from("c"), overManager("1").connection);
      expect([holders.document(), holders.size]).toEqual([{}, 0]);
    });

    it("SEC-04 are the clients themselves: another peer may neither change nor close a connection", async () => {
      const counted = counter();
      const { holders, server } = setUp(counted);
      const foreign = { ...denied, reason: "NOT_HOLDER" };
      await server.request(from("a"), arriving("1"));
      await server.request(from("nsmgr"), overManager("2"));
      const stolen = [
        () => arriving("1"),
        () => overManager("1"), // as if a client had asked it to
        () => arriving("2"),
      ];
      for (const request of stolen) {
        await expect(server.request(from("b"), request())).rejects.toMatchObject(foreign);
        await expect(server.close(from("b"), request().connection)).rejects.toMatchObject(foreign);
      }
      expect([counted.requests, counted.closes, holders.size]).toEqual([2, 0, 2]);
      await server.close(from("a"), arriving("1").connection);
      await server.request(from("b"), arriving("1")); // an id that nobody has any more is free
      expect(holders.holderOf("srv-1")).toBe("spiffe://test.com/b");
    });

    it("T16 hold no more connections than they may, under whatever ids, and keep those they have", async () => {
      const server = start(authorizeServer(anyone, { maxPerPeer: 2 }));
      const aliased = arriving("2");
      aliased.connection.path.pathSegments[0]!.id = "nsc-1";
      await server.request(from("a"), arriving("1"));
      await server.request(from("a"), aliased);
      const refused = { code: Code.RESOURCE_EXHAUSTED, reason: "TOO_MANY_CONNECTIONS" };
      await expect(server.request(from("a"), arriving("3"))).rejects.toMatchObject(refused);
      await server.request(from("a"), arriving("1"));
      await server.request(from("b"), arriving("3"));
      await server.close(from("a"), arriving("1").connection);
      await server.request(from("a"), arriving("4"));
    });

    it("A-3 are nobody after the Close of a connection that was never requested", async () => {
      const { holders, server } = setUp();
      await server.close(from("a"), arriving("1").connection);
      expect(holders.size).toBe(0);
    });

    it("A-4 are nobody after 1000 Requests, most of them failing, and the Close of the others", async () => {
      const failing: NetworkServiceElement = {
        name: "failing",
        request: (ctx, request, next) =>
          Number(request.connection.id.slice(4)) % 5 === 0
            ? next.request(ctx, request)
            : Promise.reject(new Error("fails")),
      };
      const { holders, server } = setUp(failing);
      const all = Array.from({ length: 1000 }, (_, i) => ({ ctx: from(randomUUID()), i: String(i) }));
      const made = await Promise.allSettled(all.map(({ ctx, i }) => server.request(ctx, arriving(i))));
      expect(holders.size).toBe(200);
      await Promise.all(
        all
          .filter((_, i) => made[i]?.status === "fulfilled")
          .map(({ ctx, i }) => server.close(ctx, arriving(i).connection)),
      );
      expect([holders.size, holders.document()]).toEqual([0, {}]);
    });
  });
});

describe("admit-server", () => {
  elementContract(() => admitServer({ holders: new ConnectionHolders() }));

  /** Two connections, of client `a` and, brought by a manager, of another client. */
  const setUp = (proxies?: (spiffeId: string) => boolean) => {
    const holders = new ConnectionHolders();
    holders.set("srv-1", { spiffeId: "spiffe://test.com/a", connectionId: "nsc-1", hops: 1 });
    holders.set("srv-2", { spiffeId: "spiffe://test.com/nsmgr", connectionId: "nsmgr-2", hops: 2 });
    const counted = counter();
    const admit = admitServer({ holders, ...(proxies && { proxies }) });
    return { server: start(chain("server", admit, counted)), counted };
  };
  const at = (id: string, hops: number) => {
    const pathSegments = Array.from({ length: hops + 1 }, (_, i) => ({
      id: i === hops ? `srv-${id}` : `hop-${i}`,
    }));
    return requestWith({ id: `srv-${id}`, path: { index: hops, pathSegments } });
  };

  it.each<[title: string, from: string, id: string, hops: number, reason: string | undefined]>([
    ["the client that made it", "a", "1", 1, undefined],
    ["another client", "b", "1", 1, "NOT_HOLDER"],
    ["a manager, of one that its client made", "nsmgr", "1", 2, "NOT_HOLDER"],
    ["a client, of one that a manager brought", "b", "2", 1, "NOT_HOLDER"],
    ["the manager that brought it", "nsmgr", "2", 2, undefined],
    ["a manager in its place", "nsmgr-new", "2", 2, undefined],
    ["somebody in the manager's place who is none", "b", "2", 2, "PROXY_UNKNOWN"],
    ["anybody, of one that nobody holds", "b", "3", 1, undefined],
  ])("SEC-04 lets a connection be touched, or not, by %s", async (_title, who, id, hops, reason) => {
    const { server, counted } = setUp((spiffeId) => spiffeId.startsWith("spiffe://test.com/nsmgr"));
    const outcomes = await Promise.allSettled([
      server.request(from(who), at(id, hops)),
      server.close(from(who), at(id, hops).connection),
    ]);
    const refused = { status: "rejected", reason: { ...denied, reason } };
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject(reason === undefined ? { status: "fulfilled" } : refused);
    }
    expect([counted.requests, counted.closes]).toEqual(reason === undefined ? [1, 1] : [0, 0]);
  });

  it("asks nothing of callers without identity and of calls within the process", async () => {
    const { server, counted } = setUp(() => false);
    for (const ctx of [testContext(), testContext().with(incomingCall, callOf(undefined))]) {
      await server.close(ctx, at("1", 2).connection);
    }
    expect(counted.closes).toBe(2);
  });
});

describe("authorize-client", () => {
  elementContract(() => authorizeClient(anyone), { before: () => [metadataClient()] });

  /** The next hop answers with the token of the request's labels. */
  const answering: NetworkServiceElement = {
    name: "answering",
    async request(ctx, request, next) {
      const connection = await next.request(ctx, request);
      const token = connection.labels.answer ?? "allowed";
      connection.path.pathSegments = [
        PathSegment.fromPartial({ id: connection.id }),
        PathSegment.fromPartial({ id: "next", token }),
      ];
      return connection;
    },
  };
  const asking = (answer: string, id = "a") => requestWith({ id, labels: { answer } });
  const towards = (name: string): Context =>
    testContext({ timeoutMs: 15_000 }).with(outgoingCall, answeredBy(name));
  const setUp = (policy: Policy = tokenPolicy) => {
    const counted = capture();
    return {
      counted,
      client: start(chain("client", metadataClient(), authorizeClient(policy), answering, counted)),
    };
  };

  it("A-2 closes a new connection that is refused, with the whole time of the Request", async () => {
    const { client, counted } = setUp();
    await expect(client.request(towards("srv"), asking("denied"))).rejects.toMatchObject(denied);
    expect(counted.closed.map(({ id }) => id)).toEqual(["a"]);
    expect(counted.lastContext?.deadlineMs).toBe(counted.contexts[0]?.deadlineMs);
    expect(counted.lastContext?.signal).not.toBe(counted.contexts[0]?.signal);
  });

  it("A-5 leaves a connection when its refresh is refused, and closes it once", async () => {
    const { client, counted } = setUp();
    const connection = await client.request(towards("srv"), asking("allowed"));
    await expect(client.request(towards("srv"), asking("denied"))).rejects.toMatchObject(denied);
    expect(counted.closed).toHaveLength(0);
    await client.close(towards("srv"), connection);
    expect(counted.closed).toHaveLength(1);
  });

  it("checks what begin fires itself", async () => {
    const { client } = setUp();
    const ctx = towards("srv").with(internalEvent, true);
    await expect(client.request(ctx, asking("denied"))).rejects.toMatchObject(denied);
  });

  it("sends a Close that is refused", async () => {
    const { client, counted } = setUp();
    const connection = await client.request(towards("srv"), asking("allowed"));
    connection.path.pathSegments[1]!.token = "expired";
    await client.close(towards("srv"), connection);
    expect(counted.closed).toHaveLength(1);
  });

  it("returns the refusal when the Close after it fails", async () => {
    const client = start(
      chain(
        "client",
        metadataClient(),
        authorizeClient(tokenPolicy),
        answering,
        injectError({ request: [] }),
      ),
    );
    await expect(client.request(towards("srv"), asking("denied"))).rejects.toMatchObject(denied);
  });

  it("checks the whole path with the certificate of each connection's own server", async () => {
    const policy = recording();
    const { client } = setUp(policy);
    const first = await client.request(towards("one"), asking("x", "1"));
    await client.request(towards("two"), asking("y", "2"));
    await client.close(towards("elsewhere"), first);
    expect(policy.inputs.map(({ auth_info }) => auth_info.certificate)).toEqual([
      "certificate of one",
      "certificate of two",
      "certificate of one",
    ]);
    expect(policy.inputs[0]).toEqual({
      path_segments: [{ id: "1" }, { id: "next", token: "x" }],
      auth_info: { certificate: "certificate of one" },
    });
  });
});
