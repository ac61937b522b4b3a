// SPDX-License-Identifier: Apache-2.0
import { formatInodeUrl, isInodeUrl, type Mechanism, parseInodeUrl } from "@nsm/api";
import { type Context, receiveDescriptor, type Side } from "@nsm/core";
import { inodeParameter, setInodeParameter } from "../inode-parameter.js";
import type { CallDescriptors } from "./context.js";

/**
 * Takes the descriptors that a neighbour announced in mechanisms by `inode:` URL (each once) and puts `file:` URLs in
 * their place. Those of other schemes stay.
 * @throws FAILED_PRECONDITION DESCRIPTOR_NOT_RECEIVED; INVALID_ARGUMENT NSM_INODE_URL
 */
export async function receiveFor(
  ctx: Context,
  from: Side,
  mechanisms: readonly (Mechanism | undefined)[],
  descriptors: CallDescriptors,
): Promise<void> {
  for (const mechanism of mechanisms) {
    const url = mechanism === undefined ? undefined : inodeParameter(mechanism);
    if (mechanism === undefined || url === undefined || !isInodeUrl(url)) continue;
    const ref = parseInodeUrl(url);
    const known = descriptors.fileUrlOf(formatInodeUrl(ref), from);
    const file = known ?? descriptors.add(await receiveDescriptor(ctx, from, ref), from);
    setInodeParameter(mechanism, file);
  }
}
