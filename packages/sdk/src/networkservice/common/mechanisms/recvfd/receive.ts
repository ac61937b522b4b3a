// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl, isInodeUrl, type Mechanism, parseInodeUrl } from "@nsm/api";
import { Code, type Context, receiveDescriptor, type Side, StatusError } from "@nsm/core";
import { filePath, inodeParameter, setInodeParameter } from "../inode-parameter.js";
import type { CallDescriptors } from "./context.js";

type Mechanisms = readonly (Mechanism | undefined)[];

/**
 * Takes the descriptors that a neighbour announced in mechanisms by `inode:` URL (each once) and puts `file:` URLs in
 * their place.
 *
 * A `file:` URL of the neighbour itself is refused: whatever opens it later does so with the rights of this process,
 * and would lend the neighbour a namespace that it could not send.
 * @param ownUrls `file:` URLs that this process put into the mechanisms itself
 * @throws FAILED_PRECONDITION DESCRIPTOR_NOT_RECEIVED; INVALID_ARGUMENT NSM_INODE_URL, FOREIGN_FILE
 */
export async function receiveFor(
  ctx: Context,
  from: Side,
  mechanisms: Mechanisms,
  descriptors: CallDescriptors,
  ownUrls: readonly string[] = [],
): Promise<void> {
  for (const mechanism of mechanisms) {
    const url = mechanism === undefined ? undefined : inodeParameter(mechanism);
    if (mechanism === undefined || url === undefined) continue;
    if (!isInodeUrl(url)) {
      const isOwn = ownUrls.includes(url) || descriptors.inodeUrlOf(url) !== undefined;
      if (filePath(url) !== undefined && !isOwn) throw foreignFile(url);
      continue;
    }
    const ref = parseInodeUrl(url);
    const known = descriptors.fileUrlOf(formatInodeUrl(ref), from);
    const file = known ?? descriptors.add(await receiveDescriptor(ctx, from, ref), from);
    setInodeParameter(mechanism, file);
  }
}

/** The `file:` URLs that mechanisms name. */
export function fileUrls(mechanisms: Mechanisms): string[] {
  return mechanisms.flatMap((mechanism) => {
    const url = mechanism === undefined ? undefined : inodeParameter(mechanism);
    return url === undefined || filePath(url) === undefined ? [] : [url];
  });
}

function foreignFile(url: string): StatusError {
  return new StatusError(
    Code.INVALID_ARGUMENT,
    `inodeURL ${JSON.stringify(url)} names a file of its sender, which must send a descriptor of it instead`,
    { reason: "FOREIGN_FILE" },
  );
}
