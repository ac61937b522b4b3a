// SPDX-License-Identifier: Apache-2.0
/** Elements of a forwarder's chains. */
export { type Announcer, announceServer } from "./announce/index.js";
export {
  connectionContextKernelClient,
  connectionContextKernelServer,
} from "./connection-context-kernel/index.js";
export { ethernetContextClient, ethernetContextServer } from "./ethernet-context/index.js";
export { hostLinksServer, keepVniServer } from "./host-links/index.js";
export {
  isNewSide,
  type MechanismDriverClientOptions,
  mechanismDriverClient,
  mechanismDriverServer,
  type SideLink,
  sideLink,
} from "./mechanism-driver/index.js";
export { DEFAULT_MTU_BYTES, mtuClient, mtuServer } from "./mtu/index.js";
export { nsMonitorClient } from "./ns-monitor/index.js";
export { type DownReport, downReport, reportDownServer } from "./report-down/index.js";
export {
  lowerMtuBytes,
  VXLAN_OVERHEAD_BYTES,
  vxlanMtuBytes,
  vxlanMtuClient,
  vxlanMtuServer,
} from "./vxlan-mtu/index.js";
export { xconnectServer } from "./xconnect/index.js";
