// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { Code, chain, elementTree, type NetworkServiceElement, start } from "@nsm/core";
import { capture, counter, elementContract, injectError, requestWith, testContext } from "@nsm/testkit";
import { mechanismsClient, mechanismsServer } from "./index.js";

const ctx = testContext();
const preference = (type: string, parameters: Record<string, string> = {}) =>
  newMechanism("LOCAL", type, parameters);
const pathOf = { index: 0, pathSegments: [{ name: "own", id: "a" }] };

const variants: [string, typeof mechanismsServer, "server_interface" | "client_interface"][] = [
  ["server", mechanismsServer, "server_interface"],
  ["client", mechanismsClient, "client_interface"],
];

describe.each(variants)("mechanisms %s", (kind, mechanisms, metric) => {
  elementContract(() => mechanisms({ KERNEL: chain("kernel") }), {
    request: () => requestWith({ id: "a", path: pathOf, mechanism: preference("KERNEL") }),
  });

  function setUp(...failing: string[]) {
    const behind = counter();
    const handlers = Object.fromEntries(
      ["KERNEL", "MEMIF", "VXLAN"].map((type) => [
        type,
        chain(type, ...(failing.includes(type) ? [injectError()] : [])),
      ]),
    );
    const seen = Object.fromEntries(Object.keys(handlers).map((type) => [type, counter(type)]));
    const element = mechanisms(
      Object.fromEntries(
        Object.entries(handlers).map(([type, handler]) => [type, chain(type, seen[type]!, handler)]),
      ),
    );
    const next = start(chain("test", element, behind));
    const run = (types: string[], mechanism?: string) =>
      next.request(
        ctx,
        requestWith(
          { id: "a", path: pathOf, mechanism: mechanism === undefined ? undefined : preference(mechanism) },
          types.map((type) => preference(type)),
        ),
      );
    const used = () => Object.values(seen).flatMap(({ name, requests }) => (requests > 0 ? [name] : []));
    return { element, behind, run, used, next };
  }

  it.each([[["KERNEL", "MEMIF"]], [["MEMIF", "KERNEL"]], [["VXLAN", "MEMIF", "KERNEL"]]])(
    "uses the first preference of %j, and what follows once",
    async (types) => {
      const { run, used, behind } = setUp();
      const connection = await run(types);
      expect(used()).toEqual([types[0]]);
      expect(behind.requests).toBe(1);
      expect(connection.mechanism?.type).toBe(kind === "server" ? types[0] : undefined);
    },
  );

  it("keeps a mechanism that is set", async () => {
    const { run, used } = setUp();
    await run(["KERNEL"], "MEMIF");
    expect(used()).toEqual(["MEMIF"]);
  });

  it("tries the next preferences when handlers fail, and skips unknown ones", async () => {
    const { run, used, behind } = setUp("KERNEL", "MEMIF");
    await run(["KERNEL", "SRV6", "MEMIF", "VXLAN"]);
    expect(used()).toEqual(["KERNEL", "MEMIF", "VXLAN"]);
    expect(behind.requests).toBe(1);
  });

  it("fails for unknown preferences and mechanisms", async () => {
    const { run } = setUp("KERNEL");
    await expect(run(["SRV6"])).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      message: "cannot support any of the requested mechanism",
    });
    await expect(run([], "SRV6")).rejects.toThrow("unsupported mechanism");
    await expect(run(["KERNEL"])).rejects.toThrow(
      "error originates in chain: cannot support any of the requested mechanism",
    );
  });

  it("reports an unknown mechanism on Close and still reaches what follows", async () => {
    const { next, behind } = setUp();
    const { connection } = requestWith({ id: "a", mechanism: preference("SRV6") });
    await expect(next.close(ctx, connection)).rejects.toThrow("unsupported mechanism");
    expect(behind.closes).toBe(1);
  });

  it.each([
    [preference("KERNEL", { name: "nsm-1" }), "KERNEL/nsm-1"],
    [preference("KERNEL"), "KERNEL/unknown"],
  ])("notes the interface of %j as %s", async (mechanism, expected) => {
    const seen = capture();
    const next = start(chain("test", seen, mechanisms({ KERNEL: chain("kernel") })));
    for (const request of [
      requestWith({ id: "a", path: pathOf, mechanism }),
      requestWith({ id: "a", path: pathOf }, [mechanism]),
    ]) {
      const connection = await next.request(ctx, request);
      expect(connection.path.pathSegments[0]?.metrics).toEqual({ [metric]: expected });
    }
  });

  it("shows its handlers in the element tree", () => {
    const kernel: NetworkServiceElement = { name: "kernel" };
    expect(elementTree(mechanisms({ KERNEL: kernel }))).toEqual([`mechanisms-${kind}`, ["kernel"]]);
  });
});
