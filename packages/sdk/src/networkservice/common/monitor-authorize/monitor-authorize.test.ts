// SPDX-License-Identifier: Apache-2.0
import { type ConnectionEvent, ConnectionEventType, MonitorScopeSelector } from "@nsm/api";
import {
  Code,
  incomingCall,
  type MonitorService,
  type Policy,
  type PolicyInput,
  StatusError,
} from "@nsm/core";
import { connectionWith, testContext } from "@nsm/testkit";
import { ConnectionHolders } from "../authorize/index.js";
import { monitorAuthorize } from "./index.js";

const SPIFFE_ID = "spiffe://test.com/nsc";

/** Serves one connection per id, in one event. */
const serving = (...ids: string[]): MonitorService => ({
  async *monitorConnections() {
    const connections = ids.map((id) => [
      id,
      connectionWith({ id, path: { index: 1, pathSegments: [{ token: "t0" }, { id, token: "t1" }] } }),
    ]);
    yield { type: ConnectionEventType.INITIAL_STATE_TRANSFER, connections: Object.fromEntries(connections) };
  },
});

const holdersOf = (...held: [id: string, spiffeId: string][]) => {
  const holders = new ConnectionHolders();
  for (const [id, spiffeId] of held) holders.set(`srv-${id}`, { spiffeId, connectionId: id, hops: 1 });
  return holders;
};

const ctxOf = (spiffeId: string | undefined) =>
  testContext().with(incomingCall, {
    peerAddress: "test",
    peer: spiffeId === undefined ? undefined : { spiffeId, notAfterMs: 0, certificatePem: "pem" },
    own: undefined,
    token: undefined,
    headers: new Map(),
    responseHeaders: new Map(),
    link: undefined,
  });

const wanting = (...ids: string[]) =>
  MonitorScopeSelector.fromPartial({ pathSegments: ids.map((id) => ({ id })) });

/** Agrees when the caller holds a wanted connection, as upstream's `service_connection`. */
function holderPolicy(): Policy & { readonly inputs: PolicyInput[] } {
  const inputs: PolicyInput[] = [];
  return {
    name: "holder",
    inputs,
    async check(input) {
      inputs.push(input);
      const held = input.spiffe_id_connection_map?.[input.service_spiffe_id ?? ""] ?? [];
      if (input.selector_connection_ids?.some((id) => held.includes(id))) return;
      throw new StatusError(Code.PERMISSION_DENIED, "no sufficient privileges");
    },
  };
}

const anyone: Policy = { name: "anyone", check: async () => {} };

async function eventsOf(service: MonitorService, spiffeId: string | undefined, ...ids: string[]) {
  const events: ConnectionEvent[] = [];
  for await (const event of service.monitorConnections(ctxOf(spiffeId), wanting(...ids))) events.push(event);
  return events;
}

it.each<[string, string | undefined, string[], [string, string][], boolean]>([
  ["no peer", undefined, ["1"], [["1", SPIFFE_ID]], false],
  ["an empty selector", SPIFFE_ID, [], [["1", SPIFFE_ID]], false],
  ["nobody holding anything", SPIFFE_ID, ["1"], [], false],
  ["another holder", SPIFFE_ID, ["1"], [["1", "spiffe://test.com/other"]], false],
  ["another connection", SPIFFE_ID, ["1"], [["2", SPIFFE_ID]], false],
  ["the holder", SPIFFE_ID, ["1"], [["1", SPIFFE_ID]], true],
  [
    "the holder of more",
    SPIFFE_ID,
    ["1"],
    [
      ["2", SPIFFE_ID],
      ["1", SPIFFE_ID],
    ],
    true,
  ],
  ["a wider selector", SPIFFE_ID, ["0", "1"], [["1", SPIFFE_ID]], true],
  [
    "other holders beside",
    SPIFFE_ID,
    ["1"],
    [
      ["1", SPIFFE_ID],
      ["3", "spiffe://test.com/other"],
    ],
    true,
  ],
])("M-1 asks the policy with %s", async (_title, caller, wanted, held, allowed) => {
  const policy = holderPolicy();
  const service = monitorAuthorize(serving("srv-1"), { policy, holders: holdersOf(...held) });
  const events = eventsOf(service, caller, ...wanted);
  if (allowed) expect(await events).toHaveLength(1);
  else {
    await expect(events).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
      message: "monitor: an error occurred during authorization policy check: no sufficient privileges",
    });
  }
});

it("shows policies the holders, the wanted connections and the caller", async () => {
  const policy = holderPolicy();
  const service = monitorAuthorize(serving(), { policy, holders: holdersOf(["1", SPIFFE_ID]) });
  await eventsOf(service, SPIFFE_ID, "1");
  expect(JSON.parse(JSON.stringify(policy.inputs[0]))).toEqual({
    spiffe_id_connection_map: { [SPIFFE_ID]: ["1"] },
    selector_connection_ids: ["1"],
    service_spiffe_id: SPIFFE_ID,
    auth_info: { certificate: "pem" },
  });
});

it("T12 hides the tokens of connections that others hold", async () => {
  const holders = holdersOf(["1", SPIFFE_ID], ["2", "spiffe://test.com/other"]);
  const service = monitorAuthorize(serving("srv-1", "srv-2", "srv-3"), { policy: anyone, holders });
  const [event] = await eventsOf(service, SPIFFE_ID);
  const tokens = Object.entries(event?.connections ?? {}).map(([id, connection]) => [
    id,
    ...(connection?.path?.pathSegments.map(({ token }) => token) ?? []),
  ]);
  expect(tokens).toEqual([
    ["srv-1", "t0", "t1"],
    ["srv-2", "", ""],
    ["srv-3", "", ""],
  ]);
});

it("M-2 shows everything where nobody has an identity", async () => {
  const service = monitorAuthorize(serving("srv-1"), { policy: anyone, holders: holdersOf() });
  const [event] = await eventsOf(service, undefined);
  expect(event?.connections["srv-1"]?.path?.pathSegments[0]?.token).toBe("t0");
});
