// SPDX-License-Identifier: Apache-2.0
import { describeInNetns, type ScratchNetns, scratchNetns } from "../testing/namespaces.js";
import { openRouteSocket, type RouteSocket } from "./index.js";

describeInNetns("traffic control", () => {
  let scratch: ScratchNetns;
  let route: RouteSocket;
  let a: number;
  let b: number;
  let c: number;

  const index = async (name: string) => (await route.linkGet(name))!.index;
  beforeEach(async () => {
    scratch = await scratchNetns();
    route = openRouteSocket(scratch.netns);
    await route.linkAdd({ kind: "veth", name: "a", peer: { name: "b" } });
    await route.linkAdd({ kind: "veth", name: "c", peer: { name: "d" } });
    [a, b, c] = [await index("a"), await index("b"), await index("c")];
  });
  afterEach(async () => {
    route.close();
    await scratch.destroy();
  });

  it("adds the ingress discipline once", async () => {
    expect(await route.ingressAdd(a)).toBe(true);
    expect(await route.ingressAdd(a)).toBe(false);
    expect((await route.queueingDisciplines(a)).filter(({ kind }) => kind === "ingress")).toEqual([
      { linkIndex: a, kind: "ingress", handle: 0xffff0000, parent: 0xfffffff1 },
    ]);
    expect((await route.queueingDisciplines()).some(({ kind }) => kind === "ingress")).toBe(true);
    expect(await route.ingressDelete(a)).toBe(true);
    expect(await route.ingressDelete(a)).toBe(false);
  });

  it("retargets a redirect in place", async () => {
    await route.ingressAdd(a);
    await route.redirectReplace(a, b);
    const redirect = { linkIndex: a, kind: "u32", handle: 0x80000800, priority: 1 };
    expect(await route.ingressFilters(a)).toEqual([{ ...redirect, redirectTo: b }]);
    await route.redirectReplace(a, c);
    expect(await route.ingressFilters(a)).toEqual([{ ...redirect, redirectTo: c }]);
    expect(await route.redirectDelete(a)).toBe(true);
    expect(await route.redirectDelete(a)).toBe(false);
    expect(await route.ingressFilters(a)).toEqual([]);
  });

  it("shows a redirect whose target was deleted as one without a target", async () => {
    await route.ingressAdd(a);
    await route.redirectReplace(a, c);
    await route.linkDelete(c);
    expect(await route.ingressFilters(a)).toEqual([
      { linkIndex: a, kind: "u32", handle: 0x80000800, priority: 1 },
    ]);
    await route.redirectReplace(a, b);
    expect(await route.ingressFilters(a)).toMatchObject([{ redirectTo: b }]);
  });

  it("refuses a redirect without an ingress discipline, and to a link that does not exist", async () => {
    await expect(route.redirectReplace(a, b)).rejects.toMatchObject({ name: "LinuxError" });
    expect(await route.ingressFilters(a)).toEqual([]);
    await route.ingressAdd(a);
    await expect(route.redirectReplace(a, 4711)).rejects.toMatchObject({ code: "ENODEV" });
  });
});
