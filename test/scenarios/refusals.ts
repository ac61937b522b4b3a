// SPDX-License-Identifier: Apache-2.0
import { type LabProcess, waitFor } from "@nsm/lab";
import { equal, holds } from "./expect.js";

/** Default of `NSM_REQUEST_TIMEOUT`: a failure must be known well before. */
export const REQUEST_TIMEOUT_MS = 15_000;

/** Waits for an expected end and checks the code and that all texts were printed. */
export async function expectRefusal(process: LabProcess, texts: readonly (string | RegExp)[]): Promise<void> {
  equal(`exit code of ${process.name}`, await process.exited, 1);
  expectTexts(process, texts);
}

function expectTexts(process: LabProcess, texts: readonly (string | RegExp)[]): void {
  const log = process.log();
  for (const text of texts) {
    const found = typeof text === "string" ? log.includes(text) : text.test(log);
    holds(`${process.name} says ${String(text)}`, found, log.slice(0, 3000));
  }
}

/** Waits until a client has logged a failed attempt that says `text`; @returns how long it took */
export async function failureSays(
  process: LabProcess,
  text: string | RegExp,
  boundMs: number,
): Promise<number> {
  const startMs = performance.now();
  await waitFor(`${process.name} says ${String(text)}`, boundMs, () => {
    const log = process.log();
    return (typeof text === "string" ? log.includes(text) : text.test(log)) ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}; it says: ${process.log().slice(-1500)}`);
  });
  return performance.now() - startMs;
}
