// SPDX-License-Identifier: Apache-2.0
import { metadataKey } from "../../utils/metadata/index.js";

/** Asks for renewal of connections of the same process. */
export interface RefreshNotifier {
  /** All connections but this one are to be requested anew; returns at once. */
  notifyOthers(connectionId: string): void;
}

/** The notifier of the chain; set by `upstream-refresh` when it has one, used by elements behind it. */
export const refreshNotifier = metadataKey<RefreshNotifier>("client", "upstream-refresh.notifier");
