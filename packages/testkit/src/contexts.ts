// SPDX-License-Identifier: Apache-2.0

import { Connection as ConnectionMessage, type Mechanism } from "@nsm/api";
import {
  type Clock,
  type Connection,
  type Context,
  type Logger,
  normalizeConnection,
  type Request,
  rootContext,
  silentLogger,
  type TokenSource,
  withTimeout,
} from "@nsm/core";
import { VirtualClock } from "./virtual-clock.js";

/** What {@link testContext} takes. */
export interface TestContextOptions {
  /** Default: a new virtual clock. */
  readonly clock?: Clock;
  /** Default: no deadline. */
  readonly timeoutMs?: number;
  /** Default: silent. */
  readonly log?: Logger;
  readonly signal?: AbortSignal;
}

/** A context for tests. */
export function testContext(options: TestContextOptions = {}): Context {
  const root = rootContext({
    clock: options.clock ?? new VirtualClock(),
    log: options.log ?? silentLogger,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  return options.timeoutMs === undefined ? root : withTimeout(root, options.timeoutMs).ctx;
}

/** A connection with the given fields; path and context are there. */
export function connectionWith(
  partial: Parameters<typeof ConnectionMessage.fromPartial>[0] = {},
): Connection {
  return normalizeConnection(ConnectionMessage.fromPartial(partial));
}

/** A request with the given connection fields. */
export function requestWith(
  partial: Parameters<typeof ConnectionMessage.fromPartial>[0] = {},
  mechanismPreferences: Mechanism[] = [],
): Request {
  return { connection: connectionWith(partial), mechanismPreferences };
}

/** What {@link testTokens} takes. */
export interface TestTokenOptions {
  readonly clock: Clock;
  /** SPIFFE ID; default `spiffe://test.com/subject`. */
  readonly subject?: string;
  /** Default one hour. May be changed between calls through a function. */
  readonly lifetimeMs?: number | (() => number);
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Unsigned tokens (`alg: none`) with `sub`, `aud`, `exp`; each differs from the one before. */
export function testTokens(options: TestTokenOptions): TokenSource {
  let serial = 0;
  return {
    token: async ({ peer }) => {
      const { lifetimeMs = 3_600_000 } = options;
      const expiresMs = options.clock.now() + (typeof lifetimeMs === "function" ? lifetimeMs() : lifetimeMs);
      const claims = {
        sub: options.subject ?? "spiffe://test.com/subject",
        aud: [peer?.spiffeId ?? "spiffe://test.com/peer"],
        exp: Math.floor(expiresMs / 1000),
        jti: String(serial++),
      };
      return { token: `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`, expiresMs };
    },
  };
}
