// SPDX-License-Identifier: Apache-2.0
/**
 * Kernel interfaces. Upstream: `sdk/pkg/networkservice/common/mechanisms/kernel`.
 *
 * @packageDocumentation
 */
export { type KernelOptions, kernelClient, kernelServer } from "./element.js";
export { type InterfaceNameGenerator, interfaceNameGenerator } from "./interface-name.js";
