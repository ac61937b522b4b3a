// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import { type Netns, runInOptionalNetns } from "../netns/index.js";
import {
  hasCode,
  LinuxError,
  linuxError,
  receive,
  send,
  setIntegerOption,
  socket,
} from "../syscall/index.js";
import {
  completionOf,
  encodeMessage,
  flag,
  messagesOf,
  type NetlinkMessage,
  wasInterrupted,
} from "./message.js";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const MSG_TRUNC = 0x20;
const interruptedDumpAttempts = 10;

/** What this process asked of the kernel so far; benchmarks read and reset it. */
export const netlinkStatistics = {
  /** Requests sent, dumps counted once. */
  messages: 0,
  /** Time spent in requests, answers included. */
  nanoseconds: 0,
};

/** One message to the kernel. */
export interface NetlinkRequest {
  /** Message type number, for example 16. */
  readonly type: number;
  /** Its name in the kernel header, for errors: `RTM_NEWLINK`. */
  readonly name: string;
  /** NLM_F_* flags besides REQUEST and ACK. */
  readonly flags?: number;
  readonly payload: Uint8Array;
  /** What the request is about, for errors. */
  readonly subject?: string;
}

/**
 * A netlink socket. The kernel handles a request inside sendto(2) and an answer is there when it returns, hence
 * everything is synchronous and nothing ever waits for readiness.
 */
export interface NetlinkSocket {
  readonly fd: number;
  /**
   * Sends one request and waits for its acknowledgement.
   * @param decode called with every answer; must copy what it keeps
   * @throws LinuxError with the kernel's errno and extended acknowledgement
   */
  request<T = never>(request: NetlinkRequest, decode?: (message: NetlinkMessage) => T): T[];
  /**
   * Lists a table of the kernel, again from the start when it changed meanwhile (NLM_F_DUMP_INTR).
   * @throws LinuxError likewise; EINTR when the table changed ten times in a row
   */
  dump<T>(request: NetlinkRequest, decode: (message: NetlinkMessage) => T): T[];
  close(): void;
}

/** All sockets are used by one thread and requests are synchronous: one buffer serves them all. */
const receiveBuffer = Buffer.allocUnsafeSlow(65536);

/**
 * Opens a socket of a netlink protocol. It belongs to the namespace it was opened in, keeps that alive until
 * closed, and can be used from anywhere.
 * @param netns undefined: the own one
 * @throws LinuxError EPERM when the namespace cannot be entered; EPROTONOSUPPORT
 */
export function openNetlinkSocket(protocol: number, netns?: Netns): NetlinkSocket {
  const fd = runInOptionalNetns(netns, () => socket(AF_NETLINK, SOCK_RAW, protocol));
  // Readable errors and checked dump filters; kernels before 4.20 have neither and work without
  for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK]) setOptional(fd, option);
  let sequence = 0;
  let open = true;
  const exchange = <T>(request: NetlinkRequest, flags: number, decode: (message: NetlinkMessage) => T) => {
    if (!open) throw linuxError("EBADF", request.name, { extAck: "socket is closed" });
    sequence = (sequence + 1) >>> 0;
    return runExchange(fd, sequence, request, flags, decode);
  };
  return {
    fd,
    request: (request, decode) => {
      const flags = flag.REQUEST | flag.ACK | (request.flags ?? 0);
      return exchange(request, flags, decode ?? unexpected).answers;
    },
    dump(request, decode) {
      for (let attempt = 0; attempt < interruptedDumpAttempts; attempt++) {
        const result = exchange(request, flag.REQUEST | flag.DUMP | (request.flags ?? 0), decode);
        if (!result.interrupted) return result.answers;
      }
      throw linuxError("EINTR", request.name, { extAck: "the table keeps changing" });
    },
    close() {
      if (!open) return;
      open = false;
      closeSync(fd);
    },
  };
}

function setOptional(fd: number, option: number): void {
  try {
    setIntegerOption(fd, SOL_NETLINK, option, 1);
  } catch (error) {
    if (!hasCode(error, "ENOPROTOOPT")) throw error;
  }
}

function unexpected(message: NetlinkMessage): never {
  throw linuxError("EPROTO", "netlink", { extAck: `unexpected answer of type ${message.type}` });
}

/** Sends, then reads until the request's own end; answers to earlier requests that failed here are skipped. */
function runExchange<T>(
  fd: number,
  sequence: number,
  request: NetlinkRequest,
  flags: number,
  decode: (message: NetlinkMessage) => T,
): { answers: T[]; interrupted: boolean } {
  const start = process.hrtime.bigint();
  const answers: T[] = [];
  let interrupted = false;
  try {
    send(fd, encodeMessage(request.type, flags, sequence, request.payload));
    for (;;) {
      for (const message of receiveMessages(fd, request)) {
        if (message.sequence !== sequence) continue;
        interrupted ||= wasInterrupted(message);
        const completion = completionOf(message, request.name, request.subject);
        if (completion instanceof LinuxError) throw completion;
        if (completion === "complete") return { answers, interrupted };
        answers.push(decode(message));
      }
    }
  } finally {
    netlinkStatistics.messages++;
    netlinkStatistics.nanoseconds += Number(process.hrtime.bigint() - start);
  }
}

function receiveMessages(fd: number, { name }: NetlinkRequest): Iterable<NetlinkMessage> {
  const length = receive(fd, receiveBuffer, MSG_TRUNC);
  if (length === undefined) throw linuxError("EPROTO", name, { extAck: "the kernel did not answer" });
  if (length > receiveBuffer.length) throw linuxError("EMSGSIZE", name, { extAck: "answer too long" });
  return messagesOf(receiveBuffer.subarray(0, length));
}
