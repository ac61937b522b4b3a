// SPDX-License-Identifier: Apache-2.0
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Code, type PolicyInput } from "@nsm/core";
import { testIdentity, VirtualClock } from "@nsm/testkit";
import { type CompiledPolicy, readCompiled } from "../compiled.js";
import { LIBRARY_BUILTINS, MAX_INPUT_BYTES, wasmPolicy } from "./policy.js";

const clock = new VirtualClock();
const fixtures = fileURLToPath(new URL("../../fixtures", import.meta.url));
const probe = wasmPolicy(readCompiled(fixtures, "probe.tar.gz"), clock);

const nobody = { auth_info: { certificate: "" } };
const denied = { code: Code.PERMISSION_DENIED, message: "no sufficient privileges", reason: "POLICY_DENIED" };
const failed = (text: string) => ({
  code: Code.INTERNAL,
  reason: "POLICY_FAILED",
  message: expect.stringContaining(text),
});

const client = testIdentity({ spiffeId: "spiffe://test.com/client", clock });
const server = testIdentity({ spiffeId: "spiffe://test.com/server", clock });
const tokenFor = async (lifetimeMs = 60_000): Promise<string> =>
  (await client.tokens({ lifetimeMs }).token({ peer: server.peer, own: undefined })).token;

/** A call of the client with the given token. */
const called = (token: string, rule: string, id: string, certificate = client.peer.certificatePem) => ({
  auth_info: { certificate },
  index: 1,
  path_segments: [{ token }, { token: "own" }],
  resource_name: rule,
  resource_id: id,
});

describe("a compiled policy", () => {
  it("T-10 with nothing but a true default passes an empty input", async () => {
    await wasmPolicy(readCompiled(fixtures, "always.tar.gz"), clock).check({} as PolicyInput);
    await wasmPolicy(readCompiled(fixtures, "always.tar.gz"), clock).check(nobody);
  });

  it("passes what is true and denies what is false", async () => {
    await probe.check({ ...nobody, path_segments: [{ token: "allowed" }] });
    await expect(probe.check({ ...nobody, path_segments: [{ token: "other" }] })).rejects.toMatchObject(
      denied,
    );
    await expect(probe.check(nobody)).rejects.toMatchObject(denied);
  });

  it("reads the data of its bundle", async () => {
    const owner = (id: string) => ({ ...nobody, resource_name: "data", resource_id: id });
    await probe.check(owner("spiffe://test.com/owner"));
    await expect(probe.check(owner("spiffe://test.com/thief"))).rejects.toMatchObject(denied);
    const withoutData = wasmPolicy({ ...readCompiled(fixtures, "probe.tar.gz"), data: {} }, clock);
    await expect(withoutData.check(owner("spiffe://test.com/owner"))).rejects.toMatchObject(denied);
  });

  it.each([
    ["undefined", "its rule valid is undefined"],
    ["text", "its rule valid is string"],
    ["conflict", "conflict"],
    ["memory", "policy probe.tar.gz cannot decide"],
  ])(
    "denies as INTERNAL what is %s, and decides the next call as if nothing had been",
    async (name, text) => {
      for (let i = 0; i < 3; i++) {
        await expect(
          probe.check({ ...nobody, resource_name: name, resource_id: "id" }),
        ).rejects.toMatchObject(failed(text));
      }
      await probe.check({ ...nobody, path_segments: [{ token: "allowed" }] });
    },
  );

  it("denies inputs that are too long", async () => {
    const token = "x".repeat(MAX_INPUT_BYTES);
    await expect(probe.check({ ...nobody, path_segments: [{ token }] })).rejects.toMatchObject(
      failed(`${MAX_INPUT_BYTES} are allowed`),
    );
    await probe.check({ ...nobody, path_segments: [{ token: token.slice(1000) }, { token: "allowed" }] });
  });

  it("forgets each call: many take no more memory than one", async () => {
    const token = "x".repeat(16_384);
    for (let i = 0; i < 5000; i++) {
      // 80 MiB, more than it may have
      await probe.check({ ...nobody, path_segments: [{ token }, { token: "allowed" }] });
    }
  });
});

