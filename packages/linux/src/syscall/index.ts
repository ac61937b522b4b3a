// SPDX-License-Identifier: Apache-2.0
export { errnoName, hasCode, LinuxError, type LinuxErrorDetails, linuxError } from "./error.js";
export {
  bind,
  checked,
  duplicate,
  type FileIdentity,
  fileIdentity,
  getOption,
  ioctl,
  lastErrno,
  pidfdOpen,
  reapChild,
  receive,
  receiveFrom,
  send,
  sendInBackground,
  setIntegerOption,
  setns,
  socket,
} from "./libc.js";
