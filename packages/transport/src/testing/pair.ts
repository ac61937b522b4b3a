// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, realClock, rootContext, Scope, type Services, silentLogger } from "@nsm/core";
import { testAuthority, testIdentitySource } from "@nsm/testkit";
import { type ConnectorOptions, createConnector, type SocketConnector } from "../client/connector.js";
import { type LinkSecurity, mutualTls } from "../security/index.js";
import { listen, type Server, type ServerOptions } from "../server/server.js";

/** What both ends of a test's connections are secured with; undefined: nothing. */
export interface TestSecurity {
  readonly server: LinkSecurity;
  readonly client: LinkSecurity;
}

/** Mutual TLS between `spiffe://test.com/server` and `spiffe://test.com/client`. */
export function testTls(): TestSecurity {
  const authority = testAuthority(realClock);
  const securityOf = (name: string): LinkSecurity =>
    mutualTls(
      testIdentitySource(
        authority.issue({ spiffeId: `spiffe://test.com/${name}`, clock: realClock }),
        authority,
      ),
      { clock: realClock, log: silentLogger },
    );
  return { server: securityOf("server"), client: securityOf("client") };
}

/** Titles and securities for `describe.each`: tests that hold with and without identity. */
export const SECURITIES: readonly (readonly [string, TestSecurity | undefined])[] = [
  ["plain", undefined],
  ["mutual TLS", testTls()],
];

/** The same for both kinds of sockets. */
export const KINDS = (["tcp", "unix"] as const).flatMap((kind) =>
  SECURITIES.map(([title, security]) => [kind, title, security] as const),
);

/** Servers and connectors of one test over real sockets, all closed by {@link TestSockets.close}. */
export class TestSockets {
  readonly context: Context = rootContext({ clock: realClock, log: silentLogger });
  #folder: string | undefined;
  readonly #scope = new Scope();
  readonly #security: TestSecurity | undefined;
  #serial = 0;

  /** @param security of servers and connectors that are not given one */
  constructor(security?: TestSecurity) {
    this.#security = security;
  }

  /** A folder of its own. */
  get folder(): string {
    if (this.#folder === undefined) {
      const made = mkdtempSync(join(tmpdir(), "nsm-"));
      this.#folder = made;
      this.#scope.add(() => rmSync(made, { recursive: true, force: true }));
    }
    return this.#folder;
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
    const server = await listen(urls, services, {
      context: this.context,
      ...(this.#security && { security: this.#security.server }),
      ...options,
    });
    this.#scope.add(() => server.close({ gracePeriodMs: 0 }));
    const [url] = server.urls;
    if (url === undefined) throw new RangeError("no URL to serve on");
    return Object.assign(server, { url });
  }

  connector(options: Partial<ConnectorOptions> = {}): SocketConnector {
    const connector = createConnector({
      context: this.context,
      ...(this.#security && { security: this.#security.client }),
      ...options,
    });
    this.#scope.add(() => connector.close());
    return connector;
  }

  close(): Promise<void> {
    return this.#scope.run();
  }
}
