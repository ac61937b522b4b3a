// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import { CHUNK_BYTES, type Messages } from "./message.js";
import type { Timers } from "./table.js";

/** Pieces from this size on are sent where they lie; smaller neighbours are copied together into one call. */
const DIRECT_BYTES = 16 * 1024;

/**
 * Bytes on their way out and the descriptors that go with the first of them. A descriptor that no bytes follow is closed
 * after a time: what it belonged to was never written.
 */
export class SendQueue {
  #pieces: Buffer[] = [];
  #descriptors: number[] = [];
  /** How many descriptors were added ever. */
  #added = 0;
  #timer: { cancel(): void } | undefined;

  /** @param waitMs how long a descriptor waits for bytes at least; at most twice as long */
  constructor(
    private readonly timers: Timers,
    private readonly waitMs: number,
  ) {}

  /** Whether all bytes were sent; descriptors may still wait for bytes. */
  get empty(): boolean {
    return this.#pieces.length === 0;
  }

  /** Appends bytes; they must stay unchanged until sent. */
  addBytes(bytes: Buffer): void {
    if (bytes.length > 0) this.#pieces.push(bytes);
  }

  /** Appends a descriptor; the queue closes it once sent. */
  addDescriptor(fd: number): void {
    this.#descriptors.push(fd);
    this.#added += 1;
    this.#watch();
  }

  /** Takes out up to `count` descriptors, the first ones first. */
  takeDescriptors(count: number): number[] {
    const taken = this.#descriptors.splice(0, count);
    if (this.#descriptors.length === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    return taken;
  }

  /** Forgets the bytes. */
  clearBytes(): void {
    this.#pieces = [];
  }

  /**
   * Sends once. More descriptors than one message takes go with one byte each time: whatever the peer reads first
   * carries them.
   *
   * @returns number of bytes taken, or a negative errno
   */
  sendOnce(fd: number, messages: Messages, maxDescriptors: number): number {
    const count =
      this.#descriptors.length > 0
        ? this.#sendDescriptors(fd, messages, maxDescriptors)
        : this.#sendBytes(fd, messages);
    if (count > 0) this.#drop(count);
    return count;
  }

  /** Closes those that wait now and still do when the time is over. */
  #watch(): void {
    if (this.#timer !== undefined || this.#descriptors.length === 0) return;
    const added = this.#added;
    const closeOld = (): void => {
      this.#timer = undefined;
      const sent = this.#added - this.#descriptors.length;
      for (const old of this.takeDescriptors(Math.max(0, added - sent))) closeSync(old);
      this.#watch();
    };
    this.#timer = this.timers.setTimeout(closeOld, this.waitMs, true);
  }

  #sendDescriptors(fd: number, messages: Messages, maxDescriptors: number): number {
    const batch = this.#descriptors.slice(0, maxDescriptors);
    const maxBytes = batch.length < this.#descriptors.length ? 1 : CHUNK_BYTES;
    const count = messages.sendTogether(fd, this.#pieces, maxBytes, batch);
    if (count > 0) for (const sent of this.takeDescriptors(batch.length)) closeSync(sent);
    return count;
  }

  #sendBytes(fd: number, messages: Messages): number {
    const [first] = this.#pieces;
    if (first === undefined) return 0;
    return this.#pieces.length === 1 || first.length >= DIRECT_BYTES
      ? messages.send(fd, first)
      : messages.sendTogether(fd, this.#pieces, CHUNK_BYTES, []);
  }

  #drop(bytes: number): void {
    let rest = bytes;
    let whole = 0;
    for (const piece of this.#pieces) {
      if (piece.length > rest) break;
      rest -= piece.length;
      whole++;
    }
    this.#pieces.splice(0, whole);
    const [first] = this.#pieces;
    if (first !== undefined && rest > 0) this.#pieces[0] = first.subarray(rest);
  }
}
