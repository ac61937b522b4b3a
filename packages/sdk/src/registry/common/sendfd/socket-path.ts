// SPDX-License-Identifier: Apache-2.0

/** Path of a `unix:` URL; undefined for other schemes and unreadable text. */
export function socketPath(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, pathname } = new URL(url);
  return protocol === "unix:" && pathname.startsWith("/") ? decodeURIComponent(pathname) : undefined;
}
