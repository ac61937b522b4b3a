// SPDX-License-Identifier: Apache-2.0
/** Default payload of network services. Upstream: `pkg/registry/common/setpayload`. */
export { setPayloadServer } from "./server.js";
