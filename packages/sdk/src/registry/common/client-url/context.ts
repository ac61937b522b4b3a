// SPDX-License-Identifier: Apache-2.0
import { contextKey } from "@nsm/core";

/** The registry that the client half of the chain dials; read by `dial`. */
export const clientUrl = contextKey<URL>("registry-client-url");
