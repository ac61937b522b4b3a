// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import { type Netns, runInOptionalNetns } from "../netns/index.js";
import {
  bind,
  hasCode,
  LinuxError,
  linuxError,
  receive,
  send,
  sendInBackground,
  setIntegerOption,
  socket,
} from "../syscall/index.js";
import {
  type Completion,
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
  /** Time the calling thread spent in requests, answers included; background requests do not occupy it. */
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
 * nothing ever waits for readiness.
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
  /**
   * Like `request` without answers, but on another thread: deleting a link keeps sendto(2) busy for 20 ms.
   * @throws LinuxError likewise
   */
  requestInBackground(request: NetlinkRequest): Promise<void>;
  /** Gives the descriptor back, once the background requests under way have ended. */
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
  const background: Background = new Map();
  const start = (request: NetlinkRequest): number => {
    if (!open) throw linuxError("EBADF", request.name, { extAck: "socket is closed" });
    netlinkStatistics.messages++;
    sequence = (sequence + 1) >>> 0;
    return sequence;
  };
  const exchange = <T>(request: NetlinkRequest, flags: number, decode: (message: NetlinkMessage) => T) =>
    runExchange({ fd, background, sequence: start(request), request, flags, decode });
  const closeWhenIdle = () => {
    if (!open && background.size === 0) closeSync(fd);
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
    async requestInBackground(request) {
      try {
        await runInBackground(fd, background, start(request), request);
      } finally {
        closeWhenIdle();
      }
    },
    close() {
      if (!open) return;
      open = false;
      closeWhenIdle();
    },
  };
}

function setOptional(fd: number, option: number, level = SOL_NETLINK, value = 1): void {
  try {
    setIntegerOption(fd, level, option, value);
  } catch (error) {
    if (!hasCode(error, "ENOPROTOOPT", "EPERM")) throw error;
  }
}

function unexpected(message: NetlinkMessage): never {
  throw linuxError("EPROTO", "netlink", { extAck: `unexpected answer of type ${message.type}` });
}

/** Requests that another thread is sending, by sequence number; their ends may arrive during any exchange. */
type Background = Map<number, (message: NetlinkMessage) => void>;

interface Exchange<T> {
  readonly fd: number;
  readonly background: Background;
  readonly sequence: number;
  readonly request: NetlinkRequest;
  readonly flags: number;
  readonly decode: (message: NetlinkMessage) => T;
}

/** Sends, then reads until the request's own end. */
function runExchange<T>(exchange: Exchange<T>): { answers: T[]; interrupted: boolean } {
  const { fd, background, sequence, request, flags, decode } = exchange;
  const start = process.hrtime.bigint();
  const answers: T[] = [];
  let interrupted = false;
  try {
    send(fd, encodeMessage(request.type, flags, sequence, request.payload));
    for (;;) {
      const messages = receiveMessages(fd, request.name);
      if (messages === undefined)
        throw linuxError("EPROTO", request.name, { extAck: "the kernel did not answer" });
      for (const message of messages) {
        if (message.sequence !== sequence) {
          passOn(background, message);
          continue;
        }
        interrupted ||= wasInterrupted(message);
        const completion = completionOf(message, request.name, request.subject);
        if (completion instanceof LinuxError) throw completion;
        if (completion === "complete") return { answers, interrupted };
        answers.push(decode(message));
      }
    }
  } finally {
    netlinkStatistics.nanoseconds += Number(process.hrtime.bigint() - start);
  }
}

async function runInBackground(
  fd: number,
  background: Background,
  sequence: number,
  request: NetlinkRequest,
): Promise<void> {
  let end: Completion = "continues";
  background.set(sequence, (message) => {
    end = completionOf(message, request.name, request.subject);
  });
  try {
    const flags = flag.REQUEST | flag.ACK | (request.flags ?? 0);
    const sent = await sendInBackground(fd, encodeMessage(request.type, flags, sequence, request.payload));
    if (!sent) throw linuxError("EIO", request.name, { extAck: "the message could not be sent" });
    // The end is there by now, unless it was read together with another request's
    while (end === "continues") {
      const messages = receiveMessages(fd, request.name);
      if (messages === undefined)
        throw linuxError("EPROTO", request.name, { extAck: "the kernel did not answer" });
      for (const message of messages) passOn(background, message);
    }
    if (end !== "complete") throw end;
  } finally {
    background.delete(sequence);
  }
}

/** Messages that nobody waits for belong to requests that failed while their answers were read. */
function passOn(background: Background, message: NetlinkMessage): void {
  background.get(message.sequence)?.(message);
}

/** One recv(2); undefined when nothing is there. */
function receiveMessages(fd: number, name: string): Iterable<NetlinkMessage> | undefined {
  const length = receive(fd, receiveBuffer, MSG_TRUNC);
  if (length === undefined) return undefined;
  if (length > receiveBuffer.length) throw linuxError("EMSGSIZE", name, { extAck: "answer too long" });
  return messagesOf(receiveBuffer.subarray(0, length));
}

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const eventBufferBytes = 4 << 20;

/**
 * Opens a socket that receives the events of multicast groups, with room for some thousand of them.
 * @param groups group numbers from 1 on, not bits
 * @returns its descriptor, owned by the caller
 * @throws LinuxError EPERM when the namespace cannot be entered
 */
export function openMulticastSocket(protocol: number, groups: readonly number[], netns?: Netns): number {
  const fd = runInOptionalNetns(netns, () => socket(AF_NETLINK, SOCK_RAW, protocol));
  try {
    setOptional(fd, SO_RCVBUF, SOL_SOCKET, eventBufferBytes);
    setOptional(fd, SO_RCVBUFFORCE, SOL_SOCKET, eventBufferBytes); // needs CAP_NET_ADMIN of the machine
    const address = Buffer.alloc(12); // struct sockaddr_nl
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(groups.reduce((bits, number) => bits | (1 << (number - 1)), 0) >>> 0, 8);
    bind(fd, address);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
