// SPDX-License-Identifier: Apache-2.0
import { randomInt } from "node:crypto";
import { MechanismType, WellKnownPort } from "@nsm/api";
import { type HostPort, type LinkRequest, type MechanismDriver, Scope } from "@nsm/core";
import { hostLinkName, linkKey } from "../names/index.js";
import type { Dataplane } from "./dataplane.js";

/** A data plane without a kernel, for whole domains in one process; what it would have built can be counted. */
export interface MemoryDataplane extends Dataplane {
  /** Names of the links that are up. */
  readonly links: ReadonlySet<string>;
  /** Cross connects made, as `<name>-<name>`, as long as both links are up. */
  readonly joints: ReadonlySet<string>;
}

/**
 * Makes an empty one.
 * @param tunnelIp own tunnel address; different per node
 */
export function memoryDataplane(tunnelIp: string): MemoryDataplane {
  const links = new Set<string>();
  const joints = new Set<string>();
  const indexes = new Map<string, number>();
  let lastIndex = 0;
  const remove = (name: string): void => {
    links.delete(name);
    indexes.delete(name);
    for (const joint of joints) if (joint.split("-").includes(name)) joints.delete(joint);
  };
  const driver = (type: string, kind: HostPort["kind"]): MechanismDriver => {
    const nameOf = ({ side, connection }: LinkRequest): string => hostLinkName(linkKey(side, connection));
    return {
      type,
      async up(_ctx, link) {
        const name = nameOf(link);
        links.add(name);
        const ifindex = indexes.get(name) ?? ++lastIndex;
        indexes.set(name, ifindex);
        const undo = new Scope();
        undo.add(() => remove(name));
        return { port: { ifindex, name, kind }, undo };
      },
      down: async (_ctx, link) => remove(nameOf(link)),
    };
  };
  return {
    links,
    joints,
    kernel: driver(MechanismType.KERNEL, "veth"),
    vxlan: {
      driver: driver(MechanismType.VXLAN, "vxlan"),
      tunnelIp,
      port: WellKnownPort.VXLAN,
      mtuBytes: 1446,
      randomUint32: () => randomInt(2 ** 32),
    },
    pods: { apply: async () => {}, setMac: async () => {}, forgetNeighbours: async () => {} },
    crossConnect: async (a, b) => void joints.add(`${a.name}-${b.name}`),
    close: () => {},
  };
}
