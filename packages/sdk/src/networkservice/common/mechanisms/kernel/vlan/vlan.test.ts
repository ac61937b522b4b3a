// SPDX-License-Identifier: Apache-2.0
import { kernelParameters, newMechanism } from "@nsm/api";
import { Code, chain, type NetworkServiceElement, start } from "@nsm/core";
import { elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import { metadataServer } from "../../../../utils/metadata/index.js";
import { vlanServer } from "./index.js";

const requestOf = (
  id: string,
  parameters: Record<string, string> = { supportsVlan: "true" },
  type = "KERNEL",
) => requestWith({ id, mechanism: newMechanism("LOCAL", type, parameters) });

elementContract(() => vlanServer(), { before: () => [metadataServer()], request: () => requestOf("a") });

const ctx = testContext();

function setUp(...behind: NetworkServiceElement[]) {
  const element = vlanServer();
  const server = start(chain("test", metadataServer(), element, ...behind));
  const request = async (...args: Parameters<typeof requestOf>) =>
    kernelParameters((await server.request(ctx, requestOf(...args))).mechanism)?.vlanId;
  const close = (id: string) => server.close(ctx, requestOf(id).connection);
  return { element, server, request, close };
}

describe("vlan server", () => {
  it("gives the smallest free id, keeps it over a refresh, frees it with Close", async () => {
    const { request, close, element } = setUp();
    expect([await request("a"), await request("b"), await request("a")]).toEqual([1, 2, 1]);
    await close("a");
    expect(await request("c")).toBe(1);
    expect(element.statistics?.()).toEqual({ vlanIds: 2 });
  });

  it("keeps a brought id that is free, and replaces one of another connection", async () => {
    const { request } = setUp();
    const brought = { supportsVlan: "true", vlan: "7" };
    expect([await request("a", brought), await request("b", brought), await request("a", brought)]).toEqual([
      7, 1, 7,
    ]);
  });

  it("frees the id of a failed first Request, not that of a failed refresh", async () => {
    const { request } = setUp(injectError({ request: [0, 2], close: [] }));
    await expect(request("a")).rejects.toThrow();
    expect(await request("b")).toBe(1);
    await expect(request("b")).rejects.toThrow();
    expect(await request("c")).toBe(2);
  });

  it("leaves other connections alone", async () => {
    const { server, element } = setUp();
    const others = [
      requestOf("a", {}),
      requestOf("b", { supportsVlan: "true" }, "MEMIF"),
      requestWith({ id: "c" }),
    ];
    for (const other of others) {
      const { mechanism } = await server.request(ctx, other);
      expect(mechanism?.parameters.vlan).toBeUndefined();
    }
    expect(element.statistics?.()).toEqual({ vlanIds: 0 });
  });

  it("has 4094 ids", async () => {
    const { request } = setUp();
    for (let i = 1; i <= 4094; i++) expect(await request(`id-${i}`)).toBe(i);
    await expect(request("more")).rejects.toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      message: "vlan id not available for allocation",
    });
  });
});
