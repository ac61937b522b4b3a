// SPDX-License-Identifier: Apache-2.0
import {
  type Connection,
  type Context,
  type LinkSide,
  type MechanismDriver,
  type NetworkServiceNext,
  Scope,
} from "@nsm/core";
import { deleteMetadata, loadMetadata, storeMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import { sideLink } from "./context.js";

/** Builds, adopts or repairs the link of a side and keeps what is needed to take it down without any descriptor. */
export async function bringUp(
  ctx: Context,
  driver: MechanismDriver,
  side: LinkSide,
  connection: Connection,
): Promise<void> {
  const { port, undo } = await driver.up(ctx, { side, connection });
  // A side has one link at a time, under one name: a former one of another kind is gone by now
  storeMetadata(ctx, sideLink[side], { type: driver.type, port, undo });
}

/** Takes the side's link down if this driver made it, then closes the rest, whatever fails. */
export async function closeSide(
  ctx: Context,
  driver: MechanismDriver,
  side: LinkSide,
  connection: Connection,
  next: NetworkServiceNext,
): Promise<void> {
  const steps = new Scope();
  steps.add(() => next.close(ctx, connection));
  steps.add(() => takeDown(ctx, driver, side, connection));
  await steps.run();
}

async function takeDown(
  ctx: Context,
  driver: MechanismDriver,
  side: LinkSide,
  connection: Connection,
): Promise<void> {
  const link = loadMetadata(ctx, sideLink[side]);
  if (link?.type === driver.type) {
    deleteMetadata(ctx, sideLink[side]);
    await link.undo.run();
  } else if (link === undefined && (connection.mechanism?.type ?? driver.type) === driver.type) {
    // State lost in a restart: the link is found by its name
    await driver.down(ctx, { side, connection });
  }
}
