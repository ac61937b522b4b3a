// SPDX-License-Identifier: Apache-2.0
import { Code, StatusError } from "@nsm/core";

/** The one error for certificates that are not what they must be: UNAUTHENTICATED BAD_SVID. */
export const badSvid = (message: string, cause?: unknown): StatusError =>
  new StatusError(Code.UNAUTHENTICATED, message, { reason: "BAD_SVID", cause });

const MAX_QUOTED = 200;

/** Text of a peer inside quotes for a message: short, control and other than ASCII characters escaped. */
export function quoted(text: string): string {
  const shown = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  return JSON.stringify(shown).replace(
    /[^\x20-\x7e…]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
