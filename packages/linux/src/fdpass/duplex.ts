// SPDX-License-Identifier: Apache-2.0
import { close, closeSync } from "node:fs";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { acceptDescriptor } from "./accept.js";
import {
  duplicate,
  EAGAIN,
  EINTR,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  identify,
  peerPidfdOf,
  peerUcred,
  shutdownBoth,
  shutdownWriting,
} from "./bindings.js";
import { FdPassError, systemCallError } from "./errors.js";
import { MAX_DESCRIPTORS_PER_MESSAGE } from "./message.js";
import { type FdDuplexOptions, resolveOptions } from "./options.js";
import { releaseSocket } from "./release.js";
import { SendQueue } from "./send-queue.js";
import { type Shared, shared } from "./shared.js";
import { DescriptorTable, type InodeKey, type ReceivedFd } from "./table.js";

/** Process at the other end when the connection was made (unix(7), SO_PEERCRED). */
export interface PeerCredentials {
  /** 0 when the process is outside our pid namespace. Names a process only while that lives: see `openPeerPidfd`. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

type Callback = (error?: Error | null) => void;

const READS_PER_TURN = 16;
const GONE = EPOLLHUP | EPOLLRDHUP | EPOLLERR;

/**
 * A connected unix stream socket that carries file descriptors beside its bytes (unix(7), SCM_RIGHTS), for use
 * below TLS or HTTP/2. The stream of bytes is that of the socket, unframed.
 *
 * - Sending: {@link queueDescriptor} before the bytes that the descriptor belongs to are written.
 * - Receiving: arrived descriptors wait in a bounded table until {@link claim}; they are there before the bytes
 *   that came along are seen by a reader.
 * - End: when the peer ends its direction, the event `peerEnd` is emitted at once and `end` when all bytes were
 *   read; with `end` the connection is destroyed (after writing what is pending), and at the latest when nothing
 *   moved for a while. A peer that only half closes gets no answer later than that: HTTP/2 has no use for it.
 *   Our own `end()` does half close, and reading goes on.
 * - A new object keeps the process alive, as a `net.Socket` does, until {@link unref}.
 *
 * Errors of the connection are those of the system calls (`code` is `ECONNRESET`, `EPIPE`, ...), or
 * {@link FdPassError} with `FD_FLOOD`.
 */
export class FdDuplex extends Duplex {
  /** Unsigned number that no other open connection of this process has. */
  readonly connectionId: number;
  /** Bytes read from the connection. */
  bytesRead = 0;
  /** Bytes that the kernel has taken. */
  bytesWritten = 0;

  readonly #shared: Shared = shared();
  readonly #fd: number;
  readonly #socketDevice: bigint;
  readonly #credentials: PeerCredentials;
  readonly #options: Required<FdDuplexOptions>;
  readonly #table: DescriptorTable;
  readonly #queue: SendQueue;
  #writeDone: Callback | undefined;
  #wantRead = false;
  #wantWrite = false;
  /** The last read found nothing and a report of new bytes is asked for. */
  #drained = false;
  #pumping = false;
  #peerGone = false;
  #peerEnded = false;
  #stallTimer: { cancel(): void } | undefined;
  #progress = "";
  #referenced = true;

