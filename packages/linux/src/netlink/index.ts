// SPDX-License-Identifier: Apache-2.0
export {
  AF_INET,
  AF_INET6,
  bitsOf,
  familyOf,
  type IpFamily,
  ipBytes,
  ipText,
  macBytes,
  macText,
  maskedBytes,
  type Prefix,
  parsePrefix,
} from "./address-text.js";
export {
  type AttributeTable,
  type AttributeValues,
  attributes,
  attributesOf,
  be16,
  be32,
  bytes,
  ip,
  mac,
  s32,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
  type WireType,
} from "./codec.js";
export { flag, type MessageCodec, messageCodec, messagesOf, type NetlinkMessage } from "./message.js";
export {
  type NetlinkRequest,
  type NetlinkSocket,
  netlinkStatistics,
  openMulticastSocket,
  openNetlinkSocket,
} from "./socket.js";
