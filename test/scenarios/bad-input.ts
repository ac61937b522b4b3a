// SPDX-License-Identifier: Apache-2.0
import type { Scenario } from "@nsm/lab";
import { configurationInput } from "./bad-configuration.js";
import { kernelInput } from "./bad-kernel.js";
import { peerInput } from "./bad-peers.js";

/** Everything a user, a pod or a peer can give that cannot work; INPUT of the catalogue. */
export const badInput: readonly Scenario[] = [...configurationInput, ...kernelInput, ...peerInput];
