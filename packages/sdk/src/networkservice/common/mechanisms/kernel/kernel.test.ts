// SPDX-License-Identifier: Apache-2.0
import { newMechanism, OWN_NETNS_URL } from "@nsm/api";
import { chain, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { metadataServer } from "../../../utils/metadata/index.js";
import { interfaceNameGenerator, kernelClient, kernelServer } from "./index.js";

elementContract(() => kernelClient());
elementContract(() => kernelServer(), { before: () => [metadataServer()] });

const ctx = testContext();

describe("interface name generator", () => {
  it.each([
    ["a-rather-long-service", /^a-rather-l-[0-9A-Za-z]{4}$/],
    ["ns", /^ns-[0-9A-Za-z]{12}$/],
    ["a/b c:d", /^a-b-c-d-[0-9A-Za-z]{7}$/],
  ])("makes of %s a name of 15 characters", (service, pattern) => {
    const name = interfaceNameGenerator()(service);
    expect(name).toMatch(pattern);
    expect(name).toHaveLength(15);
  });

  it("N-1 gives 50 000 connections of a service different names", () => {
    const generate = interfaceNameGenerator();
    const names = new Set(Array.from({ length: 50_000 }, () => generate("ns")));
    expect(names.size).toBe(50_000);
  });

  it("N-2 prefers no character: each one's share is within 5 % of an equal one", () => {
    const generate = interfaceNameGenerator();
    const counts = new Map<string, number>();
    const DRAWN = 50_000;
    for (let i = 0; i < DRAWN; i++) {
      for (const character of generate("ns").slice(3))
        counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    const equal = (DRAWN * 12) / 62; // some 9700: 5 % are five standard deviations
    expect(counts.size).toBe(62);
    for (const count of counts.values()) expect(Math.abs(count / equal - 1)).toBeLessThan(0.05);
  });

  it("N-3 draws from the given source", () => {
    expect(interfaceNameGenerator(() => 61)("ns")).toBe("ns-zzzzzzzzzzzz");
  });
});

describe("kernel client", () => {
  async function preferencesAfter(
    element: ReturnType<typeof kernelClient>,
    ...before: ReturnType<typeof newMechanism>[]
  ) {
    const seen = capture();
    const client = start(chain("test", element, seen));
    await client.request(ctx, requestWith({ networkService: "icmp" }, before));
    return seen.lastRequest!.mechanismPreferences;
  }

  it("adds a preference with the own namespace and a cut fixed name when there is none", async () => {
    const preferences = await preferencesAfter(
      kernelClient({ interfaceName: "a-very-long-interface" }),
      newMechanism("LOCAL", "MEMIF"),
    );
    expect(preferences).toMatchObject([
      { type: "MEMIF" },
      { cls: "LOCAL", type: "KERNEL", parameters: { inodeURL: OWN_NETNS_URL, name: "a-very-long-int" } },
    ]);
  });

  it("completes those there are, replaces a wrong namespace, keeps a name", async () => {
    const given = newMechanism("LOCAL", "KERNEL", { inodeURL: "file:///wrong", name: "mine" });
    const preferences = await preferencesAfter(
      kernelClient({ generateName: () => "generated" }),
      given,
      newMechanism("LOCAL", "KERNEL"),
    );
    expect(preferences.map(({ parameters }) => parameters)).toEqual([
      { inodeURL: OWN_NETNS_URL, name: "mine" },
      { inodeURL: OWN_NETNS_URL, name: "generated" },
    ]);
  });

  it("adds nothing when repeated", async () => {
    const once = await preferencesAfter(kernelClient());
    expect(await preferencesAfter(kernelClient(), ...once)).toEqual(once);
  });

  it("fails with its name generator", async () => {
    const generateName = (): string => {
      throw new Error("no randomness");
    };
    await expect(preferencesAfter(kernelClient({ generateName }))).rejects.toThrow("no randomness");
  });
});

describe("kernel server", () => {
  it("completes the KERNEL mechanism of a connection and keeps its name over a refresh", async () => {
    const server = start(chain("test", metadataServer(), kernelServer()));
    const first = await server.request(
      ctx,
      requestWith({ networkService: "icmp", mechanism: newMechanism("LOCAL", "KERNEL") }),
    );
    const { inodeURL, name } = first.mechanism!.parameters;
    expect(inodeURL).toBe(OWN_NETNS_URL);
    expect(name).toMatch(/^icmp-/);
    const again = await server.request(ctx, { connection: first, mechanismPreferences: [] });
    expect(again.mechanism?.parameters.name).toBe(name);
  });

  it("names a connection as before when the mechanism comes without its name, until it is closed", async () => {
    const server = start(chain("test", metadataServer(), kernelServer()));
    const ask = (id: string) =>
      server.request(
        ctx,
        requestWith({ id, networkService: "icmp", mechanism: newMechanism("LOCAL", "KERNEL") }),
      );
    const nameOf = async (id: string) => (await ask(id)).mechanism?.parameters.name;
    const name = await nameOf("a");
    expect(await nameOf("a")).toBe(name);
    expect(await nameOf("b")).not.toBe(name);
    await server.close(ctx, await ask("a"));
    expect(await nameOf("a")).not.toBe(name);
  });

  it("takes a name that the hop before asks for in place of the former one", async () => {
    const server = start(chain("test", metadataServer(), kernelServer()));
    const ask = (parameters: Record<string, string>) =>
      server.request(ctx, requestWith({ id: "a", mechanism: newMechanism("LOCAL", "KERNEL", parameters) }));
    await ask({});
    expect((await ask({ name: "mine" })).mechanism?.parameters.name).toBe("mine");
    expect((await ask({})).mechanism?.parameters.name).toBe("mine");
  });

  it("leaves other mechanisms and connections without one alone", async () => {
    const server = start(chain("test", metadataServer(), kernelServer()));
    for (const mechanism of [newMechanism("REMOTE", "VXLAN"), undefined]) {
      const connection = await server.request(ctx, requestWith({ mechanism }));
      expect(connection.mechanism).toEqual(mechanism);
    }
  });
});
