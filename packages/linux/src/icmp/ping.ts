// SPDX-License-Identifier: Apache-2.0
import type { Netns } from "../netns/index.js";
import { LinuxError, linuxError } from "../syscall/index.js";
import type { RunningTimer, TimerFunctions } from "../timers.js";
import { type EchoSocket, openEchoSocket } from "./echo-socket.js";

/** What to ping, and how. */
export interface PingOptions {
  /** IPv4 or IPv6 address, without a zone. */
  readonly destination: string;
  /** Own address to send from; default: the kernel chooses. */
  readonly source?: string;
  /** Namespace to ping from; only its socket is kept meanwhile. Default: the own one. */
  readonly netns?: Netns;
  /** Number of requests, 1 to 65535. Default: 1. */
  readonly count?: number;
  /** Time between two requests; a reply is not waited for. Default: 100 ms. */
  readonly intervalMs?: number;
  /** Ends as soon as so many were answered. Default: `count`. */
  readonly enough?: number;
  /** Longest duration of everything. Default: 1000 ms after the last request. */
  readonly timeoutMs?: number;
  /** Bytes behind the ICMP header, 0 to 65507. Default: 56, as ping(8). */
  readonly payloadBytes?: number;
  /** Never fragment, so that a too large packet gives EMSGSIZE or gets lost. Default: false. */
  readonly dontFragment?: boolean;
  /** Ends it early; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface PingResult {
  /** Requests that the kernel took. */
  readonly sent: number;
  /** Requests that were answered, each counted once. */
  readonly received: number;
  /** One figure per answer, in the order of arrival; up to 1 ms too large when it had to be waited for. */
  readonly roundTripMs: readonly number[];
  /** Last refusal to send, for example ENETUNREACH, or EMSGSIZE with `dontFragment`. */
  readonly sendError?: LinuxError;
}

const pollIntervalMs = 1;

/**
 * ICMP echo, version 4 (RFC 792) and 6 (RFC 4443).
 * @returns as soon as every request, or `enough` of them, was answered, else when the time is over
 * @throws LinuxError EPERM or EACCES when ICMP sockets are not allowed, EADDRNOTAVAIL for a source that is not
 *   local, EINVAL for malformed options
 */
export async function ping(options: PingOptions, timers: TimerFunctions): Promise<PingResult> {
  const { count = 1, intervalMs = 100, payloadBytes = 56, dontFragment = false, signal } = options;
  const { timeoutMs = count * intervalMs + 1000, enough = count } = options;
  if (!within(count, 1, 65535) || !within(payloadBytes, 0, 65507)) {
    throw linuxError("EINVAL", "ping", { extAck: "count or payloadBytes out of range" });
  }
  signal?.throwIfAborted();
  const echo = openEchoSocket({ ...options, payloadBytes, dontFragment });
  const running = new Set<RunningTimer>();
  const after = (delayMs: number, run: () => void) => {
    const timer = timers.setTimeout(() => {
      running.delete(timer);
      run();
    }, delayMs);
    running.add(timer);
  };
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<PingResult>((resolve, reject) => {
      onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      exchange({ echo, count, enough, intervalMs, timeoutMs, after, resolve, reject });
    });
  } finally {
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
    for (const timer of running) timer.cancel();
    echo.close();
  }
}

function within(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

interface Exchange {
  readonly echo: EchoSocket;
  readonly count: number;
  readonly enough: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly after: (delayMs: number, run: () => void) => void;
  readonly resolve: (result: PingResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Sends at intervals and asks for replies right after sending, when a local one is there already, then every ms. */
function exchange({ echo, count, enough, intervalMs, timeoutMs, after, resolve, reject }: Exchange): void {
  const unanswered = new Map<number, bigint>();
  const roundTripMs: number[] = [];
  let attempts = 0;
  let sent = 0;
  let sendError: LinuxError | undefined;
  const finish = () =>
    resolve({
      sent,
      received: roundTripMs.length,
      roundTripMs,
      ...(sendError !== undefined && { sendError }),
    });
  const guarded = (step: () => void) => () => {
    try {
      step();
    } catch (error) {
      reject(error);
    }
  };
  const receiveAll = () => {
    for (let sequence = echo.receive(); sequence !== undefined; sequence = echo.receive()) {
      const start = unanswered.get(sequence);
      if (start === undefined || !unanswered.delete(sequence)) continue;
      roundTripMs.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
    if (roundTripMs.length >= enough || (attempts === count && unanswered.size === 0)) finish();
  };
  const sendNext = guarded(() => {
    attempts++;
    const start = process.hrtime.bigint();
    try {
      echo.send(attempts);
      sent++;
      unanswered.set(attempts, start);
    } catch (error) {
      if (!(error instanceof LinuxError)) throw error;
      sendError = error;
    }
    if (attempts < count) after(intervalMs, sendNext);
    receiveAll();
  });
  const poll = guarded(() => {
    after(pollIntervalMs, poll);
    receiveAll();
  });
  after(timeoutMs, finish);
  after(pollIntervalMs, poll);
  sendNext();
}
