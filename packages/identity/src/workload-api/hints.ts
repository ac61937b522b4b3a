// SPDX-License-Identifier: Apache-2.0
import { Code } from "@nsm/core";

const hints: Partial<Record<Code, string>> = {
  [Code.UNAVAILABLE]: "is the SPIRE agent running, and is its socket mounted here?",
  [Code.PERMISSION_DENIED]: "no registration entry fits this workload yet: look at its selectors",
  [Code.UNIMPLEMENTED]: "is this the socket of a SPIFFE Workload API?",
};

/** What to look at when the Workload API does not answer at all. */
export const SILENT_HINT = "the API has accepted the call and is silent: look at the log of the SPIRE agent";

/** What to look at when the Workload API ends a call with this code. */
export const hintFor = (code: Code): string => hints[code] ?? "look at the log of the SPIRE agent";

/**
 * The cause in a status text of grpc-js, without the time that makes equal ones differ:
 * `No connection established. Last error: Error: connect ENOENT /x (2026-…). Resolution note: `.
 */
export function causeIn(text: string): string {
  const cause = /Last error: (?:Error: )?(.*?)(?:\. Resolution note: .*)?$/s.exec(text)?.[1] ?? text;
  return cause.replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)/g, "");
}
