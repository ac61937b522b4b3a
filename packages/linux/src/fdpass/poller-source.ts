// SPDX-License-Identifier: Apache-2.0

/** What the polling thread is started with. */
export interface PollerThreadData {
  /** Absolute path of koffi. */
  readonly koffi: string;
  readonly epoll: number;
  /** Shared words, see {@link controlWord}. */
  readonly control: Int32Array;
  readonly eventBytes: number;
  readonly dataOffset: number;
  /** Longest single wait. */
  readonly waitMs: number;
}

/** Indices into the words that the polling thread shares with its starter. */
export const controlWord = {
  /** Not 0: the thread ends at its next wake-up. */
  stop: 0,
  /** Number of connections; a thread that sees 0 in ten waits one after the other ends by itself. */
  connections: 1,
} as const;

const IDLE_ROUNDS = 10;

/**
 * The polling thread as a source text: in a daemon bundled into one file there is no second file to start it from.
 * It never returns to its event loop. Each message is a flat list of connection id and epoll events; the first
 * one is empty and says that the thread is up.
 */
export const pollerSource = `"use strict";
const { parentPort, workerData } = require("node:worker_threads");
const koffi = require(workerData.koffi);
const wait = koffi.load(null).func("int epoll_wait(int epfd, void *events, int maxevents, int timeout)");
const { epoll, control, eventBytes, dataOffset, waitMs } = workerData;
const most = 256;
const events = Buffer.from(new ArrayBuffer(most * eventBytes));
parentPort.postMessage([]);
let idle = 0;
while (Atomics.load(control, ${controlWord.stop}) === 0 && idle < ${IDLE_ROUNDS}) {
  const count = wait(epoll, events, most, waitMs);
  if (count < 0 && koffi.errno() !== 4) throw new Error("epoll_wait failed, errno " + koffi.errno());
  if (count <= 0) {
    idle = Atomics.load(control, ${controlWord.connections}) === 0 ? idle + 1 : 0;
    continue;
  }
  const ready = [];
  for (let i = 0; i < count; i++) {
    const id = events.readUInt32LE(i * eventBytes + dataOffset);
    if (id !== 0) ready.push(id, events.readUInt32LE(i * eventBytes));
  }
  if (ready.length > 0) parentPort.postMessage(ready);
}
`;
