// SPDX-License-Identifier: Apache-2.0
import { Code } from "@nsm/core";
import { testContext } from "./contexts.js";
import { memoryDescriptors, memoryLinkPair } from "./memory-descriptors.js";

const ctx = testContext();

describe("descriptors in memory", () => {
  it("are counted until they are closed, once each", async () => {
    const table = memoryDescriptors();
    const [first, second] = [await table.open("/a"), await table.open("/a")];
    expect(table.openCount).toBe(2);
    first.close();
    first.close();
    expect(table.openCount).toBe(1);
    second.close();
    expect(table.openCount).toBe(0);
  });

  it("of one path are one file, of two paths two, also when opened by the path of a descriptor", async () => {
    const table = memoryDescriptors();
    const [a, again, b] = [await table.open("/a"), await table.open("/a"), await table.open("/b")];
    expect([again.ino === a.ino, b.ino === a.ino]).toEqual([true, false]);
    expect(again.path).not.toBe(a.path);
    const copy = table.duplicate(a);
    expect((await table.open(copy.path)).ino).toBe(a.ino);
  });

  it("arrive at the other end as duplicates, once each", async () => {
    const table = memoryDescriptors();
    const [client, server] = memoryLinkPair(table);
    const sent = await table.open("/a");
    client.send(sent);
    sent.close();
    expect(table.openCount).toBe(1);
    const received = await server.receive(sent, ctx);
    expect([received.ino, received.path === sent.path]).toEqual([sent.ino, false]);
    await expect(server.receive(sent, ctx)).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      reason: "DESCRIPTOR_NOT_RECEIVED",
      message: `descriptor inode://4/${sent.ino} was not received`,
    });
    received.close();
    expect(table.openCount).toBe(0);
  });

  it("do not come back to the end that sent them", async () => {
    const table = memoryDescriptors();
    const [client] = memoryLinkPair(table);
    const sent = await table.open("/a");
    client.send(sent);
    await expect(client.receive(sent, ctx)).rejects.toThrow("was not received");
  });

  it("are closed with their connection when nobody received them, and not sent any more", async () => {
    const table = memoryDescriptors();
    const [client, server, close] = memoryLinkPair(table);
    const sent = await table.open("/a");
    client.send(sent);
    server.send(sent);
    expect(table.openCount).toBe(3);
    close();
    client.send(sent);
    expect(table.openCount).toBe(1);
    await expect(server.receive(sent, ctx)).rejects.toThrow("was not received");
  });
});
