// SPDX-License-Identifier: Apache-2.0
import { Code, chain, type NetworkServiceElement, start } from "@nsm/core";
import { elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import {
  deleteMetadata,
  loadMetadata,
  metadataClient,
  metadataKey,
  metadataServer,
  storeMetadata,
} from "./index.js";

elementContract(() => metadataServer());
elementContract(() => metadataClient());

const ctx = testContext();
const key = metadataKey<number>("server", "calls");

/** Counts the Requests of a connection in its metadata. */
function counting() {
  const seen: (number | undefined)[] = [];
  const element: NetworkServiceElement = {
    name: "counting",
    request(callCtx, request, next) {
      const calls = (loadMetadata(callCtx, key) ?? 0) + 1;
      storeMetadata(callCtx, key, calls);
      seen.push(calls);
      return next.request(callCtx, request);
    },
    async close(callCtx, connection, next) {
      seen.push(deleteMetadata(callCtx, key));
      await next.close(callCtx, connection);
    },
  };
  return { seen, element };
}

const request = (id = "a") => requestWith({ id });

describe("metadata", () => {
  it("keeps a value from the first Request to the Close, per connection", async () => {
    const { seen, element } = counting();
    const server = start(chain("test", metadataServer(), element));
    await server.request(ctx, request());
    await server.request(ctx, request("b"));
    await server.request(ctx, request());
    await server.close(ctx, request().connection);
    await server.request(ctx, request());
    expect(seen).toEqual([1, 1, 2, 2, 1]);
  });

  it("forgets the values of a failed first Request, keeps those over a failed refresh", async () => {
    const { seen, element } = counting();
    const server = start(chain("test", metadataServer(), element, injectError({ request: [0, 2] })));
    await expect(server.request(ctx, request())).rejects.toThrow();
    await server.request(ctx, request());
    await expect(server.request(ctx, request())).rejects.toThrow();
    await server.request(ctx, request());
    expect(seen).toEqual([1, 1, 2, 3]);
  });

  it("hands an empty bag to a second Close", async () => {
    const { seen, element } = counting();
    const metadata = metadataServer();
    const server = start(chain("test", metadata, element));
    await server.request(ctx, request());
    await server.close(ctx, request().connection);
    await server.close(ctx, request().connection);
    expect(seen).toEqual([1, 1, undefined]);
    expect(metadata.statistics?.()).toEqual({ connections: 0 });
  });

  it("shares the server's bag with a client inside, whose connection has another id", async () => {
    const { seen, element } = counting();
    const inner = metadataClient();
    const rename: NetworkServiceElement = {
      name: "rename",
      request(callCtx, sent, next) {
        sent.connection.id = "other";
        return next.request(callCtx, sent);
      },
    };
    const server = start(chain("test", metadataServer(), element, rename, inner, element));
    await server.request(ctx, request());
    expect(seen).toEqual([1, 2]);
    expect(inner.statistics?.()).toEqual({ connections: 0 });
  });

  it("refuses access outside a chain with metadata", () => {
    expect(() => loadMetadata(ctx, key)).toThrow(
      expect.objectContaining({ code: Code.INTERNAL, reason: "METADATA_MISSING" }),
    );
  });
});
