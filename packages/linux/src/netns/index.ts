// SPDX-License-Identifier: Apache-2.0
export {
  currentNetns,
  type Netns,
  type NetnsId,
  netnsId,
  openNetns,
  openNetnsFd,
  sameNetns,
} from "./netns.js";
export { processesIn } from "./processes.js";
export { netnsSwitchRefusal, runInNetns, runInOptionalNetns, StrandedInNetnsError } from "./run-in-netns.js";
export { readSysctl, writeSysctl } from "./sysctl.js";
export { type NamespacesOptions, type NamespacesWatch, watchNamespaces } from "./watch-namespaces.js";
