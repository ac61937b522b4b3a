// SPDX-License-Identifier: Apache-2.0
/** MAC addresses of the pods' links. */
export { ethernetContextClient, ethernetContextServer } from "./element.js";
