// SPDX-License-Identifier: Apache-2.0

/** gRPC status codes (grpc/codes). */
export enum Code {
  OK = 0,
  CANCELLED = 1,
  UNKNOWN = 2,
  INVALID_ARGUMENT = 3,
  DEADLINE_EXCEEDED = 4,
  NOT_FOUND = 5,
  ALREADY_EXISTS = 6,
  PERMISSION_DENIED = 7,
  RESOURCE_EXHAUSTED = 8,
  FAILED_PRECONDITION = 9,
  ABORTED = 10,
  OUT_OF_RANGE = 11,
  UNIMPLEMENTED = 12,
  INTERNAL = 13,
  UNAVAILABLE = 14,
  DATA_LOSS = 15,
  UNAUTHENTICATED = 16,
}

/** What {@link StatusError} may carry beside code and text. */
export interface StatusErrorOptions {
  /** Stable name of what went wrong, for tests, metrics and logs; not sent to peers. */
  readonly reason?: string;
  readonly cause?: unknown;
}

/** The one error type of the chains: a gRPC code, upstream's text where peers know one, and a reason. */
export class StatusError extends Error {
  readonly code: Code;
  readonly reason: string;

  constructor(code: Code, message: string, options: StatusErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "StatusError";
    this.code = code;
    this.reason = options.reason ?? Code[code];
  }
}

const codeOfErrno: Readonly<Record<string, Code>> = {
  EEXIST: Code.ALREADY_EXISTS,
  ENOENT: Code.NOT_FOUND,
  ENODEV: Code.NOT_FOUND,
  EPERM: Code.PERMISSION_DENIED,
  EACCES: Code.PERMISSION_DENIED,
};

const isSystemError = (error: object): error is { code: string; message: string } =>
  "code" in error && typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code);

const hasCodeName = (error: object): error is { code: keyof typeof Code; message: string } =>
  "code" in error && typeof error.code === "string" && error.code in Code && !/^\d+$/.test(error.code);

/**
 * The status of anything thrown: a {@link StatusError} as it is, a system error by its errno (EEXIST →
 * ALREADY_EXISTS; ENOENT, ENODEV → NOT_FOUND; EPERM, EACCES → PERMISSION_DENIED; other → INTERNAL), an error of
 * `@nsm/api` or `@nsm/ipam` by the code it names, anything else UNKNOWN with its text, as Go's servers do.
 */
export function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (typeof error !== "object" || error === null) return new StatusError(Code.UNKNOWN, String(error));
  const message = "message" in error ? String(error.message) : String(error);
  if (isSystemError(error)) {
    const code = codeOfErrno[error.code] ?? Code.INTERNAL;
    return new StatusError(code, message, { reason: error.code, cause: error });
  }
  if (hasCodeName(error)) {
    const reason = "reason" in error ? String(error.reason) : error.code;
    return new StatusError(Code[error.code], message, { reason, cause: error });
  }
  return new StatusError(Code.UNKNOWN, message, { cause: error });
}

/**
 * One error for several failed attempts: the code of the last attempt that has one other than UNKNOWN, a text
 * that lists every attempt, latest first, after `message`'s place at the end (as Go's wrapped errors print).
 */
export function attemptsFailed(message: string, attempts: readonly unknown[], reason: string): StatusError {
  const statuses = attempts.map(statusOf);
  const known = statuses.findLast((status) => status.code !== Code.UNKNOWN);
  const texts = statuses.map((status, i) => `${i}. ${status.message}`).reverse();
  return new StatusError(known?.code ?? Code.UNKNOWN, [...texts, message].join(": "), {
    reason,
    cause: new AggregateError(statuses, message),
  });
}
