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
}: KernelOptions): (mechanism: Mechanism, networkService: string) => void {
  const fixed = interfaceName === undefined ? undefined : cutInterfaceName(interfaceName);
  return (mechanism, networkService) => {
    const present = kernelParameters(mechanism)?.interfaceName ?? "";
    setKernelParameters(mechanism, {
      netnsUrl: OWN_NETNS_URL,
      interfaceName: present === "" ? (fixed ?? generateName(networkService)) : present,
    });
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
 * The same for the KERNEL mechanism of a connection on the endpoint's side. Place inside `mechanisms`, before
 * `sendfd`. State: none. Upstream: `mechanisms/kernel.NewServer`.
 * @throws what the name generator throws
 */
export function kernelServer(options: KernelOptions = {}): NetworkServiceElement {
  const complete = completer(options);
  return {
    name: "kernel-server",
    async request(ctx, request, next) {
      const { mechanism, networkService } = request.connection;
      if (mechanism?.type === MechanismType.KERNEL) complete(mechanism, networkService);
      return next.request(ctx, request);
    },
  };
}
