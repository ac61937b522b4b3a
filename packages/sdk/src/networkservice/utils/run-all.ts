// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError, statusOf } from "@nsm/core";

/**
 * Runs every step in order, also after one has failed.
 * @throws the only failure as it is; of several one error with all texts and the first code other than UNKNOWN
 */
export async function runAll(...steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 0) return;
  if (failures.length === 1) throw failures[0];
  const statuses = failures.map(statusOf);
  const known = statuses.find(({ code }) => code !== Code.UNKNOWN);
  throw new StatusError(known?.code ?? Code.UNKNOWN, statuses.map(({ message }) => message).join("; "), {
    reason: known?.reason ?? "SEVERAL_FAILURES",
    cause: new AggregateError(failures),
  });
}
