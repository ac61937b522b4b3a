// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceEndpoint, newNetworkServiceEndpoint } from "@nsm/api";
import {
  Code,
  endpointKind,
  type IncomingCall,
  incomingCall,
  networkServiceKind,
  registryChain,
  startRegistry,
} from "@nsm/core";
import { registryCapture, registryElementContract, testContext } from "@nsm/testkit";
import {
  grpcMetadataClient,
  grpcMetadataServer,
  headerExchange,
  type RegistryPath,
  registryPath,
} from "./index.js";
import { formatPath, parsePath } from "./path-json.js";

registryElementContract(networkServiceKind, () => grpcMetadataServer());
registryElementContract(endpointKind, () => grpcMetadataClient());

const endpoint = () => newNetworkServiceEndpoint({ name: "nse" });

describe("the text of a path", () => {
  it("is Go's JSON, an empty list written as null", () => {
    expect(formatPath({ index: 0, pathSegments: [] })).toBe('{"Index":0,"PathSegments":null}');
    expect(formatPath({ index: 1, pathSegments: [{ token: "a" }, { token: "b" }] })).toBe(
      '{"Index":1,"PathSegments":[{"token":"a"},{"token":"b"}]}',
    );
  });
  it("is read back", () => {
    const path = { index: 1, pathSegments: [{ token: "a" }, { token: "b" }] };
    expect(parsePath(formatPath(path))).toEqual(path);
    expect(parsePath('{"Index":0,"PathSegments":null}')).toEqual({ index: 0, pathSegments: [] });
    expect(parsePath('{"PathSegments":[{}]}')).toEqual({ index: 0, pathSegments: [{ token: "" }] });
  });
  it("is read whatever letters its names have, the last of several", () => {
    expect(parsePath('{"index":1,"PATHSEGMENTS":[{"Token":"a"},{"token":"b","TOKEN":"c"}]}')).toEqual({
      index: 1,
      pathSegments: [{ token: "a" }, { token: "c" }],
    });
    expect(parsePath('{"Index":null,"PathSegments":[{"token":null}]}')).toEqual({
      index: 0,
      pathSegments: [{ token: "" }],
    });
  });
  it.each(["", "null", "x", "{"])("is none when it is %j", (text) => expect(parsePath(text)).toBeUndefined());
  it.each([
    ["[]", "the path is no object"],
    ["7", "the path is no object"],
    ['{"Index":-1}', "Index is no unsigned integer"],
    ['{"Index":1.5}', "Index is no unsigned integer"],
    ['{"Index":4294967296}', "Index is no unsigned integer"],
    ['{"PathSegments":{}}', "PathSegments is no list"],
    ['{"PathSegments":[{"token":1}]}', "PathSegments[0].token is no text"],
    ['{"PathSegments":[{"token":"a"},[]]}', "PathSegments[1] is no object"],
    [`{"PathSegments":[{"token":"${"a".repeat(300_000)}"}]}`, "longer than 262144 characters"],
  ])("is refused when it is %.40s", (text, reason) => {
    expect(() => parsePath(text)).toThrow(
      expect.objectContaining({ code: Code.INVALID_ARGUMENT, message: expect.stringContaining(reason) }),
    );
  });
});

describe("grpcMetadataServer", () => {
  const incoming = (headers: [string, string][] = []): IncomingCall => ({
    peerAddress: "test",
    peer: undefined,
    own: undefined,
    token: undefined,
    headers: new Map(headers),
    responseHeaders: new Map(),
    link: undefined,
  });

  it("answers with the path as the chain left it", async () => {
    const call = incoming([["path", '{"Index":0,"PathSegments":[{"token":"a"}]}']]);
    const registry = startRegistry<NetworkServiceEndpoint>(
      registryChain("test", grpcMetadataServer(), {
        name: "extend",
        register(ctx, item, next) {
          ctx.get(registryPath)?.pathSegments.push({ token: "b" });
          return next.register(ctx, item);
        },
      }),
    );
    await registry.register(testContext().with(incomingCall, call), endpoint());
    expect(call.responseHeaders.get("path")).toBe('{"Index":0,"PathSegments":[{"token":"a"},{"token":"b"}]}');
  });

  it("T2 refuses a path with null as a segment, and calls nobody", async () => {
    const call = incoming([["path", '{"Index":0,"PathSegments":[null]}']]);
    const capture = registryCapture<NetworkServiceEndpoint>();
    const registry = startRegistry(registryChain("test", grpcMetadataServer(), capture));
    const ctx = testContext().with(incomingCall, call);
    const refused = {
      code: Code.INVALID_ARGUMENT,
      reason: "REGISTRY_PATH",
      message: "header path: PathSegments[0] is no object",
    };
    await expect(registry.register(ctx, endpoint())).rejects.toMatchObject(refused);
    await expect(registry.unregister(ctx, endpoint())).rejects.toMatchObject(refused);
    expect([capture.registered, capture.unregistered]).toEqual([[], []]);
  });

  it.each([[[]], [[["path", "{"]]]] as [string, string][][][])(
    "goes on without a readable path (%j)",
    async (headers) => {
      const call = incoming(headers);
      const capture = registryCapture<NetworkServiceEndpoint>();
      await startRegistry(registryChain("test", grpcMetadataServer(), capture)).register(
        testContext().with(incomingCall, call),
        endpoint(),
      );
      expect(capture.contexts[0]?.get(registryPath)).toBeUndefined();
      expect(call.responseHeaders.size).toBe(0);
    },
  );
});

describe("grpcMetadataClient", () => {
  const answering = (answer: string | undefined) => {
    const sent: (string | undefined)[] = [];
    const registry = startRegistry<NetworkServiceEndpoint>(
      registryChain("test", grpcMetadataClient(), {
        name: "peer",
        async register(ctx, item) {
          const exchange = ctx.get(headerExchange);
          sent.push(exchange?.request.get("path"));
          if (exchange !== undefined && answer !== undefined) exchange.response = new Map([["path", answer]]);
          return item;
        },
      }),
    );
    return { sent, registry };
  };

  it("takes the answer's path over into the same object", async () => {
    const path: RegistryPath = { index: 0, pathSegments: [{ token: "old" }] };
    const { sent, registry } = answering('{"Index":0,"PathSegments":[{"token":"new"},{"token":"hop"}]}');
    await registry.register(testContext().with(registryPath, path), endpoint());
    expect(sent).toEqual(['{"Index":0,"PathSegments":[{"token":"old"}]}']);
    expect(path).toEqual({ index: 0, pathSegments: [{ token: "new" }, { token: "hop" }] });
  });
  it.each([[undefined], ["{"], ['{"PathSegments":[null]}']])(
    "keeps its own path when the answer's is %j",
    async (answer) => {
      const path: RegistryPath = { index: 0, pathSegments: [{ token: "old" }] };
      const { registry } = answering(answer);
      await registry.register(testContext().with(registryPath, path), endpoint());
      expect(path).toEqual({ index: 0, pathSegments: [{ token: "old" }] });
    },
  );
  it("sends an empty path when there is none", async () => {
    const { sent, registry } = answering(undefined);
    await registry.register(testContext(), endpoint());
    expect(sent).toEqual(['{"Index":0,"PathSegments":null}']);
  });
});
