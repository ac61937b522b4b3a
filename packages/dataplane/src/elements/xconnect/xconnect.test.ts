// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { chain, type NetworkServiceElement, Scope, start } from "@nsm/core";
import { mechanismTranslationClient } from "@nsm/sdk/networkservice/common/mechanism-translation";
import { metadataServer, storeMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import { counter, requestWith, testContext } from "@nsm/testkit";
import { sideLink } from "../mechanism-driver/index.js";
import { xconnectServer } from "./index.js";

const request = () => requestWith({ id: "c", mechanism: newMechanism("LOCAL", "KERNEL") });

/** Puts links of the given sides there, as the mechanism elements do. */
const links = (...indexes: [server: number, client: number | undefined]): NetworkServiceElement => ({
  name: "links",
  async request(ctx, request, next) {
    const connection = await next.request(ctx, request);
    for (const [i, side] of (["server", "client"] as const).entries()) {
      const ifindex = indexes[i];
      if (ifindex === undefined) continue;
      const port = { ifindex, name: side, kind: "veth" } as const;
      storeMetadata(ctx, sideLink[side], { type: "KERNEL", port, undo: new Scope() });
    }
    return connection;
  },
});

describe("the cross connect element", () => {
  it("joins both sides' ports once the rest has built them, on every Request", async () => {
    const joined: string[] = [];
    const element = xconnectServer(async (a, b) => void joined.push(`${a.ifindex}-${b.ifindex}`));
    const server = start(chain("t", metadataServer(), element, links(1, 2)));
    await server.request(testContext(), request());
    await server.request(testContext(), request());
    expect(joined).toEqual(["1-2", "1-2"]);
  });

  it("refuses a connection with a side without link, and closes what was built", async () => {
    const next = counter();
    const element = xconnectServer(async () => {});
    const server = start(chain("t", metadataServer(), element, links(1, undefined), next));
    await expect(server.request(testContext(), request())).rejects.toMatchObject({
      reason: "LINK_MISSING",
      message: expect.stringContaining("endpoint"),
    });
    expect(next.closes).toBe(1);
  });

  it("names the mechanism that the endpoint chose and nothing here builds", async () => {
    const chooses: NetworkServiceElement = {
      name: "chooses",
      request: async (ctx, sent, next) => {
        const connection = await next.request(ctx, sent);
        connection.mechanism = newMechanism("LOCAL", "TELEPATHY");
        return connection;
      },
    };
    const element = xconnectServer(async () => {});
    const server = start(
      chain("t", metadataServer(), element, links(1, undefined), mechanismTranslationClient(), chooses),
    );
    await expect(server.request(testContext(), request())).rejects.toThrow(
      'its mechanism "TELEPATHY" cannot',
    );
  });

  it("keeps a live connection when joining fails on a refresh", async () => {
    const next = counter();
    let failing = false;
    const element = xconnectServer(async () => {
      if (failing) throw new Error("ENODEV");
    });
    const server = start(chain("t", metadataServer(), element, links(1, 2), next));
    await server.request(testContext(), request());
    failing = true;
    await expect(server.request(testContext(), request())).rejects.toThrow("ENODEV");
    expect(next.closes).toBe(0);
  });
});
