// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import { type Connection, type Context, type NetworkServiceNext, postpone, type Request } from "@nsm/core";

/**
 * Runs `next`, then `work` on its result. When `work` fails on a new connection, what `next` built is closed again,
 * in a time of its own; a failed refresh leaves everything as it is. Nothing is built for a caller that has left: it
 * asks anew, and its next try may have built the same already.
 * @throws what `next` or `work` throws; the end of the caller
 */
export async function afterNext(
  ctx: Context,
  request: Request,
  next: NetworkServiceNext,
  isNew: boolean,
  work: (connection: Connection) => Promise<void>,
): Promise<Connection> {
  const cleanUp = postpone(ctx);
  const connection = await next.request(ctx, request);
  try {
    ctx.signal.throwIfAborted();
    await work(connection);
    return connection;
  } catch (error) {
    if (isNew) await closeQuietly(cleanUp, next, connection);
    throw error;
  }
}

async function closeQuietly(
  cleanUp: ReturnType<typeof postpone>,
  next: NetworkServiceNext,
  connection: Connection,
): Promise<void> {
  const { ctx, cancel } = cleanUp();
  try {
    await next.close(ctx, clone(connection));
  } catch (err) {
    ctx.log.warn({ err, connId: connection.id }, "undoing a failed request failed");
  } finally {
    cancel();
  }
}
