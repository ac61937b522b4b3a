// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import {
  Code,
  chain,
  type LinkRequest,
  type MechanismDriver,
  type NetworkServiceElement,
  Scope,
  StatusError,
  start,
  withCancel,
} from "@nsm/core";
import { loadMetadata, metadataClient, metadataServer } from "@nsm/sdk/networkservice/utils/metadata";
import {
  capture,
  connectionWith,
  counter,
  elementContract,
  injectError,
  requestWith,
  testContext,
} from "@nsm/testkit";
import { mechanismDriverClient, mechanismDriverServer, sideLink } from "./index.js";

/** A driver that only counts; every link has an index of its own. */
function countingDriver(type = "VXLAN") {
  const calls: string[] = [];
  const failures: unknown[] = [];
  let ifindex = 100;
  const driver: MechanismDriver = {
    type,
    async up(_ctx, { side }: LinkRequest) {
      const failure = failures.shift();
      calls.push(failure === undefined ? `up ${side}` : `refused ${side}`);
      if (failure !== undefined) throw failure;
      const undo = new Scope();
      undo.add(() => void calls.push(`undo ${side}`));
      return { port: { ifindex: ifindex++, name: "port", kind: "vxlan" }, undo };
    },
    async down(_ctx, { side }) {
      calls.push(`down ${side}`);
    },
  };
  return { driver, calls, failures };
}

const ctx = testContext();
const mechanism = newMechanism("REMOTE", "VXLAN");
const request = (payload = "ETHERNET") => requestWith({ id: "c", mechanism, payload });
const withMetadata = (...elements: NetworkServiceElement[]) =>
  start(chain("t", metadataServer(), ...elements));
/** The next hop's choice. */
const chooses = (type: string): NetworkServiceElement => ({
  name: "chooses",
  async request(ctx, request, next) {
    request.connection.mechanism = newMechanism("REMOTE", type);
    return await next.request(ctx, request);
  },
});

elementContract(() => mechanismDriverServer(countingDriver().driver), { before: () => [metadataServer()] });
elementContract(() => mechanismDriverClient(countingDriver().driver, { cls: "REMOTE" }), {
  before: () => [metadataClient()],
});

describe("the server element of a mechanism driver", () => {
  it("builds the link after the answer, and again on a refresh", async () => {
    const { driver, calls } = countingDriver();
    const order: NetworkServiceElement = {
      name: "order",
      request(ctx, request, next) {
        calls.push("next");
        return next.request(ctx, request);
      },
    };
    const server = withMetadata(mechanismDriverServer(driver), order);
    await server.request(ctx, request());
    await server.request(ctx, request());
    expect(calls).toEqual(["next", "up server", "next", "up server"]);
  });

  it("keeps port and undo in the metadata until Close", async () => {
    const { driver, calls } = countingDriver();
    let port: number | undefined;
    const look: NetworkServiceElement = {
      name: "look",
      async request(ctx, request, next) {
        const connection = await next.request(ctx, request);
        port = loadMetadata(ctx, sideLink.server)?.port.ifindex;
        return connection;
      },
    };
    const next = counter();
    const server = withMetadata(look, mechanismDriverServer(driver), next);
    const connection = await server.request(ctx, request());
    expect(port).toBe(100);
    await server.close(ctx, connection);
    expect(calls).toEqual(["up server", "undo server"]);
    expect(next.closes).toBe(1);
  });

  it("closes by name what it does not know, and still calls next when that fails", async () => {
    const { driver, calls } = countingDriver();
    const next = counter();
    const broken: MechanismDriver = {
      ...driver,
      async down(ctx, link) {
        await driver.down(ctx, link);
        throw new Error("EBUSY");
      },
    };
    const server = withMetadata(mechanismDriverServer(broken), next);
    await expect(server.close(ctx, connectionWith({ id: "c", mechanism }))).rejects.toThrow("EBUSY");
    expect(calls).toEqual(["down server"]);
    expect(next.closes).toBe(1);
  });

  it("closes what a new connection built when its link cannot be made, but not a live one's", async () => {
    const { driver, failures } = countingDriver();
    const next = counter();
    const server = withMetadata(mechanismDriverServer(driver), next);
    failures.push(new Error("no link"));
    await expect(server.request(ctx, request())).rejects.toThrow("no link");
    expect(next.closes).toBe(1);
    await server.request(ctx, request());
    failures.push(new Error("no link"));
    await expect(server.request(ctx, request())).rejects.toThrow("no link");
    expect(next.closes).toBe(1);
  });

  it("builds nothing for a caller that has left meanwhile, and closes what next built", async () => {
    const { driver, calls } = countingDriver();
    const caller = withCancel(ctx);
    const late: NetworkServiceElement = {
      name: "late",
      async request(ctx, request, next) {
        const connection = await next.request(ctx, request);
        caller.cancel();
        return connection;
      },
    };
    const next = counter();
    const server = withMetadata(mechanismDriverServer(driver), late, next);
    await expect(server.request(caller.ctx, request())).rejects.toMatchObject({ code: Code.CANCELLED });
    expect([calls, next.closes]).toEqual([[], 1]);
  });

  it.each([
    ["IP", "PAYLOAD_UNSUPPORTED"],
    ["", "PAYLOAD_UNSUPPORTED"],
    ["ETHERNET", undefined],
  ])("refuses the payload %j before calling next unless it can be carried", async (payload, reason) => {
    const next = counter();
    const server = withMetadata(mechanismDriverServer(countingDriver().driver, ["ETHERNET"]), next);
    const outcome = await server.request(ctx, request(payload)).then(
      () => undefined,
      (error) => error.reason,
    );
    expect(outcome).toBe(reason);
    expect(next.requests).toBe(reason === undefined ? 1 : 0);
  });
});

