// SPDX-License-Identifier: Apache-2.0
import { counter, requestWith } from "@nsm/testkit";
import { TestSockets } from "./testing/pair.js";

let sockets: TestSockets;
beforeEach(() => {
  sockets = new TestSockets();
});
afterEach(() => sockets.close());

it("carries a request and a close over tcp", async () => {
  const count = counter();
  const server = await sockets.serve([sockets.url("tcp")], { networkService: count });
  const { signal } = sockets.context;
  const channel = await sockets.connector().connect(server.url, { scope: "pooled", signal });
  const request = requestWith({ id: "a", labels: { x: "y" } });
  const connection = await channel.networkService.request(sockets.context, request);
  expect(connection).toEqual(request.connection);
  await channel.networkService.close(sockets.context, connection);
  expect([count.requests, count.closes]).toEqual([1, 1]);
});
