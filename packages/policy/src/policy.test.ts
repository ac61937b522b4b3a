// SPDX-License-Identifier: Apache-2.0
import { Code, type Logger, silentLogger } from "@nsm/core";
import { testIdentity, VirtualClock } from "@nsm/testkit";
import { allOf, nativePolicy } from "./policy.js";
import { Recent } from "./recent.js";
import { SignatureVerifier } from "./signatures.js";
import { decodeToken } from "./tokens.js";

const input = { auth_info: { certificate: "" } };

it("asks several in order, stops at the first failure and logs its name", async () => {
  const asked: string[] = [];
  const logged: object[] = [];
  const log: Logger = { ...silentLogger, warn: (fields, message) => logged.push({ fields, message }) };
  const answering = (name: string, allowed: boolean) =>
    nativePolicy(name, () => {
      asked.push(name);
      return allowed;
    });
  const policy = allOf([answering("a", true), answering("b", false), answering("c", true)], log);
  await expect(policy.check(input)).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  expect(asked).toEqual(["a", "b"]);
  expect(logged).toMatchObject([{ fields: { policy: "b" }, message: "policy failed" }]);
  await allOf([], log).check(input);
});

it("denies as INTERNAL what a rule cannot decide", async () => {
  const broken = nativePolicy("broken", () => {
    throw new TypeError("unexpected");
  });
  await expect(broken.check(input)).rejects.toMatchObject({ code: Code.INTERNAL, reason: "POLICY_FAILED" });
});

it("keeps the keys of the certificates used last, and no more than it may", async () => {
  const clock = new VirtualClock();
  const verifier = new SignatureVerifier(2);
  const identities = ["a", "b", "c"].map((name) =>
    testIdentity({ spiffeId: `spiffe://test.com/${name}`, clock }),
  );
  const check = async (identity: (typeof identities)[number]) => {
    const { token } = await identity.tokens().token({ peer: undefined, own: undefined });
    return verifier.isSignedBy(decodeToken(token)!, identity.peer.certificatePem);
  };
  for (const identity of [...identities, ...identities]) expect(await check(identity)).toBe(true);
  expect(verifier.size).toBe(2);
});

it("remembers what was used last", () => {
  const made: string[] = [];
  const recent = new Recent<string | undefined>(2);
  const get = (key: string) =>
    recent.get(key, () => {
      made.push(key);
      return key === "none" ? undefined : key;
    });
  for (const key of ["a", "none", "a", "none", "b", "none", "a"]) get(key);
  expect([made, recent.size]).toEqual([["a", "none", "b", "a"], 2]);
});

it("forgets what is over as soon as something else comes, and an own value that is over at once", () => {
  const over = new Set<string>();
  const recent = new Recent<string>(10, (value) => over.has(value));
  const get = (key: string) => recent.get(key, () => key);
  for (const key of ["a", "b", "c", "a"]) get(key);
  over.add("b").add("c");
  get("a");
  expect(recent.size).toBe(3);
  get("d");
  expect(recent.size).toBe(2);
  over.add("a").add("d").add("e");
  expect([get("e"), recent.size]).toEqual(["e", 0]);
});

it("never takes a token verified for one certificate for signed by another", async () => {
  const clock = new VirtualClock();
  const [a, b] = ["a", "b"].map((name) => testIdentity({ spiffeId: `spiffe://test.com/${name}`, clock }));
  const token = decodeToken((await a!.tokens().token({ peer: undefined, own: undefined })).token)!;
  const verifier = new SignatureVerifier();
  const answers = [a, b, a, b].map((identity) => verifier.isSignedBy(token, identity!.peer.certificatePem));
  expect(answers).toEqual([true, false, true, false]);
});
