// SPDX-License-Identifier: Apache-2.0
import { metadataKey } from "@nsm/sdk/networkservice/utils/metadata";

/** Takes what elements behind `report-down` want to be followed for the connection. */
export interface DownReport {
  /**
   * Follows the network namespace in which the endpoint lives; when its last process has ended, the connection is DOWN
   * and closed. Replaces what was followed before.
   * @param ino inode number; undefined: none
   */
  followEndpoint(ino: bigint | undefined): void;
}

/** There during every Request in a forwarder whose data plane can watch. */
export const downReport = metadataKey<DownReport>("server", "report-down");
