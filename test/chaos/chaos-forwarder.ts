// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { clone, type Connection as WireConnection } from "@nsm/api";
import { type Connection, type MechanismDriver, normalizeConnection } from "@nsm/core";
import { type Dataplane, forwarder } from "@nsm/daemons/forwarder";
import { kernelDataplane } from "@nsm/dataplane";
import { linuxError } from "@nsm/linux";
import { runDaemon } from "@nsm/runtime";
import { configure, spec } from "../../apps/forwarder/src/config.js";

/** Where a node's chaos forwarder reads what it is to do worse, inside its mount namespace. */
export const SPOIL_FILE = "/run/chaos-forwarder.json";

/** What goes wrong in the kernel. */
export interface Spoil {
  /** Pause after each step of building: link, addresses, routes, cross connect. Milliseconds. */
  readonly delayMs?: number;
  /** Error of the kernel, for example `EBUSY`. */
  readonly code?: "EBUSY" | "ENOBUFS";
  /** Share of the steps that fail with it, 0 to 1. */
  readonly share?: number;
}

const spoil = (): Spoil =>
  existsSync(SPOIL_FILE) ? (JSON.parse(readFileSync(SPOIL_FILE, "utf8")) as Spoil) : {};

function perhapsFail(message: string): void {
  const { code, share = 0 } = spoil();
  if (code !== undefined && Math.random() < share) throw linuxError(code, message);
}

const pause = (): Promise<void> => delay(spoil().delayMs ?? 0);

const spoiledDriver = (driver: MechanismDriver): MechanismDriver => ({
  ...driver,
  async up(ctx, link) {
    perhapsFail("RTM_NEWLINK");
    const up = await driver.up(ctx, link);
    await pause();
    return up;
  },
  down: (ctx, link) => driver.down(ctx, link),
});

/** The connection as it is when its addresses are set and its routes are not. */
function withoutRoutes(connection: Connection): Connection {
  const copy = normalizeConnection(clone(connection as WireConnection));
  const { ipContext } = copy.context;
  if (ipContext) {
    ipContext.srcRoutes = [];
    ipContext.dstRoutes = [];
  }
  return copy;
}

/** The kernel's data plane with pauses between the steps of building, and with errors. */
function spoiled(real: Dataplane): Dataplane {
  return {
    ...real,
    kernel: spoiledDriver(real.kernel),
    vxlan: real.vxlan && { ...real.vxlan, driver: spoiledDriver(real.vxlan.driver) },
    pods: {
      ...real.pods,
      async apply(ctx, side, connection, installed) {
        perhapsFail("RTM_NEWADDR");
        if (installed.routes.size === 0 && (spoil().delayMs ?? 0) > 0) {
          await real.pods.apply(ctx, side, withoutRoutes(connection), installed);
          await pause();
        }
        await real.pods.apply(ctx, side, connection, installed);
        await pause();
      },
    },
    async crossConnect(a, b) {
      perhapsFail("RTM_NEWTFILTER");
      await real.crossConnect(a, b);
      await pause();
    },
  };
}

/** The app's forwarder over a spoiled kernel, as a daemon of a node. */
export async function runChaosForwarder(): Promise<void> {
  await runDaemon({
    name: "forwarder",
    spec,
    configure,
    async build(config, ports) {
      const { tunnelIp, vxlanPort } = config;
      const real = await kernelDataplane({ log: ports.log, tunnelIp, vxlanPort });
      return await forwarder(config, ports, spoiled(real));
    },
  });
}
