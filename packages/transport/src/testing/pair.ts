// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, realClock, rootContext, Scope, type Services, silentLogger } from "@nsm/core";
import { type ConnectorOptions, createConnector, type SocketConnector } from "../client/connector.js";
import { listen, type Server, type ServerOptions } from "../server/server.js";

/** Servers and connectors of one test over real sockets, all closed by {@link TestSockets.close}. */
export class TestSockets {
  readonly context: Context = rootContext({ clock: realClock, log: silentLogger });
  readonly folder = mkdtempSync(join(tmpdir(), "nsm-"));
  readonly #scope = new Scope();
  #serial = 0;

  constructor() {
    this.#scope.add(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** A fresh address. */
  url(kind: "unix" | "tcp"): URL {
    return new URL(kind === "tcp" ? "tcp://127.0.0.1:0" : `unix://${this.folder}/${this.#serial++}.sock`);
  }

  async serve(
    urls: readonly URL[],
    services: Services,
    options: Partial<ServerOptions> = {},
  ): Promise<Server & { readonly url: URL }> {
    const server = await listen(urls, services, { context: this.context, ...options });
    this.#scope.add(() => server.close({ gracePeriodMs: 0 }));
    const [url] = server.urls;
    if (url === undefined) throw new RangeError("no URL to serve on");
    return Object.assign(server, { url });
  }

  connector(options: Partial<ConnectorOptions> = {}): SocketConnector {
    const connector = createConnector({ context: this.context, ...options });
    this.#scope.add(() => connector.close());
    return connector;
  }

  close(): Promise<void> {
    return this.#scope.run();
  }
}
