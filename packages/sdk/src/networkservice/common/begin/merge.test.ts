// SPDX-License-Identifier: Apache-2.0
import { connectionWith } from "@nsm/testkit";
import { mergeConnection } from "./merge.js";

const withContext = (context: object, rest: object = {}) => connectionWith({ id: "a", context, ...rest });
const addresses = (...srcIpAddrs: string[]) => ({ ipContext: { srcIpAddrs } });

describe("merge of a repeated request", () => {
  it("is the request itself while nothing was returned", () => {
    const requested = withContext({});
    expect(mergeConnection(undefined, requested, undefined)).toBe(requested);
  });

  it("keeps the current context when the caller changed nothing", () => {
    const returned = withContext(addresses("10.0.0.1/32"));
    const current = withContext(addresses("10.0.0.2/32"));
    expect(mergeConnection(returned, withContext(addresses("10.0.0.1/32")), current)).toEqual(current);
  });

  it("takes the context the caller changed, and neither mechanism, labels nor state", () => {
    const returned = withContext({}, { mechanism: { type: "KERNEL" }, labels: { a: "1" } });
    const requested = withContext(
      { ...addresses("10.0.0.9/32"), MTU: 1400 },
      { mechanism: { type: "MEMIF" }, labels: { a: "2" }, state: 3 },
    );
    const merged = mergeConnection(returned, requested, returned);
    expect(merged).toMatchObject({ mechanism: { type: "KERNEL" }, labels: { a: "1" }, state: 0 });
    expect(merged.context).toMatchObject({ ipContext: { srcIpAddrs: ["10.0.0.9/32"] }, MTU: 1400 });
  });

  it("takes a changed endpoint name, not one that merely differs from the current", () => {
    const named = (networkServiceEndpointName: string) => withContext({}, { networkServiceEndpointName });
    expect(mergeConnection(named("a"), named("b"), named("c")).networkServiceEndpointName).toBe("b");
    expect(mergeConnection(named("a"), named("a"), named("c")).networkServiceEndpointName).toBe("c");
  });

  it("applies added, changed and removed keys to the extra context, keeping what came meanwhile", () => {
    const extra = (extraContext: Record<string, string>) => withContext({ extraContext });
    const merged = mergeConnection(
      extra({ same: "1", changed: "1", removed: "1" }),
      extra({ same: "1", changed: "2", added: "1" }),
      extra({ same: "now", changed: "now", removed: "now", meanwhile: "1" }),
    );
    expect(merged.context.extraContext).toEqual({ same: "now", changed: "2", added: "1", meanwhile: "1" });
  });
});
