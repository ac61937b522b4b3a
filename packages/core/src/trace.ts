// SPDX-License-Identifier: Apache-2.0
import { type Context, contextKey } from "./context.js";

/** How deep in the chains a call is, and the message as it was last logged. */
interface Trail {
  readonly depth: number;
  readonly request: unknown;
}

const trail = contextKey<Trail>("trace-trail");

/** What never goes into a log. */
const SECRET = /token/i;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** A message as plain data: no bytes, no empty fields, no tokens. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return undefined;
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).flatMap(([key, field]) => {
    if (key === "_unknownFields" || field === undefined || field === "") return [];
    return [[key, SECRET.test(key) ? "…" : plain(field)] as const];
  });
  return Object.fromEntries(entries);
}

/** Paths of the fields that differ, with their new value (undefined: gone). */
function difference(before: unknown, after: unknown, path = ""): Record<string, unknown> {
  if (Object.is(before, after)) return {};
  if (!isObject(before) || !isObject(after)) return { [path || "."]: after };
  const changes: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    Object.assign(changes, difference(before[key], after[key], path === "" ? key : `${path}.${key}`));
  }
  return changes;
}

/** A field of a record, left out when nothing is different. */
function changed(name: "requestDiff" | "responseDiff", before: unknown, after: unknown): object {
  const changes = difference(before, after);
  return Object.keys(changes).length === 0 ? {} : { [name]: changes };
}

/** What a response is compared with: a Request answers with its connection, everything else with its own message. */
const responseBase = (request: unknown): unknown =>
  isObject(request) && isObject(request.connection) ? request.connection : request;

const arrow = (depth: number, element: string, method: string): string =>
  `(${depth}) ${" ".repeat(depth)}⎆ ${element}.${method}()`;

/** Logs entering an element with what changed since the last one. @returns the context for the call */
function enter(
  ctx: Context,
  element: string,
  method: string,
  message: unknown,
): { inner: Context; now: Trail } {
  const last = ctx.get(trail);
  const now: Trail = { depth: (last?.depth ?? 0) + 1, request: plain(message) };
  const text = arrow(now.depth, element, method);
  if (last === undefined) ctx.log.trace({ request: now.request }, text);
  else ctx.log.trace(changed("requestDiff", last.request, now.request), text);
  return { inner: ctx.with(trail, now), now };
}

/** Whether a context's log wants traces: ask before anything else is computed. */
export function isTracing(ctx: Context): boolean {
  return ctx.log.isLevelEnabled("trace");
}

/**
 * Logs a call of an element at level TRACE: entering with the request (the first element) or what changed in it,
 * leaving with the response or the error. Changes no behaviour. Upstream: the trace wrapper of every element
 * (`sdk/pkg/networkservice/core/trace`), whose depth and arrow the messages keep. Tokens are left out.
 */
export async function traced<R>(
  ctx: Context,
  element: string,
  method: string,
  message: unknown,
  call: (ctx: Context) => Promise<R>,
): Promise<R> {
  const { inner, now } = enter(ctx, element, method, message);
  try {
    const response = await call(inner);
    const left = arrow(now.depth, element, `${method}-response`);
    if (response === undefined) ctx.log.trace({}, left);
    else ctx.log.trace(changed("responseDiff", responseBase(now.request), plain(response)), left);
    return response;
  } catch (error) {
    ctx.log.trace({ err: error }, arrow(now.depth, element, `${method}-error`));
    throw error;
  }
}

/** Like {@link traced} for a stream: logs entering, and each item that leaves. */
export async function* tracedStream<E>(
  ctx: Context,
  element: string,
  method: string,
  message: unknown,
  call: (ctx: Context) => AsyncIterable<E>,
): AsyncGenerator<E> {
  const { inner, now } = enter(ctx, element, method, message);
  for await (const item of call(inner)) {
    ctx.log.trace({ response: plain(item) }, arrow(now.depth, element, `${method}-response`));
    yield item;
  }
}
