// SPDX-License-Identifier: Apache-2.0

/**
 * What terminals and editors obey instead of showing it: C0 without tab and line feed, delete, C1, line and paragraph
 * separators, and the marks that turn the direction of a text (Unicode 16, UAX #9).
 */
const OBEYED = /[^\P{Cc}\t\n]|[\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A text whose control characters are shown as `\u001b`, as in JSON: names come from peers, and a log must not do what
 * they say. Tabs and line feeds stay. Upstream prints them as they are.
 */
export const withoutControl = (text: string): string =>
  text.replace(OBEYED, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
