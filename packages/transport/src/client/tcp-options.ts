// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import { setIntegerOption } from "@nsm/linux/syscall";
import { socketDescriptor } from "../grpc-internals.js";

const IPPROTO_TCP = 6; // netinet/in.h
const TCP_USER_TIMEOUT = 18; // netinet/tcp.h
/** How long sent bytes may stay unacknowledged before the connection counts as lost. */
const USER_TIMEOUT_MS = 2000;
const KEEPALIVE_DELAY_MS = 10_000;

/**
 * Makes a dead host show: bytes that nobody acknowledges break the connection within two seconds (tcp(7),
 * TCP_USER_TIMEOUT) and idle connections are probed by the kernel. gRPC's own keepalive stays off; Go servers
 * drop clients that ping more often than every five minutes.
 */
export function tuneTcp(socket: Socket): void {
  socket.setKeepAlive(true, KEEPALIVE_DELAY_MS);
  const fd = socketDescriptor(socket);
  if (fd !== undefined) setIntegerOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
}
