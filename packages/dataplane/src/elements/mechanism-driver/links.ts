// SPDX-License-Identifier: Apache-2.0
import type { Connection, Context, LinkSide, MechanismDriver, NetworkServiceNext } from "@nsm/core";
import { deleteMetadata, loadMetadata, storeMetadata } from "@nsm/sdk/networkservice/utils/metadata";
import { sideLink } from "./context.js";

/** Builds, adopts or repairs the link of a side and keeps what is needed to take it down without any descriptor. */
export async function bringUp(
  ctx: Context,
  driver: MechanismDriver,
  side: LinkSide,
  connection: Connection,
): Promise<void> {
  const former = loadMetadata(ctx, sideLink[side]);
  // A side has one link at a time, under one name; what else its driver keeps goes with it
  if (former !== undefined && former.type !== driver.type) {
    deleteMetadata(ctx, sideLink[side]);
    await former.undo.run();
  }
  const { port, undo } = await driver.up(ctx, { side, connection });
  storeMetadata(ctx, sideLink[side], { type: driver.type, port, undo });
}

/**
 * Takes the side's link down if this driver made it, and closes the rest, both at once since the kernel takes some 15 ms
 * to delete a link. Neither's failure stops the other.
 * @throws the only failure, or an `AggregateError` of both
 */
export async function closeSide(
  ctx: Context,
  driver: MechanismDriver,
  side: LinkSide,
  connection: Connection,
  next: NetworkServiceNext,
): Promise<void> {
  const outcomes = await Promise.allSettled([
    takeDown(ctx, driver, side, connection),
    next.close(ctx, connection),
  ]);
  const errors = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join("; "));
  if (errors.length === 1) throw errors[0];
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