  /**
   * Takes over a connected unix socket: its descriptor is duplicated, the original destroyed, no byte is lost.
   * Of a listener use `pauseOnConnect`, else Node may read first bytes (kept) with descriptors (lost). A
   * connecting socket is fine when the peer does not speak first.
   *
   * @throws FdPassError FD_UNUSABLE for a socket that is not connected, has been ended or destroyed, or has
   *   unsent bytes
   */
  static adopt(socket: Socket, options: FdDuplexOptions): FdDuplex {
    const resolved = resolveOptions(options);
    const { fd, head } = releaseSocket(socket);
    try {
      return new FdDuplex(fd, head, resolved);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private constructor(fd: number, head: readonly Buffer[], options: Required<FdDuplexOptions>) {
    super({ allowHalfOpen: true, highWaterMark: options.highWaterMarkBytes });
    this.#fd = fd;
    this.#options = options;
    this.#queue = new SendQueue(options.timers, options.unclaimedMs);
    this.#socketDevice = identify(fd).dev;
    this.#credentials = peerUcred(fd);
    const { poller, counters } = this.#shared;
    const limits = {
      maxUnclaimed: options.maxUnclaimed,
      maxBurst: options.maxBurst,
      burstMs: options.burstMs,
      maxAgeMs: options.unclaimedMs,
    };
    this.#table = new DescriptorTable(options.timers, limits, counters, (reason) => this.destroy(reason));
    this.connectionId = poller.add({
      fd,
      ready: (events) => this.#ready(events),
      pollerFailed: (error) => this.destroy(error),
    });
    poller.ref();
    counters.connections++;
    for (const piece of head) this.push(piece);
    this.once("end", () => process.nextTick(() => this.#afterEnd()));
  }

  /** The process at the other end when the connection was made; stays known after the connection is closed. */
  get peerCredentials(): PeerCredentials {
    return this.#credentials;
  }

  /** Number of received descriptors that nobody has claimed. */
  get unclaimed(): number {
    return this.#table.unclaimed;
  }

  /** Keeps the process alive while the connection is open (the initial state). */
  ref(): this {
    if (!this.#referenced && !this.destroyed) {
      this.#referenced = true;
      this.#shared.poller.ref();
    }
    return this;
  }

  /** Lets the process end although the connection is open. */
  unref(): this {
    if (this.#referenced) {
      this.#referenced = false;
      this.#shared.poller.unref();
    }
    return this;
  }

  /**
   * Sends a descriptor beside the next bytes written; at most 64 go with one message, the others with the
   * following ones. The descriptor is duplicated, the caller keeps its own. When no bytes follow for `unclaimedMs`, at
   * most twice as long, the duplicate is closed: the answer it belonged to was never written.
   *
   * @throws FdPassError FD_CLOSED
   */
  queueDescriptor(fd: number): void {
    if (this.destroyed || this.writableEnded) throw closedError();
    this.#queue.addDescriptor(duplicate(fd));
  }

  /**
   * Waits for a descriptor that the peer announced and takes it. The caller owns the result and has to close it.
   * Each call needs an arrival of its own.
   *
   * @param signal gives up early
   * @param waitMs how long to wait for one that is not there yet; default `claimWaitMs` of the options
   * @throws FdPassError FD_NOT_RECEIVED, FD_ABORTED, FD_CLOSED or FD_FLOOD
   */
  claim(inode: InodeKey, signal?: AbortSignal, waitMs = this.#options.claimWaitMs): Promise<ReceivedFd> {
    return this.#table.claim(inode, signal, waitMs);
  }

  /**
   * A new pidfd of the process at the other end, owned by the caller; undefined before Linux 6.5 and when that
   * process has been reaped.
   *
   * @throws FdPassError FD_CLOSED
   */
  openPeerPidfd(): number | undefined {
    if (this.destroyed) throw closedError();
    return peerPidfdOf(this.#fd);
  }

  /** As of every readable stream. */
  override read(bytes?: number): unknown {
    const piece: unknown = super.read(bytes);
    if (this.#peerEnded) this.#closeWhenRead();
    return piece;
  }

  override _read(): void {
    if (this.#peerEnded) return;
    this.#wantRead = true;
    if (!this.#drained) this.#pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Callback): void {
    this.#queue.addBytes(chunk);
    this.#writeDone = done;
    this.#flush();
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: Callback): void {
    for (const { chunk } of chunks) this.#queue.addBytes(chunk);
    this.#writeDone = done;
    this.#flush();
  }

  override _final(done: Callback): void {
    shutdownWriting(this.#fd);
    done();
  }

  override _destroy(error: Error | null, done: Callback): void {
    const { poller, counters } = this.#shared;
    this.unref();
    poller.remove(this.connectionId);
    counters.connections--;
    this.#stallTimer?.cancel();
    this.#table.close(error instanceof FdPassError ? error : closedError(error));
    for (const descriptor of this.#queue.takeDescriptors(Number.POSITIVE_INFINITY)) closeSync(descriptor);
    shutdownBoth(this.#fd);
    // Descriptors in flight are closed with the socket; foreign ones may block, so not on this thread.
    close(this.#fd, () => done(error));
  }

  #ready(events: number): void {
    const gone = (events & GONE) !== 0;
    if (gone) this.#peerGone = true;
    if (this.#wantWrite && (gone || (events & EPOLLOUT) !== 0)) {
      this.#wantWrite = false;
      this.#flush();
    }
    this.#drained = false;
    if (this.#wantRead) this.#pump();
    else this.#arm();
    if (gone) this.#watchForStall();
  }

  /** Asks for the next report; after a hang-up only for room to write, since that would be reported for ever. */
  #arm(): void {
    if (this.destroyed) return;
    const events =
      (this.#wantRead ? EPOLLIN : 0) | (this.#wantWrite ? EPOLLOUT : 0) | (this.#peerGone ? 0 : EPOLLRDHUP);
    if (events !== 0) this.#shared.poller.arm(this.connectionId, events);
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let i = 0; i < READS_PER_TURN && this.#wantRead && !this.destroyed; i++) {
        if (!this.#readOnce()) break;
      }
    } finally {
      this.#pumping = false;
    }
    this.#arm();
  }

  /** Reads what one call gives; false when there is nothing more for now. */
  #readOnce(): boolean {
    const { messages, namespaces } = this.#shared;
    const devices = { namespaces, sockets: this.#socketDevice };
    const count = messages.receive(this.#fd, (fd) => this.#table.add(acceptDescriptor(fd, devices)));
    if (this.destroyed) return false; // cut off for what came along
    if (count === -EAGAIN) {
      this.#drained = true;
      return false;
    }
    if (count === -EINTR) return true;
    if (count < 0) {
      this.destroy(systemCallError("recvmsg", -count));
      return false;
    }
    if (count === 0) {
      this.#endOfStream();
      return false;
    }
    this.bytesRead += count;
    // A reader may call for more while it handles these bytes; _read then sets this again.
    this.#wantRead = false;
    if (this.push(messages.received(count))) this.#wantRead = true;
    return true;
  }

  #endOfStream(): void {
    this.#wantRead = false;
    this.#peerGone = true;
    this.#peerEnded = true;
    if (this.#options.endAsClose) this.#closeWhenRead();
    else this.push(null);
    this.emit("peerEnd");
    this.#watchForStall();
  }

  /** With `endAsClose`: closes once the reader has everything; one that stays paused is watched for stalling. */
  #closeWhenRead(): void {
    if (!this.#options.endAsClose || this.readableLength > 0) return;
    process.nextTick(() => this.destroy());
  }

  /** All bytes of the peer were read: nothing more can come. */
  #afterEnd(): void {
    if (this.destroyed) return;
    if (this.writableLength === 0) this.destroy();
    else this.end();
  }

  /** Ends a connection whose peer has gone once nothing moves any more. */
  #watchForStall(): void {
    if (this.destroyed) return;
    this.#stallTimer?.cancel();
    const { timers, peerEndLingerMs, stallMs } = this.#options;
    const idle = this.#peerEnded && this.readableLength === 0 && this.writableLength === 0;
    this.#progress = this.#position();
    this.#stallTimer = timers.setTimeout(
      () => {
        if (this.#progress === this.#position()) this.destroy();
        else this.#watchForStall();
      },
      idle ? peerEndLingerMs : stallMs,
      true,
    );
  }

  #position(): string {
    return `${this.bytesRead} ${this.readableLength} ${this.bytesWritten}`;
  }

  #flush(): void {
    while (!this.#queue.empty) {
      const count = this.#queue.sendOnce(this.#fd, this.#shared.messages, MAX_DESCRIPTORS_PER_MESSAGE);
      if (count === -EAGAIN) {
        this.#wantWrite = true;
        this.#arm();
        return;
      }
      if (count === -EINTR) continue;
      if (count < 0) {
        this.#queue.clearBytes();
        this.#written(systemCallError("sendmsg", -count));
        return;
      }
      this.bytesWritten += count;
    }
    this.#written();
  }

  #written(error?: Error): void {
    const done = this.#writeDone;
    this.#writeDone = undefined;
    done?.(error);
  }
}

const closedError = (cause?: Error | null): FdPassError =>
  new FdPassError(
    "FD_CLOSED",
    "the connection that carries file descriptors is closed",
    cause ? { cause } : {},
  );

/** The process at the other end of a connection (SO_PEERCRED); `pid` is 0 outside our pid namespace. */
export const peerCredentials = (duplex: FdDuplex): PeerCredentials => duplex.peerCredentials;
