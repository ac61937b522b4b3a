// SPDX-License-Identifier: Apache-2.0
import { createSocket } from "node:dgram";
import { once } from "node:events";

/** What a {@link nameServer} knows. */
export interface Zone {
  readonly srv?: Readonly<Record<string, readonly { port: number; priority: number; weight: number }[]>>;
  readonly a?: Readonly<Record<string, readonly string[]>>;
  /** Names answered with SERVFAIL. */
  readonly broken?: readonly string[];
}

const TYPE = { A: 1, SRV: 33 } as const;
const RCODE = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3 } as const;

const encodeName = (name: string): Buffer =>
  Buffer.concat([
    ...name.split(".").map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);

function question(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let offset = 12;
  for (let length = message.readUInt8(offset); length > 0; length = message.readUInt8(offset)) {
    labels.push(message.toString("latin1", offset + 1, offset + 1 + length));
    offset += 1 + length;
  }
  return { name: labels.join("."), type: message.readUInt16BE(offset + 1), end: offset + 5 };
}

const uint16 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, 2 * i);
  return bytes;
};

/** A resource record (RFC 1035 4.1.3) for the name of the question. */
const record = (type: number, data: Buffer): Buffer =>
  Buffer.concat([uint16(0xc00c, type, 1, 0, 60, data.length), data]);

function answer(zone: Zone, message: Buffer): Buffer {
  const { name, type, end } = question(message);
  const srv = zone.srv?.[name];
  const a = zone.a?.[name];
  const records =
    type === TYPE.SRV
      ? (srv ?? []).map(({ priority, weight, port }) =>
          record(TYPE.SRV, Buffer.concat([uint16(priority, weight, port), encodeName("target.test")])),
        )
      : type === TYPE.A
        ? (a ?? []).map((address) => record(TYPE.A, Buffer.from(address.split(".").map(Number))))
        : [];
  const known = srv !== undefined || a !== undefined;
  const rcode = zone.broken?.includes(name) ? RCODE.SERVFAIL : known ? RCODE.NOERROR : RCODE.NXDOMAIN;
  const header = Buffer.concat([
    message.subarray(0, 2),
    uint16(0x8580 | rcode, 1, records.length, 0, 0),
    message.subarray(12, end),
  ]);
  return Buffer.concat([header, ...records]);
}

/** A name server on the loopback that answers SRV and A queries for exact names; for tests. */
export async function nameServer(zone: Zone): Promise<{ readonly address: string; close(): void }> {
  const socket = createSocket("udp4");
  socket.on("message", (message, peer) => socket.send(answer(zone, message), peer.port, peer.address));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { address: `127.0.0.1:${socket.address().port}`, close: () => void socket.close() };
}
