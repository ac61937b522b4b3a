// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { chain, type NetworkServiceElement, start } from "@nsm/core";
import { capture, elementContract, memoryWatchedFile, requestWith, testContext } from "@nsm/testkit";
import { swapIpClient, swapIpServer } from "./index.js";

const file = () =>
  memoryWatchedFile<ReadonlyMap<string, string>>(
    new Map([
      ["172.16.2.10", "180.10.1.1"],
      ["172.16.1.10", "180.10.1.2"],
    ]),
  );
elementContract(() => swapIpClient(file()));
elementContract(() => swapIpServer(file()));

const ctx = testContext();
const vxlan = (parameters: Record<string, string>) => newMechanism("REMOTE", "VXLAN", parameters);

/** Chooses the first preference and sets the destination, as a forwarder does. */
const forwarder = (dstIp: string): NetworkServiceElement => ({
  name: "forwarder",
  async request(_ctx, { connection, mechanismPreferences }) {
    connection.mechanism ??= mechanismPreferences[0];
    if (connection.mechanism) connection.mechanism.parameters.dst_ip = dstIp;
    return connection;
  },
});

describe("swap-ip client", () => {
  it("shows the outside address to the next hop, on refresh too, and the inside one to the caller (client_test.go)", async () => {
    const seen = capture();
    const client = start(chain("test", swapIpClient(file()), seen, forwarder("180.10.2.1")));
    let connection = await client.request(ctx, requestWith({ id: "a" }, [vxlan({ src_ip: "172.16.2.10" })]));
    for (let i = 0; i < 3; i++) {
      const sent = seen.lastRequest;
      const mechanism = sent?.connection.mechanism ?? sent?.mechanismPreferences[0];
      expect(mechanism?.parameters).toMatchObject({ src_ip: "180.10.1.1", orig_src_ip: "172.16.2.10" });
      expect(connection.mechanism?.parameters).toEqual({
        src_ip: "172.16.2.10",
        orig_src_ip: "",
        dst_ip: "180.10.2.1",
      });
      connection = await client.request(ctx, { connection, mechanismPreferences: [] });
    }
  });

  it("leaves calls from outside and mechanisms without source address alone", async () => {
    const parameters = { src_ip: "172.16.2.10", orig_src_ip: "1.1.1.1" };
    const client = start(chain("test", swapIpClient(file()), forwarder("1.2.3.4")));
    const outside = await client.request(ctx, requestWith({ id: "a", mechanism: vxlan(parameters) }));
    expect(outside.mechanism?.parameters).toEqual({ ...parameters, dst_ip: "1.2.3.4" });
    const kernel = newMechanism("LOCAL", "KERNEL", { name: "nsm-1" });
    const local = await client.request(ctx, requestWith({ id: "a", mechanism: kernel }));
    expect(local.mechanism?.parameters).toEqual({ name: "nsm-1", dst_ip: "1.2.3.4" });
  });

  it.each([
    ["without the file", memoryWatchedFile<ReadonlyMap<string, string>>()],
    ["without an entry", file()],
  ])("keeps an address %s", async (_when, map) => {
    const seen = capture();
    const client = start(chain("test", swapIpClient(map), seen, forwarder("")));
    const connection = await client.request(ctx, requestWith({ id: "a" }, [vxlan({ src_ip: "9.9.9.9" })]));
    expect(seen.lastRequest?.mechanismPreferences[0]?.parameters.src_ip).toBe("9.9.9.9");
    expect(connection.mechanism?.parameters.src_ip).toBe("9.9.9.9");
  });

  it("follows the file", async () => {
    const map = file();
    const seen = capture();
    const client = start(chain("test", swapIpClient(map), seen, forwarder("")));
    map.set(new Map([["172.16.2.10", "180.10.9.9"]]));
    await client.request(ctx, requestWith({ id: "a" }, [vxlan({ src_ip: "172.16.2.10" })]));
    expect(seen.lastRequest?.mechanismPreferences[0]?.parameters.src_ip).toBe("180.10.9.9");
  });
});

describe("swap-ip server", () => {
  it("shows the outside address to a caller from outside, on refresh too (server_test.go)", async () => {
    const seen = capture();
    const server = start(chain("test", swapIpServer(file()), seen, forwarder("172.16.1.10")));
    const fromOutside = { src_ip: "180.10.1.1", orig_src_ip: "172.16.2.10" };
    let connection = await server.request(ctx, requestWith({ id: "a" }, [vxlan(fromOutside)]));
    for (let i = 0; i < 3; i++) {
      expect(connection.mechanism?.parameters).toEqual({
        ...fromOutside,
        dst_ip: "180.10.1.2",
        orig_dst_ip: "172.16.1.10",
      });
      connection = await server.request(ctx, { connection, mechanismPreferences: [] });
      expect(seen.lastRequest?.connection.mechanism?.parameters).toMatchObject({
        dst_ip: "",
        orig_dst_ip: "",
      });
    }
  });

  it("leaves calls from inside alone, and those without any source address", async () => {
    const server = start(chain("test", swapIpServer(file()), forwarder("172.16.1.10")));
    for (const parameters of [{ src_ip: "172.16.2.10" }, { src_ip: "172.16.2.10", orig_src_ip: "" }, {}]) {
      const connection = await server.request(ctx, requestWith({ id: "a", mechanism: vxlan(parameters) }));
      expect(connection.mechanism?.parameters).toEqual({ ...parameters, dst_ip: "172.16.1.10" });
    }
  });

  it("keeps an address that the map does not have", async () => {
    const server = start(chain("test", swapIpServer(file()), forwarder("9.9.9.9")));
    const mechanism = vxlan({ src_ip: "1.1.1.1", orig_src_ip: "2.2.2.2" });
    const connection = await server.request(ctx, requestWith({ id: "a", mechanism }));
    expect(connection.mechanism?.parameters).toMatchObject({ dst_ip: "9.9.9.9", orig_dst_ip: "9.9.9.9" });
  });
});
