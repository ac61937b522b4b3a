// SPDX-License-Identifier: Apache-2.0
import { addressOf, errno, recvmsg, send, sendmsg, stableMemory } from "./bindings.js";

/** Descriptors in one message: what grpcfd's readers make room for; the kernel's own limit (SCM_MAX_FD) is 253. */
export const MAX_DESCRIPTORS_PER_MESSAGE = 64;
/** Bytes moved by one call. */
export const CHUNK_BYTES = 64 * 1024;

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const RECEIVE_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC;
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;

// Layouts of 64 bit little-endian Linux: struct msghdr (sys/socket.h), struct iovec, struct cmsghdr.
const MSGHDR = { bytes: 56, iov: 16, iovLength: 24, control: 32, controlLength: 40 } as const;
const IOVEC = { bytes: 16, length: 8 } as const;
const CMSG = { level: 8, type: 12, data: 16 } as const;
const CONTROL_BYTES = CMSG.data + 4 * MAX_DESCRIPTORS_PER_MESSAGE;

const align8 = (bytes: number): number => (bytes + 7) & ~7;

/** One msghdr with its iovec, data and control memory, wired together once and used for every call. */
class MessageMemory {
  readonly header = stableMemory(MSGHDR.bytes);
  readonly data = stableMemory(CHUNK_BYTES);
  readonly control = stableMemory(CONTROL_BYTES);
  readonly vector = stableMemory(IOVEC.bytes);

  constructor() {
    this.vector.writeBigUInt64LE(addressOf(this.data), 0);
    this.header.writeBigUInt64LE(addressOf(this.vector), MSGHDR.iov);
    this.header.writeBigUInt64LE(1n, MSGHDR.iovLength);
    this.header.writeBigUInt64LE(addressOf(this.control), MSGHDR.control);
  }

  // Lengths fit 32 bits; the upper halves stay zero.
  set dataLength(bytes: number) {
    this.vector.writeUInt32LE(bytes, IOVEC.length);
  }

  get controlLength(): number {
    return this.header.readUInt32LE(MSGHDR.controlLength);
  }

  set controlLength(bytes: number) {
    this.header.writeUInt32LE(bytes, MSGHDR.controlLength);
  }
}

/**
 * recvmsg(2) and sendmsg(2) with descriptors, without allocation per call. All connections of a thread share one:
 * nothing is kept between calls. Results are a number of bytes, or a negative errno.
 */
export class Messages {
  readonly #in = new MessageMemory();
  readonly #out = new MessageMemory();

  constructor() {
    this.#in.dataLength = CHUNK_BYTES;
  }

  /**
   * Reads once. Descriptors beyond {@link MAX_DESCRIPTORS_PER_MESSAGE} in one message are closed by the kernel
   * (MSG_CTRUNC), the bytes stay whole.
   *
   * @param onDescriptor called with each descriptor that came along; it owns it
   */
  receive(fd: number, onDescriptor: (received: number) => void): number {
    const memory = this.#in;
    memory.controlLength = CONTROL_BYTES;
    const count = recvmsg(fd, memory.header, RECEIVE_FLAGS);
    if (count < 0) return -errno();
    const controlLength = memory.controlLength;
    for (let offset = 0; offset + CMSG.data <= controlLength; ) {
      const length = memory.control.readUInt32LE(offset);
      if (length < CMSG.data) break;
      if (
        memory.control.readInt32LE(offset + CMSG.level) === SOL_SOCKET &&
        memory.control.readInt32LE(offset + CMSG.type) === SCM_RIGHTS
      ) {
        const end = Math.min(offset + length, controlLength);
        for (let at = offset + CMSG.data; at + 4 <= end; at += 4)
          onDescriptor(memory.control.readInt32LE(at));
      }
      offset += align8(length);
    }
    return count;
  }

  /** The bytes that the last {@link receive} read, as a copy. */
  received(count: number): Buffer {
    const copy = Buffer.allocUnsafe(count);
    this.#in.data.copy(copy, 0, 0, count);
    return copy;
  }

  /** Writes what fits of one piece. */
  send(fd: number, bytes: Uint8Array): number {
    const count = send(fd, bytes, bytes.length, SEND_FLAGS);
    return count < 0 ? -errno() : count;
  }

  /**
   * Writes the first bytes of several pieces in one call, with descriptors beside them.
   *
   * @param maxBytes at least 1; at most {@link CHUNK_BYTES} are written
   * @param descriptors at most {@link MAX_DESCRIPTORS_PER_MESSAGE}; all of them are sent unless the result is negative
   */
  sendTogether(
    fd: number,
    pieces: readonly Buffer[],
    maxBytes: number,
    descriptors: readonly number[],
  ): number {
    const memory = this.#out;
    const limit = Math.min(maxBytes, CHUNK_BYTES);
    let filled = 0;
    for (const piece of pieces) {
      if (filled === limit) break;
      filled += piece.copy(memory.data, filled, 0, Math.min(piece.length, limit - filled));
    }
    if (descriptors.length === 0) return this.send(fd, memory.data.subarray(0, filled));
    memory.dataLength = filled;
    const length = CMSG.data + 4 * descriptors.length;
    memory.control.writeUInt32LE(length, 0);
    memory.control.writeInt32LE(SOL_SOCKET, CMSG.level);
    memory.control.writeInt32LE(SCM_RIGHTS, CMSG.type);
    descriptors.forEach((descriptor, index) => {
      memory.control.writeInt32LE(descriptor, CMSG.data + 4 * index);
    });
    memory.controlLength = length;
    const count = sendmsg(fd, memory.header, SEND_FLAGS);
    return count < 0 ? -errno() : count;
  }
}
