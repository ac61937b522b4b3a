// SPDX-License-Identifier: Apache-2.0
import { chain, type NetworkServiceElement, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { clientUrl } from "../client-url/context.js";
import { interdomainBypassServer } from "./index.js";

const known = new Map([
  ["nse@far", "tcp://1.1.1.1:5001"],
  ["broken@far", "nonsense"],
]);
elementContract(() => interdomainBypassServer(known));

const ctx = testContext();

function setUp(...behind: NetworkServiceElement[]) {
  const seen = capture();
  return { seen, server: start(chain("test", interdomainBypassServer(known), seen, ...behind)) };
}

const requestFor = (networkServiceEndpointName: string) =>
  requestWith({ id: "a", networkService: "ns@far", networkServiceEndpointName });

describe("interdomain-bypass server", () => {
  it("sends a known endpoint's connection to its address under its full names, Close too", async () => {
    const { seen, server } = setUp();
    const connection = await server.request(ctx, requestFor("nse@far"));
    await server.close(ctx, connection);
    expect(seen.contexts.map((used) => used.get(clientUrl)?.href)).toEqual([
      "tcp://1.1.1.1:5001",
      "tcp://1.1.1.1:5001",
    ]);
    expect(seen.lastRequest?.connection).toMatchObject({
      networkService: "ns@far",
      networkServiceEndpointName: "nse@far",
    });
  });

  it.each(["other@far", "broken@far"])(
    "takes the domain off the names of %s and restores them",
    async (name) => {
      const { seen, server } = setUp();
      const connection = await server.request(ctx, requestFor(name));
      expect(connection).toMatchObject({ networkService: "ns@far", networkServiceEndpointName: name });
      const inside = { networkService: "ns", networkServiceEndpointName: name.replace("@far", "") };
      expect(seen.lastRequest?.connection).toMatchObject(inside);
      expect(seen.lastContext?.get(clientUrl)).toBeUndefined();
      await server.close(ctx, connection);
      expect(seen.lastClosed).toMatchObject(inside);
    },
  );

  it("keeps an endpoint that was chosen behind", async () => {
    const { server } = setUp({
      name: "choose",
      async request(_ctx, { connection }) {
        connection.networkServiceEndpointName = "chosen";
        return connection;
      },
    });
    const connection = await server.request(ctx, requestFor(""));
    expect(connection).toMatchObject({ networkService: "ns@far", networkServiceEndpointName: "chosen" });
  });
});
