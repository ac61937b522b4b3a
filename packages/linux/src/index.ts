// SPDX-License-Identifier: Apache-2.0

export * from "./icmp/index.js";
export { AF_INET, AF_INET6, type IpFamily, netlinkStatistics } from "./netlink/index.js";
export * from "./netns/index.js";
export * from "./probe/index.js";
export * from "./process/index.js";
export * from "./route/index.js";
export {
  type FileIdentity,
  fileIdentity,
  hasCode,
  LinuxError,
  type LinuxErrorDetails,
  linuxError,
} from "./syscall/index.js";
export type { RunningTimer, TimerFunctions } from "./timers.js";
