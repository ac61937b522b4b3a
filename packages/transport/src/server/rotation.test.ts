// SPDX-License-Identifier: Apache-2.0
import { MonitorScopeSelector } from "@nsm/api";
import { incomingCall, type NetworkServiceElement, realClock, silentLogger } from "@nsm/core";
import { requestWith, testIdentity, testIdentitySource } from "@nsm/testkit";
import { mutualTls } from "../security/index.js";
import { TestSockets } from "../testing/pair.js";

const { signal } = new AbortController();
const identityOf = (name: string) =>
  testIdentity({ spiffeId: `spiffe://test.com/${name}`, clock: realClock });

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

/** Answers with the SVID that the call's connection showed. */
const presented: NetworkServiceElement = {
  name: "presented",
  async request(ctx, { connection }) {
    return { ...connection, labels: { serial: ctx.get(incomingCall)?.own?.serial ?? "" } };
  },
};

it.each(["unix", "tcp"] as const)(
  "after a rotation of the server's SVID the next calls over %s come on connections that show the new one, and a stream goes on",
  async (kind) => {
    const [first, second, client] = [identityOf("server"), identityOf("server"), identityOf("client")];
    const options = { clock: realClock, log: silentLogger };
    const source = testIdentitySource(first, client);
    let events = 0;
    let next = (): void => {};
    const server = await sockets.serve(
      [sockets.url(kind)],
      {
        networkService: presented,
        monitor: {
          async *monitorConnections() {
            for (;;) {
              yield { type: 0, connections: {} };
              await new Promise<void>((resolve) => {
                next = resolve;
              });
            }
          },
        },
      },
      { security: mutualTls(source, options) },
    );
    const connector = sockets.connector({
      security: mutualTls(testIdentitySource(client, first, second), options),
    });
    const ask = async (): Promise<string | undefined> => {
      const channel = await connector.connect(server.url, { scope: "pooled", signal });
      const { labels } = await channel.networkService.request(sockets.context, requestWith());
      channel.close();
      return labels.serial;
    };
    expect(await ask()).toBe(first.svid.serial);
    const watching = await connector.connect(server.url, { scope: "pooled", signal });
    const stream = watching.monitor
      .monitorConnections(sockets.context, MonitorScopeSelector.create())
      [Symbol.asyncIterator]();
    if (!(await stream.next()).done) events += 1;
    source.rotate(second);
    let asked = 0;
    while ((await ask()) !== second.svid.serial && asked++ < 50) await new Promise(setImmediate);
    expect(asked).toBeLessThan(50);
    next();
    if (!(await stream.next()).done) events += 1;
    expect(events).toBe(2);
    watching.close();
  },
);

it.each(["unix", "tcp"] as const)(
  "no call over %s meets rotations, though they come during handshakes and calls",
  async (kind) => {
    const [first, client] = [identityOf("server"), identityOf("client")];
    const svids = Array.from({ length: 20 }, () => identityOf("server"));
    const options = { clock: realClock, log: silentLogger };
    const source = testIdentitySource(first, client);
    const server = await sockets.serve(
      [sockets.url(kind)],
      { networkService: presented },
      { security: mutualTls(source, options) },
    );
    const connector = sockets.connector({
      security: mutualTls(testIdentitySource(client, first, ...svids), options),
    });
    let rotating = true;
    const ask = async (): Promise<void> => {
      while (rotating) {
        const channel = await connector.connect(server.url, { scope: "pooled", signal });
        for (let i = 0; i < 5; i++) await channel.networkService.request(sockets.context, requestWith());
        channel.close();
      }
    };
    const asking = Promise.all(Array.from({ length: 8 }, ask));
    asking.catch(() => {});
    for (const svid of svids) {
      source.rotate(svid);
      for (let turn = 0; turn < 40; turn++) await new Promise(setImmediate);
    }
    rotating = false;
    await asking;
  },
);
