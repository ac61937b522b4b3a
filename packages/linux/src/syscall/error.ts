// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:os";

const namesByNumber = new Map<number, string>(
  Object.entries(constants.errno).map(([name, errno]) => [errno, name]),
);

/** Name of an error number of `errno.h`, for example 17 → `EEXIST`; an unknown one gives `E<number>`. */
export function errnoName(errno: number): string {
  return namesByNumber.get(errno) ?? `E${errno}`;
}

/** What a failed kernel call tells besides its error number. */
export interface LinuxErrorDetails {
  /** Extended acknowledgement text of netlink (NLMSGERR_ATTR_MSG of linux/netlink.h). */
  readonly extAck?: string;
  /** What was being worked on, for example a link name or a path. */
  readonly subject?: string;
}

/**
 * A kernel call that failed. `code` is the errno name, as on Node's own system errors, so that callers test
 * `error.code === "EEXIST"` for both; `syscall` names the call or the netlink message (`RTM_NEWLINK`).
 */
export class LinuxError extends Error {
  override readonly name = "LinuxError";
  /** Positive number of `errno.h`. */
  readonly errno: number;
  /** Name of `errno`, for example `EEXIST`. */
  readonly code: string;
  /** The call that failed, for example `setns` or `RTM_NEWLINK`. */
  readonly syscall: string;
  /** Kernel's own explanation, when it gave one. */
  declare readonly extAck?: string;

  constructor(errno: number, syscall: string, details: LinuxErrorDetails = {}) {
    const code = errnoName(errno);
    const subject = details.subject === undefined ? "" : ` ${details.subject}`;
    const text = details.extAck === undefined ? "" : `: ${details.extAck}`;
    super(`${syscall}${subject}: ${code}${text}`);
    this.errno = errno;
    this.code = code;
    this.syscall = syscall;
    if (details.extAck !== undefined) this.extAck = details.extAck;
  }
}

/** Makes a {@link LinuxError} from an errno name, for failures that are found here and not by the kernel. */
export function linuxError(
  code: keyof typeof constants.errno,
  syscall: string,
  details: LinuxErrorDetails = {},
): LinuxError {
  return new LinuxError(constants.errno[code], syscall, details);
}

/** True when `error` is a system error (ours or Node's) with one of the given codes; without codes, with any. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" && (codes.length === 0 || codes.includes(code));
}
