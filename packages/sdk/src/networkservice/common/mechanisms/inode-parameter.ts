// SPDX-License-Identifier: Apache-2.0
import { CommonParameter, type Mechanism, parameter } from "@nsm/api";

const FILE_SCHEME = "file:";

/** URL of the file (namespace or socket) that a mechanism's `inodeURL` names; undefined when it names none. */
export function inodeParameter(mechanism: Mechanism): string | undefined {
  return parameter(mechanism, CommonParameter.INODE_URL);
}

/** Replaces the URL; undefined removes the parameter. */
export function setInodeParameter(mechanism: Mechanism, url: string | undefined): void {
  if (url === undefined) delete mechanism.parameters[CommonParameter.INODE_URL];
  else mechanism.parameters[CommonParameter.INODE_URL] = url;
}

/** Path of a `file:` URL; undefined for other schemes and unreadable text. */
export function filePath(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { protocol, pathname } = new URL(url);
  return protocol === FILE_SCHEME ? decodeURIComponent(pathname) : undefined;
}

/** `file:` URL of an absolute path. */
export function fileUrl(path: string): string {
  return new URL(`file://${path}`).href;
}
