// SPDX-License-Identifier: Apache-2.0
import { newMechanism, parameter } from "@nsm/api";
import { chain, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { mtuClient, mtuServer } from "../mtu/index.js";
import { lowerMtuBytes, vxlanMtuBytes, vxlanMtuClient, vxlanMtuServer } from "./index.js";

elementContract(() => vxlanMtuClient(1446));
elementContract(() => vxlanMtuServer(1446));
elementContract(() => mtuServer());

const vxlan = (MTU?: string) => newMechanism("REMOTE", "VXLAN", MTU === undefined ? {} : { MTU });

describe("MTU rules", () => {
  it.each([
    ["10.0.0.1", 1500, 1446],
    ["fd00::1", 1500, 1426],
    ["10.0.0.1", 9000, 8946],
  ])("leaves room for the tunnel from %s over %i bytes", (tunnelIp, linkMtuBytes, expected) => {
    expect(vxlanMtuBytes(tunnelIp, linkMtuBytes)).toBe(expected);
  });

  it.each([
    [0, 1446, 1446],
    [9000, 1446, 1446],
    [1400, 1446, 1400],
    [1446, 1446, 1446],
  ])("of %i and the limit %i takes %i", (currentBytes, limitBytes, expected) => {
    expect(lowerMtuBytes(currentBytes, limitBytes)).toBe(expected);
  });

  it.each([
    [mtuServer, 0, 9000],
    [mtuClient, 0, 9000],
    [mtuServer, 1300, 1300],
  ])("gives a connection without MTU 9000 bytes", async (element, mtuBytes, expected) => {
    const connection = await start(element()).request(
      testContext(),
      requestWith({ context: { MTU: mtuBytes } }),
    );
    expect(connection.context.MTU).toBe(expected);
  });

  it.each([
    [undefined, "1446"],
    ["0", "1446"],
    ["1500", "1446"],
    ["1300", "1300"],
    ["nonsense", "1446"],
  ])("the client turns the parameter %j into %j, in mechanism and preferences", async (given, expected) => {
    const last = capture();
    const kernel = newMechanism("LOCAL", "KERNEL");
    const request = requestWith({ id: "c", mechanism: vxlan(given) }, [kernel, vxlan(given)]);
    await start(chain("t", vxlanMtuClient(1446), last)).request(testContext(), request);
    const seen = last.lastRequest;
    const [first, second] = seen?.mechanismPreferences ?? [];
    expect(parameter(seen?.connection.mechanism ?? kernel, "MTU")).toBe(expected);
    expect(parameter(second ?? kernel, "MTU")).toBe(expected);
    expect(first?.parameters).toEqual({});
  });

  it.each([
    [0, "1400", "1400", 1400],
    [9000, "1500", "1446", 1446],
    [1300, "1400", "1400", 1300],
    [9000, undefined, "1446", 1446],
  ])(
    "the server lowers the connection of %i bytes with parameter %j",
    async (mtuBytes, given, parameterText, expected) => {
      const request = requestWith({ mechanism: vxlan(given), context: { MTU: mtuBytes } });
      const connection = await start(vxlanMtuServer(1446)).request(testContext(), request);
      expect(connection.mechanism?.parameters.MTU).toBe(parameterText);
      expect(connection.context.MTU).toBe(expected);
    },
  );

  it("the server leaves other mechanisms alone", async () => {
    const request = requestWith({ mechanism: newMechanism("LOCAL", "KERNEL"), context: { MTU: 9000 } });
    const connection = await start(vxlanMtuServer(1446)).request(testContext(), request);
    expect(connection.context.MTU).toBe(9000);
    expect(connection.mechanism?.parameters).toEqual({});
  });
});
