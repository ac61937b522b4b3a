// SPDX-License-Identifier: Apache-2.0
import { LinuxError } from "../syscall/index.js";
import {
  type AttributeTable,
  type AttributeValues,
  attributes,
  attributesOf,
  type Fields,
  type Struct,
  type StructValue,
  text,
} from "./codec.js";

/** Request flags of linux/netlink.h (NLM_F_*). */
export const flag = {
  REQUEST: 0x1,
  ACK: 0x4,
  ROOT: 0x100,
  MATCH: 0x200,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
} as const;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
/** Bytes of struct nlmsghdr. */
const headerBytes = 16;

/** A received message, payload not copied. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

/** Puts struct nlmsghdr in front of a payload. */
export function encodeMessage(type: number, flags: number, sequence: number, payload: Uint8Array): Buffer {
  const message = Buffer.alloc(headerBytes + payload.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags, 6);
  message.writeUInt32LE(sequence, 8);
  message.set(payload, headerBytes);
  return message;
}

/** Splits what one recv(2) returned into messages; stops at the first malformed length. */
export function* messagesOf(input: Buffer): Generator<NetlinkMessage> {
  let offset = 0;
  while (offset + headerBytes <= input.length) {
    const length = input.readUInt32LE(offset);
    if (length < headerBytes || offset + length > input.length) return;
    yield {
      type: input.readUInt16LE(offset + 4),
      flags: input.readUInt16LE(offset + 6),
      sequence: input.readUInt32LE(offset + 8),
      payload: input.subarray(offset + headerBytes, offset + length),
    };
    offset += (length + 3) & ~3;
  }
}

/** True when the kernel's table changed while it was dumped, so that the answer may miss entries. */
export function wasInterrupted(message: NetlinkMessage): boolean {
  return (message.flags & NLM_F_DUMP_INTR) !== 0;
}

/** How a message ends a request: not at all, well, or with an error. */
export type Completion = "continues" | "complete" | LinuxError;

/**
 * Reads an acknowledgement or the end of a dump.
 * @param syscall name of the request for the error
 */
export function completionOf(
  message: NetlinkMessage,
  syscall: string,
  subject: string | undefined,
): Completion {
  if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) return "continues";
  const errno = message.payload.length >= 4 ? -message.payload.readInt32LE(0) : 0;
  if (errno <= 0) return "complete";
  const extAck = extendedText(message);
  return new LinuxError(errno, syscall, {
    ...(extAck !== undefined && { extAck }),
    ...(subject !== undefined && { subject }),
  });
}

/** NLMSGERR_ATTR_MSG behind struct nlmsgerr, when NETLINK_EXT_ACK is on. */
function extendedText({ type, flags, payload }: NetlinkMessage): string | undefined {
  if ((flags & NLM_F_ACK_TLVS) === 0) return undefined;
  let offset = 4;
  if (type === NLMSG_ERROR) {
    const original = payload.readUInt32LE(4);
    offset += (flags & NLM_F_CAPPED) === 0 ? (original + 3) & ~3 : headerBytes;
  }
  for (const { number, payload: value } of attributesOf(payload.subarray(offset))) {
    if (number === NLMSGERR_ATTR_MSG) return text.decode(value);
  }
  return undefined;
}

/** Codec of one family of messages: a fixed struct, then attributes. */
export interface MessageCodec<F extends Fields, T extends AttributeTable> {
  /** Payload of a request; header fields that are not given are zero, absent attributes are left out. */
  encode(header: Partial<StructValue<F>>, values?: AttributeValues<T>): Buffer;
  decode(payload: Buffer): { readonly header: StructValue<F>; readonly values: AttributeValues<T> };
}

/**
 * Makes the codec of a family of messages.
 * @param header for example struct ifinfomsg; its size must be a multiple of four
 * @param table attributes with the numbers of the same kernel header
 */
export function messageCodec<F extends Fields, const T extends AttributeTable>(
  header: Struct<F>,
  table: T,
): MessageCodec<F, T> {
  const list = attributes(table);
  return {
    encode: (head, values = {}) => Buffer.concat([header.encode(head), list.encode(values)]),
    decode: (payload) => ({
      header: header.decode(payload.subarray(0, header.size)),
      values: list.decode(payload.subarray(header.size)),
    }),
  };
}
