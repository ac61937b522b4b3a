// SPDX-License-Identifier: Apache-2.0
import { createInterface } from "node:readline";
import { type LabProcess, waitFor } from "@nsm/lab";

/** What a program of the benchmark is told to do. */
export interface Order {
  readonly operation: "open" | "refresh" | "close" | "call";
  /** How often. */
  readonly count: number;
  /** How many at a time. */
  readonly inFlight: number;
}

/** What came of an order. */
export interface Answer {
  /** Time of each operation that succeeded, milliseconds, in the order of their ends. */
  readonly eachMs: readonly number[];
  /** Time of all together, milliseconds. */
  readonly totalMs: number;
  /** Texts of what failed. */
  readonly errors: readonly string[];
}

const MARK = "bench answer ";
const ORDER_BOUND_MS = 60_000;

const answers = (process: LabProcess): string[] =>
  process
    .log()
    .split("\n")
    .filter((line) => line.startsWith(MARK));

/**
 * Gives an order to a program in a pod and waits for the answer.
 * @throws Error when an operation failed, with the first error's text
 */
export async function give(process: LabProcess, order: Order): Promise<Answer> {
  const former = answers(process).length;
  process.send(JSON.stringify(order));
  const line = await waitFor(
    `${order.count} x ${order.operation}`,
    ORDER_BOUND_MS,
    () => {
      if (!process.running) throw new Error(`${process.name} has ended: ${process.log().slice(-500)}`);
      return answers(process)[former];
    },
    100,
  );
  const answer = JSON.parse(line.slice(MARK.length)) as Answer;
  const { length } = answer.errors;
  if (length > 0) throw new Error(`${length} of ${order.count} x ${order.operation}: ${answer.errors[0]}`);
  return answer;
}

/** Carries out the orders that stdin brings, one after the other, until `signal` ends. */
export async function obey(
  signal: AbortSignal,
  operations: Readonly<Partial<Record<Order["operation"], () => Promise<void>>>>,
): Promise<void> {
  for await (const line of createInterface({ input: process.stdin, signal })) {
    const order = JSON.parse(line) as Order;
    const operation = operations[order.operation] ?? (() => Promise.reject(new Error("unknown operation")));
    process.stdout.write(`${MARK}${JSON.stringify(await carryOut(order, operation))}\n`);
  }
}

async function carryOut({ count, inFlight }: Order, operation: () => Promise<void>): Promise<Answer> {
  const eachMs: number[] = [];
  const errors: string[] = [];
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      const startMs = performance.now();
      try {
        await operation();
        eachMs.push(performance.now() - startMs);
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { eachMs, totalMs: performance.now() - startMs, errors };
}
