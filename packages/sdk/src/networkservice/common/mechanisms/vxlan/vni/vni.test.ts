// SPDX-License-Identifier: Apache-2.0
import { newMechanism, vxlanParameters } from "@nsm/api";
import { Code, chain, type NetworkServiceElement, start } from "@nsm/core";
import { elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import { metadataServer } from "../../../../utils/metadata/index.js";
import { vniClient, vniServer } from "./index.js";

const before = () => [metadataServer()];
const ctx = testContext();
const vxlan = (parameters: Record<string, string> = { src_ip: "10.0.0.1" }) =>
  newMechanism("REMOTE", "VXLAN", parameters);
const request = (id: string, mechanism = vxlan()) => requestWith({ id, mechanism });

elementContract(() => vniClient("10.0.0.1"));
elementContract(() => vniServer("10.0.0.2"), { before, request: () => request("a") });

describe("vni client", () => {
  it.each([
    [vniClient("10.0.0.1"), "4789"],
    [vniClient("10.0.0.1", 4790), "4790"],
  ])("states its end of the tunnel in VXLAN preferences only", async (client, port) => {
    const sent = requestWith({}, [newMechanism("LOCAL", "KERNEL"), vxlan({})]);
    await start(client).request(ctx, sent);
    expect(sent.mechanismPreferences.map(({ parameters }) => parameters)).toEqual([
      {},
      { src_ip: "10.0.0.1", src_port: port },
    ]);
  });
});

describe("vni server", () => {
  /** Draws 0, 1, 2, …: VNIs 2, 4, 6, … towards a higher address, since 0 is no VNI. */
  function setUp(...elements: NetworkServiceElement[]) {
    let draws = 0;
    const element = vniServer("10.0.0.2", { randomUint32: () => draws++ % 4 });
    const server = start(chain("test", ...before(), element, ...elements));
    const vniOf = async (id: string, mechanism = vxlan()) =>
      vxlanParameters((await server.request(ctx, request(id, mechanism))).mechanism)?.vni;
    return { server, vniOf, element };
  }

  it("states its end and a VNI that is not 0", async () => {
    const { server } = setUp();
    const connection = await server.request(ctx, request("a"));
    expect(vxlanParameters(connection.mechanism)).toMatchObject({ dstIp: "10.0.0.2", dstPort: 4789, vni: 2 });
  });

  it("gives different VNIs to connections from one source, and keeps each over refreshes", async () => {
    const { vniOf } = setUp();
    expect([await vniOf("a"), await vniOf("b"), await vniOf("c")]).toEqual([2, 4, 6]);
    expect([await vniOf("a"), await vniOf("b")]).toEqual([2, 4]);
    expect(await vniOf("d", vxlan({ src_ip: "10.0.0.0" }))).toBe(2);
  });

  it("keeps a VNI that the request brings, unless another connection has it", async () => {
    const { vniOf } = setUp();
    const brought = () => vxlan({ src_ip: "10.0.0.1", vni: "42" });
    expect(await vniOf("a", brought())).toBe(42);
    expect(await vniOf("b", brought())).toBe(2);
    expect(await vniOf("a", brought())).toBe(42);
  });

  it("gives VNIs back on Close and when a first Request fails", async () => {
    const { server, vniOf, element } = setUp(injectError({ request: [1], close: [] }));
    await vniOf("a");
    await expect(vniOf("b")).rejects.toThrow();
    await server.close(ctx, request("a").connection);
    expect(element.statistics?.()).toEqual({ vnis: 0 });
  });

  it("fails when no VNI is free", async () => {
    const { vniOf } = setUp();
    for (const id of ["a", "b", "c"]) await vniOf(id);
    await expect(vniOf("d")).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
  });

  it("leaves other mechanisms alone", async () => {
    const { server } = setUp();
    const kernel = newMechanism("LOCAL", "KERNEL");
    expect((await server.request(ctx, request("a", kernel))).mechanism).toEqual(
      newMechanism("LOCAL", "KERNEL"),
    );
  });
});
