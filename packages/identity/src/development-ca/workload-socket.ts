// SPDX-License-Identifier: Apache-2.0
import { chmod, mkdir, rm } from "node:fs/promises";
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

/** The Workload API on the socket of one workload. */
export class WorkloadSocket {
  readonly workload: Workload;
  readonly #clock: Clock;
  #server: Server | undefined;

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
    if (this.#server !== undefined) return;
    const { socketPath } = this.workload.options;
    const server = new Server({ "grpc.enable_channelz": 0 });
    server.addService(service, {
      [SpiffeWorkloadAPIDefinition.methods.fetchX509SVID.name]: (call: Call) => this.#serve(call),
    });
    this.#server = server;
    try {
      await rm(socketPath, { force: true });
      await mkdir(dirname(socketPath), { recursive: true });
      await bind(server, socketPath);
      await chmod(socketPath, 0o777);
    } catch (error) {
      this.#server = undefined;
      server.forceShutdown();
      throw new StatusError(Code.UNAVAILABLE, `cannot listen on ${socketPath}: ${(error as Error).message}`, {
        reason: "CA_SOCKET",
        cause: error,
      });
    }
  }

  /** Ends all calls as UNAVAILABLE, so that clients try again, and removes the socket. Safe to call twice. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.workload.endAll(Code.UNAVAILABLE, "the Workload API stops");
    await new Promise<void>((resolve) => {
      // a client that reads nothing, or is gone without a word, must not keep us; grpc-js may not even call back then
      const timer = this.#clock.setTimeout(() => {
        server.forceShutdown();
        resolve();
      }, STOP_GRACE_MS);
      server.tryShutdown(() => {
        timer.cancel();
        resolve();
      });
    });
    await rm(this.workload.options.socketPath, { force: true });
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

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}
