// SPDX-License-Identifier: Apache-2.0
import {
  kernelParameters,
  type Mechanism,
  MechanismClass,
  MechanismType,
  newMechanism,
  OWN_NETNS_URL,
  setKernelParameters,
} from "@nsm/api";
import type { NetworkServiceElement } from "@nsm/core";
import { loadMetadata, metadataKey, storeMetadata } from "../../../utils/metadata/index.js";
import { cutInterfaceName, type InterfaceNameGenerator, interfaceNameGenerator } from "./interface-name.js";

/** Options of both kernel elements. */
export interface KernelOptions {
  /** Name of the interface, cut to 15 bytes. Default: a generated one per connection. */
  readonly interfaceName?: string;
  /** Default: `interfaceNameGenerator()`. */
  readonly generateName?: InterfaceNameGenerator;
}

function completer({
  interfaceName,
  generateName = interfaceNameGenerator(),
}: KernelOptions): (mechanism: Mechanism, networkService: string, former?: string) => string {
  const fixed = interfaceName === undefined ? undefined : cutInterfaceName(interfaceName);
  return (mechanism, networkService, former) => {
    const present = kernelParameters(mechanism)?.interfaceName ?? "";
    const name = present === "" ? (former ?? fixed ?? generateName(networkService)) : present;
    setKernelParameters(mechanism, { netnsUrl: OWN_NETNS_URL, interfaceName: name });
    return name;
  };
}

/**
 * Offers a kernel interface in the own network namespace: completes every KERNEL preference with the namespace (any
 * other is overwritten) and, where it has none, an interface name; adds such a preference when there is none.
 * Place before `sendfd`. State: none. Upstream: `mechanisms/kernel.NewClient`.
 * @throws what the name generator throws
 */
export function kernelClient(options: KernelOptions = {}): NetworkServiceElement {
  const complete = completer(options);
  return {
    name: "kernel-client",
    async request(ctx, request, next) {
      const { connection, mechanismPreferences } = request;
      if (!mechanismPreferences.some(({ type }) => type === MechanismType.KERNEL)) {
        mechanismPreferences.push(newMechanism(MechanismClass.LOCAL, MechanismType.KERNEL));
      }
      for (const preference of mechanismPreferences) {
        if (preference.type === MechanismType.KERNEL) complete(preference, connection.networkService);
      }
      return next.request(ctx, request);
    },
  };
}

/**
 * The same for the KERNEL mechanism of a connection on the endpoint's side. A connection keeps its name also when the
 * hop before has forgotten the mechanism: a forwarder that was restarted finds the link under that name and goes on
 * with it. Place behind `metadata`, inside `mechanisms`, before `sendfd`. State: the name, in the metadata. Upstream:
 * `mechanisms/kernel.NewServer`. Deviation: upstream makes up another name then, and thus another link.
 * @throws what the name generator throws
 */
export function kernelServer(options: KernelOptions = {}): NetworkServiceElement {
  const complete = completer(options);
  const named = metadataKey<string>("server", "kernel.interface-name");
  return {
    name: "kernel-server",
    async request(ctx, request, next) {
      const { mechanism, networkService } = request.connection;
      if (mechanism?.type === MechanismType.KERNEL) {
        storeMetadata(ctx, named, complete(mechanism, networkService, loadMetadata(ctx, named)));
      }
      return next.request(ctx, request);
    },
  };
}
