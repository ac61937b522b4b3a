// SPDX-License-Identifier: Apache-2.0
import type { Daemon } from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { nse } from "@nsm/daemons/nse";
import { daemonHost } from "../test-support/daemon-host.js";
import { programOf } from "../test-support/readme.js";

describe("the program of daemons", () => {
  it("makes an endpoint that serves connections", async () => {
    // program
    /** An endpoint that gives addresses from one pool. */
    const icmpResponder = (ports: Ports): Daemon =>
      nse(
        {
          name: "nse-1",
          connectTo: new URL("unix:///var/lib/networkservicemesh/nsm.io.sock"),
          listenOn: new URL("unix:///tmp/nse-1/listen.on"),
          serviceNames: ["icmp-responder"],
          payload: "ETHERNET",
          labels: {},
          cidrGroups: [["172.16.1.0/24"]],
          ipamPolicy: "polite",
          dnsConfigs: [],
          policyRoutesPath: "/etc/policy-based-routing/config.yaml",
          registryClientPolicies: [],
          idleTimeoutMs: 0,
          registerService: true,
          unregisterItself: true,
        },
        ports,
      );
    // end
    const daemon = icmpResponder(daemonHost().ports);
    expect(Object.keys(daemon.services)).toEqual(["networkService", "monitor"]);
  });

  it("is what the README shows", () => {
    const { shown, tested, missingImports } = programOf(import.meta.filename, "daemons");
    expect(missingImports).toEqual([]);
    expect(shown).not.toBe("");
    expect(tested).toBe(shown);
  });
});
