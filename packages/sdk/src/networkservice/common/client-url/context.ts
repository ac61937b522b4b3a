// SPDX-License-Identifier: Apache-2.0
import { contextKey } from "@nsm/core";

/** Where the next hop listens; read by `dial`. Upstream: `clienturlctx`. */
export const clientUrl = contextKey<URL | undefined>("client-url");
