// SPDX-License-Identifier: Apache-2.0
import { chain, type NetworkServiceElement, start } from "@nsm/core";
import { elementContract, requestWith, testContext } from "@nsm/testkit";
import { metadataServer } from "../../utils/metadata/index.js";
import { trimPathClient, trimPathServer } from "./index.js";

elementContract(() => trimPathServer(), { before: () => [metadataServer()] });
elementContract(() => trimPathClient(), { before: () => [metadataServer()] });

const ctx = testContext();
const names = async (...elements: NetworkServiceElement[]) => {
  const pathSegments = ["a", "b", "c"].map((name) => ({ name, id: name }));
  const connection = await start(chain("test", metadataServer(), ...elements)).request(
    ctx,
    requestWith({ id: "b", path: { index: 1, pathSegments } }),
  );
  return connection.path.pathSegments.map(({ name }) => name);
};

describe("trim-path", () => {
  it("cuts the path behind the own segment when the request went no further", async () => {
    expect(await names(trimPathServer())).toEqual(["a", "b"]);
  });

  it("keeps the path when this application's client took the request further", async () => {
    expect(await names(trimPathServer(), trimPathClient())).toEqual(["a", "b", "c"]);
  });

  it("cuts again when a later request goes no further", async () => {
    let further = true;
    const client = trimPathClient();
    const sometimes: NetworkServiceElement = {
      name: "sometimes",
      request: (callCtx, request, next) =>
        further ? start(client, next).request(callCtx, request) : next.request(callCtx, request),
    };
    const chained = start(chain("test", metadataServer(), trimPathServer(), sometimes));
    const request = () =>
      requestWith({
        id: "a",
        path: {
          index: 0,
          pathSegments: [
            { name: "a", id: "a" },
            { name: "b", id: "b" },
          ],
        },
      });
    expect((await chained.request(ctx, request())).path.pathSegments).toHaveLength(2);
    further = false;
    expect((await chained.request(ctx, request())).path.pathSegments).toHaveLength(1);
  });
});
