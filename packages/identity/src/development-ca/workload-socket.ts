// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, rm } from "node:fs/promises";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { dirname, isAbsolute } from "node:path";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { SpiffeWorkloadAPIDefinition } from "@nsm/api";
import { type Clock, Code, StatusError } from "@nsm/core";
import { FETCH_X509_SVID, SECURITY_HEADER } from "../workload-api/protocol.js";
import type { Workload } from "./workload.js";

type Call = ServerWritableStream<Uint8Array, Uint8Array>;

const bytes = { serialize: (value: Uint8Array) => Buffer.from(value), deserialize: (value: Buffer) => value };

const service: ServiceDefinition = {
  [SpiffeWorkloadAPIDefinition.methods.fetchX509SVID.name]: {
    path: FETCH_X509_SVID,
    requestStream: false,
    responseStream: true,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  },
};

/** Longest path a `sockaddr_un` holds, without its closing zero byte (unix(7)). */
const MAX_UNIX_PATH_BYTES = 107;
/** How long clients may take to close their connections, milliseconds. */
const STOP_GRACE_MS = 1000;

/** A listening socket and the connections made on it. */
interface Listening {
  readonly listener: NetServer;
  readonly sockets: Set<Socket>;
  /** Ends the connections once nothing runs on them. */
  drain(): void;
}

/** The Workload API on the socket of one workload. */
export class WorkloadSocket {
  readonly workload: Workload;
  readonly #clock: Clock;
  #listening: Listening | undefined;

  /** @throws INVALID_ARGUMENT CA_SOCKET for a path that no socket can have */
  constructor(workload: Workload, clock: Clock) {
    const { socketPath } = workload.options;
    if (!isAbsolute(socketPath) || Buffer.byteLength(socketPath) > MAX_UNIX_PATH_BYTES) {
      const what = `is relative or longer than ${MAX_UNIX_PATH_BYTES} bytes`;
      throw new StatusError(Code.INVALID_ARGUMENT, `the path of the socket "${socketPath}" ${what}`, {
        reason: "CA_SOCKET",
      });
    }
    this.workload = workload;
    this.#clock = clock;
  }

  /**
   * Listens; a file left at the path is removed, missing folders are made, everybody may connect.
   * @throws UNAVAILABLE CA_SOCKET `cannot listen on <path>: <cause>`
   */
  async start(): Promise<void> {
    if (this.#listening !== undefined) return;
    const { socketPath } = this.workload.options;
    const listening = this.#open();
    this.#listening = listening;
    try {
      await rm(socketPath, { force: true });
      await mkdir(dirname(socketPath), { recursive: true });
      await listen(listening.listener, socketPath);
      await chmod(socketPath, 0o777);
      if (this.#listening !== listening) throw new Error("stopped meanwhile");
    } catch (error) {
      if (this.#listening === listening) this.#listening = undefined;
      listening.listener.close();
      throw new StatusError(Code.UNAVAILABLE, `cannot listen on ${socketPath}: ${(error as Error).message}`, {
        reason: "CA_SOCKET",
        cause: error,
      });
    }
  }

  /** Ends all calls as UNAVAILABLE, so that clients try again, and removes the socket. Safe to call twice. */
  async stop(): Promise<void> {
    const listening = this.#listening;
    if (listening === undefined) return;
    this.#listening = undefined;
    this.workload.endAll(Code.UNAVAILABLE, "the Workload API stops");
    await new Promise<void>((resolve) => {
      // a client that reads nothing, or whose connection is in a state that Node.js never ends, must not keep us
      const timer = this.#clock.setTimeout(() => {
        for (const socket of listening.sockets) socket.destroy();
      }, STOP_GRACE_MS);
      listening.listener.close(() => {
        timer.cancel();
        resolve();
      });
      listening.drain();
    });
    await rm(this.workload.options.socketPath, { force: true });
  }

  #open(): Listening {
    const server = new Server({ "grpc.enable_channelz": 0 });
    server.addService(service, {
      [SpiffeWorkloadAPIDefinition.methods.fetchX509SVID.name]: (call: Call) => this.#serve(call),
    });
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    const sockets = new Set<Socket>();
    const listener = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      // HTTP/2 may have let go of the socket before it fails
      socket.on("error", () => {});
      injector.injectConnection(socket);
    });
    return { listener, sockets, drain: () => injector.destroy() };
  }

  #serve(call: Call): void {
    const end = (code: Code, text: string): void => {
      // grpc-js takes an error event for the status of the call
      call.emit("error", Object.assign(new Error(text), { code, details: text, metadata: new Metadata() }));
    };
    const values = call.metadata.get(SECURITY_HEADER.key);
    if (values.length !== 1 || values[0] !== SECURITY_HEADER.value) {
      end(Code.INVALID_ARGUMENT, "security header missing from request");
      return;
    }
    const remove = this.workload.add({ send: (response) => void call.write(response), end });
    for (const event of ["cancelled", "close", "finish"]) call.on(event, remove);
  }
}

function listen(listener: NetServer, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(path, () => {
      listener.off("error", reject);
      // accept(2) may fail for want of descriptors; the listener goes on
      listener.on("error", () => {});
      resolve();
    });
  });
}
