// SPDX-License-Identifier: Apache-2.0
import { chain, type NetworkServiceElement, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { metadataClient } from "../../utils/metadata/index.js";
import { replaceLabelsClient, replaceNseNameClient } from "./index.js";

const ctx = testContext();

describe("replace-labels client", () => {
  elementContract(() => replaceLabelsClient({ app: "next" }));

  it("shows the next hop its labels and gives the caller's back", async () => {
    const seen = capture();
    const client = start(chain("test", replaceLabelsClient({ app: "next" }), seen));
    const connection = await client.request(ctx, requestWith({ id: "a", labels: { app: "own", x: "y" } }));
    expect(seen.lastRequest?.connection.labels).toEqual({ app: "next" });
    expect(connection.labels).toEqual({ app: "own", x: "y" });
    await client.close(ctx, connection);
    expect(seen.lastClosed?.labels).toEqual({ app: "next" });
  });
});

describe("replace-nse-name client", () => {
  elementContract(() => replaceNseNameClient(), { before: () => [metadataClient()] });

  it("asks for any endpoint first, then for the one it got, and gives the own name back", async () => {
    const seen = capture();
    const choose: NetworkServiceElement = {
      name: "choose",
      async request(_ctx, { connection }) {
        connection.networkServiceEndpointName ||= "chosen";
        return connection;
      },
    };
    const client = start(chain("test", metadataClient(), replaceNseNameClient(), seen, choose));
    const own = () => requestWith({ id: "a", networkServiceEndpointName: "own" });
    const first = await client.request(ctx, own());
    expect(first.networkServiceEndpointName).toBe("own");
    const again = await client.request(ctx, { connection: first, mechanismPreferences: [] });
    expect(again.networkServiceEndpointName).toBe("own");
    await client.close(ctx, again);
    expect(seen.lastClosed?.networkServiceEndpointName).toBe("chosen");
    await client.request(ctx, own());
    const asked = seen.requests.map(({ connection }) => connection.networkServiceEndpointName);
    expect(asked).toEqual(["", "chosen", ""]);
  });
});
