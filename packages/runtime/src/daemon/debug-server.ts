// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { Code, type Logger, StatusError } from "@nsm/core";
import type { DebugReport } from "./debug-report.js";

/** `sun_path` of unix(7) without its end; libuv cuts longer paths silently. */
const LONGEST_PATH_BYTES = 107;

/**
 * Serves `GET /` with a {@link DebugReport} as JSON over plain HTTP on a unix socket that only this user can
 * open. A stale socket is replaced.
 * @throws INVALID_ARGUMENT NSM_SOCKET_PATH; the system error of bind(2)
 */
export async function debugServer(
  path: string,
  report: () => Promise<DebugReport>,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    const text = `NSM_DEBUG_LISTEN_ON: ${path} is longer than ${LONGEST_PATH_BYTES} bytes`;
    throw new StatusError(Code.INVALID_ARGUMENT, text, { reason: "NSM_SOCKET_PATH" });
  }
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    const reply = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json", connection: "close" });
      response.end(`${JSON.stringify(body)}\n`);
    };
    if (request.url !== "/") return reply(404, { error: "only / is served" });
    if (request.method !== "GET") return reply(405, { error: "only GET is served" });
    report().then(
      (body) => reply(200, body),
      (error) => {
        log.error({ err: error }, "debug report failed");
        reply(500, { error: String(error) });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
