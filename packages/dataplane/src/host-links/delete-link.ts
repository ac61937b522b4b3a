// SPDX-License-Identifier: Apache-2.0
import { hasCode, type RouteSocket } from "@nsm/linux";

/**
 * Deletes a link; an absent one, and one that is vanishing together with its namespace, count as deleted.
 * @throws the kernel's refusal while the link is there
 */
export async function deleteLink(route: RouteSocket, index: number): Promise<void> {
  try {
    await route.linkDelete(index);
  } catch (error) {
    if (!hasCode(error, "EBUSY") || (await route.linkGet(index)) !== undefined) throw error;
  }
}
