// SPDX-License-Identifier: Apache-2.0
import {
  type Channel,
  Code,
  type Connector,
  type Context,
  StatusError,
  untilDone,
  withCancel,
  withTimeout,
} from "@nsm/core";

/**
 * Connects within the time of the context and of `dialTimeoutMs`, whichever is shorter.
 * @param dialTimeoutMs 0 = no limit of its own
 * @throws UNAVAILABLE DIAL_FAILED when the dial timeout passes first; else what the connector throws, or the
 * end of the context
 */
export async function connectInTime(
  ctx: Context,
  connector: Connector,
  url: URL,
  dialTimeoutMs: number,
): Promise<Channel> {
  const bounded = dialTimeoutMs > 0 ? withTimeout(ctx, dialTimeoutMs) : withCancel(ctx);
  const attempt = connector.connect(url, { scope: "pooled", signal: bounded.ctx.signal });
  try {
    return await untilDone(bounded.ctx, attempt);
  } catch (error) {
    // a connection that comes too late has no owner
    attempt.then(
      (channel) => channel.close(),
      () => {},
    );
    if (!bounded.ctx.signal.aborted || ctx.signal.aborted) throw error;
    throw new StatusError(Code.UNAVAILABLE, `failed to dial ${url.href}: context deadline exceeded`, {
      reason: "DIAL_FAILED",
      cause: error,
    });
  } finally {
    bounded.cancel();
  }
}
