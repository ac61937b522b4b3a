// SPDX-License-Identifier: Apache-2.0
import { attemptsFailed, Code, type NetworkServiceElement, StatusError } from "@nsm/core";

/** Who serves a mechanism, by its type. */
export type MechanismHandlers = Readonly<Record<string, NetworkServiceElement>>;

/**
 * The handler of a mechanism type.
 * @throws FAILED_PRECONDITION MECHANISM_UNSUPPORTED
 */
export function handlerOf(
  handlers: ReadonlyMap<string, NetworkServiceElement>,
  type: string,
): NetworkServiceElement {
  const handler = handlers.get(type);
  if (handler !== undefined) return handler;
  throw new StatusError(Code.FAILED_PRECONDITION, `unsupported mechanism ${JSON.stringify(type)}`, {
    reason: "MECHANISM_UNSUPPORTED",
  });
}

/** The error when no preference could be served. */
export function noMechanism(failures: readonly unknown[]): StatusError {
  const message = "cannot support any of the requested mechanism";
  if (failures.length > 0) return attemptsFailed(message, failures, "MECHANISMS_FAILED");
  return new StatusError(Code.FAILED_PRECONDITION, message, { reason: "MECHANISM_UNSUPPORTED" });
}
