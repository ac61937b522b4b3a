// SPDX-License-Identifier: Apache-2.0
import { checkIdentityMode } from "./identity-mode.js";

it("nothing set is refused with the names of both variables", () => {
  expect(() => checkIdentityMode({ insecure: false, spiffeEndpointSocket: "" })).toThrow(
    "no workload identity: SPIFFE_ENDPOINT_SOCKET is not set and NSM_INSECURE is not true; " +
      "set NSM_INSECURE=true to run without identity, on trusted machines only",
  );
});

it("a Workload API socket is enough", () => {
  expect(() =>
    checkIdentityMode({ insecure: false, spiffeEndpointSocket: "unix:///agent.sock" }),
  ).not.toThrow();
});

it.each(["", "unix:///agent.sock"])("NSM_INSECURE=true passes with SPIFFE_ENDPOINT_SOCKET=%s", (socket) => {
  expect(() => checkIdentityMode({ insecure: true, spiffeEndpointSocket: socket })).not.toThrow();
});