describe("tokens in a compiled policy", () => {
  const id = client.peer.spiffeId;

  it("are decoded and verified", async () => {
    const token = await tokenFor();
    await probe.check(called(token, "jwt", id));
    await probe.check(called(token, "decode_verify", server.peer.spiffeId));
    for (const input of [
      called(token, "jwt", "spiffe://test.com/other"),
      called(token, "jwt", id, server.peer.certificatePem),
      called(token, "jwt", id, ""),
      called(`${token}A`, "jwt", id),
      called("text", "jwt", id),
      called(token, "decode_verify", id),
      called(token, "decode_verify", server.peer.spiffeId, server.peer.certificatePem),
    ]) {
      await expect(probe.check(input)).rejects.toMatchObject(denied);
    }
  });

  it("expire with the clock", async () => {
    const token = await tokenFor(2000);
    await probe.check(called(token, "jwt", id));
    await clock.advance(2001);
    await expect(probe.check(called(token, "jwt", id))).rejects.toMatchObject(denied);
    await expect(probe.check(called(token, "decode_verify", server.peer.spiffeId))).rejects.toMatchObject(
      denied,
    );
  });

  it("that cannot be decoded are undefined, not an error", async () => {
    await probe.check(called("text", "not", id));
    await expect(probe.check(called(await tokenFor(), "not", id))).rejects.toMatchObject(denied);
  });

  it("that OPA could judge and this cannot fail the policy, however it asks", async () => {
    const deep = Buffer.from(`{"a":${"[".repeat(70)}${"]".repeat(70)}}`).toString("base64url");
    const header = Buffer.from("{}").toString("base64url");
    await expect(probe.check(called(`${header}.${deep}.`, "not", id))).rejects.toMatchObject(
      failed("more than 64 levels"),
    );
    await expect(
      probe.check(called(await tokenFor(), "decode_verify", id, '{"kty":"EC"}')),
    ).rejects.toMatchObject(failed("JSON Web Keys are not offered"));
  });
});

describe("refused at the start is", () => {
  const { code, data } = readCompiled(fixtures, "probe.tar.gz");
  const refusal = (source: Partial<CompiledPolicy>): unknown => {
    try {
      return wasmPolicy({ path: "x.wasm", code, data, ...source }, clock);
    } catch (error) {
      return error;
    }
  };
  const unusable = (text: string) => ({
    code: Code.INVALID_ARGUMENT,
    reason: "POLICY_UNUSABLE",
    message: expect.stringMatching(new RegExp(`^policy x\\.wasm cannot be used: .*${text}`)),
  });
  /** The code with a text in it replaced by one of the same length. */
  const patched = (from: string, to: string): Uint8Array =>
    Buffer.from(Buffer.from(code).toString("latin1").replaceAll(from, to), "latin1");

  it.each([
    ["what is no WebAssembly", Buffer.from("text"), "WebAssembly"],
    ["WebAssembly of somebody else", Buffer.from("0061736d01000000", "hex"), "not made by OPA"],
    ["half a file", code.subarray(0, code.length / 2), "WebAssembly"],
    ["a policy without a rule valid", patched("nsm/probe/valid", "nsm/probe/value"), "nsm/probe/value"],
    [
      "a policy with functions nobody has",
      patched("io.jwt.decode_verify", "io.jwt.verify_hs256_"),
      "verify_hs256_",
    ],
  ])("%s", (_title, broken, text) => {
    expect(refusal({ code: broken })).toMatchObject(unusable(text));
  });

  it("nothing else", () => {
    expect(refusal({})).toMatchObject({ name: "x.wasm" });
  });
});

it("the functions that OPA's library is said to bring are those that it has", () => {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve("@open-policy-agent/opa-wasm"));
  expect(Object.keys(require(join(folder, "builtins/index.js"))).sort()).toEqual(LIBRARY_BUILTINS);
});
