// SPDX-License-Identifier: Apache-2.0
/**
 * Different mechanisms on the two sides of a forwarder.
 * Upstream: `sdk/pkg/networkservice/common/mechanismtranslation`.
 *
 * @packageDocumentation
 */
export { mechanismTranslationClient, nextHopMechanism } from "./client.js";
