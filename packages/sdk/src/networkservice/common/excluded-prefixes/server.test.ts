// SPDX-License-Identifier: Apache-2.0
import { start } from "@nsm/core";
import { elementContract, memoryWatchedFile, requestWith, testContext } from "@nsm/testkit";
import { excludedPrefixesServer } from "./index.js";

elementContract(() => excludedPrefixesServer(memoryWatchedFile(["10.0.0.0/8"])));

function setUp(content?: readonly string[]) {
  const file = memoryWatchedFile(content);
  const server = start(excludedPrefixesServer(file));
  const excluded = async (excludedPrefixes: string[] = []) => {
    const request = requestWith({ id: "a", context: { ipContext: { excludedPrefixes } } });
    return (await server.request(testContext(), request)).context.ipContext?.excludedPrefixes;
  };
  return { file, server, excluded };
}

describe("excluded-prefixes server", () => {
  it("adds the file's prefixes behind the request's, each once, merged and in order (server_test.go)", async () => {
    const { excluded } = setUp([
      "172.16.1.0/24",
      "10.20.8.0/21",
      "10.20.4.0/22",
      "fe80::/64",
      "10.20.5.0/24",
    ]);
    expect(await excluded(["100.1.1.0/13", "10.20.8.0/21"])).toEqual([
      "100.1.1.0/13",
      "10.20.8.0/21",
      "10.20.4.0/22",
      "172.16.1.0/24",
      "fe80::/64",
    ]);
  });

  it("follows the file: created later, changed, removed", async () => {
    const { file, excluded } = setUp();
    expect(await excluded()).toEqual([]);
    file.set(["10.0.0.0/8"]);
    expect(await excluded()).toEqual(["10.0.0.0/8"]);
    file.set(["172.16.0.0/16"]);
    expect(await excluded()).toEqual(["172.16.0.0/16"]);
    file.set(undefined);
    expect(await excluded(["1.0.0.0/8"])).toEqual(["1.0.0.0/8"]);
  });

  it("leaves out what is no prefix", async () => {
    expect(await setUp(["nonsense", "10.0.0.0/8"]).excluded()).toEqual(["10.0.0.0/8"]);
  });

  it("makes the context that a request lacks", async () => {
    const { server } = setUp(["10.0.0.0/8"]);
    const connection = await server.request(testContext(), requestWith({ id: "a" }));
    expect(connection.context.ipContext?.excludedPrefixes).toEqual(["10.0.0.0/8"]);
  });
});