describe("the client element of a mechanism driver", () => {
  it("offers its mechanism once, and only for payloads it may carry", async () => {
    const last = capture();
    const { driver } = countingDriver();
    const client = withMetadata(
      mechanismDriverClient(driver, { cls: "REMOTE", payloads: ["ETHERNET"] }),
      last,
    );
    await client.request(ctx, request());
    await client.request(ctx, requestWith({ id: "c", payload: "ETHERNET" }, [mechanism]));
    await client.request(ctx, request("IP"));
    expect(
      last.requests.map(({ mechanismPreferences }) => mechanismPreferences.map(({ type }) => type)),
    ).toEqual([["VXLAN"], ["VXLAN"], []]);
  });

  it("builds a link only when the answer has chosen its mechanism", async () => {
    const { driver, calls } = countingDriver();
    const client = withMetadata(mechanismDriverClient(driver, { cls: "REMOTE" }), chooses("KERNEL"));
    await client.request(ctx, request());
    expect(calls).toEqual([]);
  });

  it("closes its own link only, or by name when nothing is known", async () => {
    const vxlan = countingDriver();
    const kernel = countingDriver("KERNEL");
    const client = withMetadata(
      mechanismDriverClient(kernel.driver, { cls: "LOCAL" }),
      mechanismDriverClient(vxlan.driver, { cls: "REMOTE" }),
      chooses("VXLAN"),
    );
    const connection = await client.request(ctx, request());
    await client.close(ctx, connection);
    expect([kernel.calls, vxlan.calls]).toEqual([[], ["up client", "undo client"]]);
    await client.close(ctx, connectionWith({ id: "unknown" }));
    expect([kernel.calls, vxlan.calls.slice(2)]).toEqual([["down client"], ["down client"]]);
  });

  it("asks for another VNI, closing first, when the peer's is taken here", async () => {
    const { driver, calls, failures } = countingDriver();
    const next = counter();
    const client = withMetadata(
      mechanismDriverClient(driver, { cls: "REMOTE", attempts: 3 }),
      chooses("VXLAN"),
      next,
    );
    const clash = new StatusError(Code.ALREADY_EXISTS, "VNI 5 is in use", { reason: "VNI_IN_USE" });
    failures.push(clash, clash);
    await client.request(ctx, requestWith({ id: "c" }));
    expect(calls).toEqual(["refused client", "refused client", "up client"]);
    expect([next.requests, next.closes]).toEqual([3, 2]);
    failures.push(clash, clash, clash);
    await expect(client.request(ctx, requestWith({ id: "d" }))).rejects.toMatchObject({
      reason: "VNI_IN_USE",
    });
    expect([next.requests, next.closes]).toEqual([6, 5]);
  });

  it("does not repeat for other failures, nor for a live connection", async () => {
    const { driver, failures } = countingDriver();
    const next = counter();
    const client = withMetadata(
      mechanismDriverClient(driver, { cls: "REMOTE", attempts: 3 }),
      chooses("VXLAN"),
      next,
    );
    failures.push(new Error("no link"));
    await expect(client.request(ctx, requestWith({ id: "c" }))).rejects.toThrow("no link");
    await client.request(ctx, requestWith({ id: "c" }));
    failures.push(new StatusError(Code.ALREADY_EXISTS, "taken", { reason: "VNI_IN_USE" }));
    await expect(client.request(ctx, requestWith({ id: "c" }))).rejects.toThrow("taken");
    expect([next.requests, next.closes]).toEqual([3, 1]);
  });

  it("passes an error of the next hop through without building or closing anything", async () => {
    const { driver, calls } = countingDriver();
    const next = counter();
    const client = withMetadata(mechanismDriverClient(driver, { cls: "REMOTE" }), next, injectError());
    await expect(client.request(ctx, request())).rejects.toThrow("error originates in chain");
    expect([calls, next.closes]).toEqual([[], 0]);
  });
});
