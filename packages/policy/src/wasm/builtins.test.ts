// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, sign } from "node:crypto";
import { testIdentity, VirtualClock } from "@nsm/testkit";
import { jwtBuiltins } from "./builtins.js";

const clock = new VirtualClock();
const nowSeconds = clock.now() / 1000;
const builtins = jwtBuiltins(() => clock.now() * 1e6);
const identity = testIdentity({ spiffeId: "spiffe://test.com/a", clock });
const cert = identity.peer.certificatePem;
const other = testIdentity({ spiffeId: "spiffe://test.com/b", clock }).peer.certificatePem;
const publicPem = (key: ReturnType<typeof generateKeyPairSync>["publicKey"]) =>
  key.export({ type: "spki", format: "pem" }) as string;
const rsa = publicPem(generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey);

const encode = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const signed = (text: string) => {
  const key = { key: identity.privateKey, dsaEncoding: "ieee-p1363" } as const;
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
};
const jwt = (header: unknown, payload: unknown) => signed(`${encode(header)}.${encode(payload)}`);
const head = { alg: "ES256", typ: "JWT" };
const good = jwt(head, { sub: "x" });
const [goodHead] = good.split(".") as [string];
const unsigned = `${encode(head)}.${encode({})}`;

type Answer = boolean | undefined;
const decodes = (token: unknown): boolean => builtins["io.jwt.decode"]!(token) !== undefined;
const verifies = (token: unknown, key: unknown = cert) =>
  builtins["io.jwt.verify_es256"]!(token, key) as Answer;
const decodeVerify = (token: unknown, constraints: unknown = { cert }) =>
  builtins["io.jwt.decode_verify"]!(token, constraints) as [boolean, object, object] | undefined;

// The answers are those of OPA 1.4.2 (opa eval) to the same tokens
it.each<[title: string, token: unknown, decoded: boolean, verified: Answer, both: Answer]>([
  ["a good token", good, true, true, true],
  ["nothing", "", false, undefined, undefined],
  ["a number", 7, false, undefined, undefined],
  ["two parts", "e30.e30", false, undefined, undefined],
  ["four parts", `${good}.x`, false, undefined, undefined],
  ["a payload that is a list", jwt(head, []), false, true, undefined],
  ["a header that is a list", jwt([], {}), false, undefined, undefined],
  ["an encrypted token", jwt({ ...head, enc: "x" }, {}), false, undefined, undefined],
  ["an algorithm that is a number", jwt({ alg: 5 }, {}), true, undefined, undefined],
  ["a type that is a number", jwt({ ...head, typ: 5 }, {}), true, undefined, undefined],
  ["a key id that is a number", jwt({ ...head, kid: 5 }, {}), true, undefined, undefined],
  ["no algorithm", jwt({}, {}), true, true, false],
  ["an unknown algorithm", jwt({ alg: "none" }, {}), true, true, undefined],
  ["an algorithm that objects know", jwt({ alg: "toString" }, {}), true, true, undefined],
  ["an algorithm of another hash", jwt({ alg: "ES384" }, {}), true, true, false],
  ["an algorithm of other keys", jwt({ alg: "RS256" }, {}), true, true, false],
  ["an algorithm with secrets", jwt({ alg: "HS256" }, {}), true, true, false],
  ["unknown members of the header", jwt({ ...head, x: 1 }, {}), true, true, true],
  ["critical members that are absent", jwt({ ...head, crit: ["x"] }, {}), true, true, true],
  ["critical members that are unknown", jwt({ ...head, crit: ["x"], x: 1 }, {}), true, true, false],
  ["critical members that are known", jwt({ ...head, crit: ["alg"] }, {}), true, true, true],
  ["no critical members", jwt({ ...head, crit: [] }, {}), true, undefined, undefined],
  ["critical members that are no text", jwt({ ...head, crit: [5] }, {}), true, undefined, undefined],
  ["critical members that are no list", jwt({ ...head, crit: "x" }, {}), true, undefined, undefined],
  ["a nested token", jwt({ ...head, cty: "JWT" }, good), true, true, true],
  ["a nested token in quotes", jwt({ ...head, cty: "JWT" }, `"${good}"`), true, true, undefined],
  ["a nested token announced in small letters", jwt({ ...head, cty: "jwt" }, good), false, true, true],
  ["a nested token that is none", jwt({ ...head, cty: "JWT" }, "junk"), false, true, undefined],
  ["a shorter signature", `${unsigned}.AAAA`, true, false, false],
  ["no signature", `${unsigned}.`, true, false, false],
  ["a signature that is no base64", `${unsigned}.!!`, false, undefined, undefined],
  ["a signature of one character", `${unsigned}.A`, false, undefined, undefined],
  ["padding where it belongs", `${good}==`, true, true, true],
  ["too little padding", `${good}=`, false, undefined, undefined],
  ["a line end", `${good.slice(0, 10)}\n${good.slice(10)}`, false, undefined, undefined],
  ["a changed payload", `${goodHead}.${encode({ sub: "y" })}.${good.split(".")[2]}`, true, false, false],
  ["text after the payload", jwt(head, '{"a":1} x'), false, true, undefined],
  ["blanks around the payload", jwt(head, ' {"a":1} '), true, true, true],
])("%s", (_title, token, decoded, verified, both) => {
  expect([decodes(token), verifies(token), decodeVerify(token)?.[0]]).toEqual([decoded, verified, both]);
});

it("decoding gives header, payload and the signature in hexadecimal digits", () => {
  const signature = Buffer.from(good.split(".")[2]!, "base64url").toString("hex");
  expect(builtins["io.jwt.decode"]!(good)).toEqual([head, { sub: "x" }, signature]);
  expect(builtins["io.jwt.decode"]!(jwt({ cty: "JWT" }, `'${good}'`))).toEqual([
    head,
    { sub: "x" },
    signature,
  ]);
  expect(builtins["io.jwt.decode"]!(jwt(head, '{"a":1,"a":2}'))).toMatchObject([
    head,
    { a: 2 },
    expect.anything(),
  ]);
});

it.each<[title: string, key: unknown, answer: Answer]>([
  ["another certificate", other, false],
  ["an RSA key", rsa, false],
  ["text before it", `x\n${cert}`, true],
  ["no line end", cert.trimEnd(), true],
  ["other line ends", cert.replaceAll("\n", "\r\n"), true],
  ["text behind it", `${cert}x`, undefined],
  ["a second one behind it", cert + other, undefined],
  ["something else in it", cert.replace("MII", "MIJ"), undefined],
  ["another name for it", cert.replaceAll("CERTIFICATE", "PRIVATE KEY"), undefined],
  ["nothing", "", undefined],
  ["text", "text", undefined],
  ["a number", 5, undefined],
])("a certificate with %s verifies: %s", (_title, key, answer) => {
  expect(verifies(good, key)).toBe(answer);
});

it.each<[title: string, claims: object, constraints: object, answer: Answer]>([
  ["end later", { exp: nowSeconds + 1 }, {}, true],
  ["end now", { exp: nowSeconds }, {}, false],
  ["end at another time than asked about", { exp: nowSeconds + 1 }, { time: (nowSeconds + 2) * 1e9 }, false],
  ["end at no time", { exp: "9999999999" }, {}, undefined],
  ["begin now", { nbf: nowSeconds }, {}, true],
  ["begin later", { nbf: nowSeconds + 1 }, {}, false],
  ["begin at no time", { nbf: "0" }, {}, undefined],
  ["are for the reader", { aud: "y" }, { aud: "y" }, true],
  ["are for the reader among others", { aud: ["x", 5, "y"] }, { aud: "y" }, true],
  ["are for nobody", { aud: [] }, { aud: "y" }, false],
  ["are for a number", { aud: 5 }, { aud: "y" }, false],
  ["do not say for whom", {}, { aud: "y" }, false],
  ["are for somebody, and nobody was asked for", { aud: "y" }, {}, false],
  ["are from the issuer", { iss: "i" }, { iss: "i" }, true],
  ["are from another issuer", { iss: "j" }, { iss: "i" }, false],
  ["do not say from whom", {}, { iss: "i" }, false],
  ["have the algorithm", {}, { alg: "ES256" }, true],
  ["have another algorithm", {}, { alg: "ES384" }, false],
  ["meet an unknown constraint", {}, { foo: 1 }, undefined],
  ["meet a time before all times", {}, { time: -1 }, undefined],
  ["meet a time that is text", {}, { time: "1" }, undefined],
  ["meet a reader that is a number", {}, { aud: 5 }, undefined],
  ["meet no key", {}, { cert: undefined }, undefined],
  ["meet another key", {}, { cert: other }, false],
])("claims that %s", (_title, claims, constraints, answer) => {
  expect(decodeVerify(jwt(head, claims), { cert, ...constraints })?.[0]).toBe(answer);
});

it("constraints that are no object are undefined, an answer has header and payload or nothing of them", () => {
  for (const constraints of [5, "x", [], null]) expect(decodeVerify(good, constraints)).toBeUndefined();
  expect(decodeVerify(good)).toEqual([true, head, { sub: "x" }]);
  expect(decodeVerify(good, { cert: other })).toEqual([false, {}, {}]);
});

it.each<[title: string, call: () => unknown, text: string]>([
  ["a shared secret", () => decodeVerify(good, { secret: "s" }), "shared secrets are not offered"],
  ["a JSON Web Key", () => verifies(good, '{"kty":"EC"}'), "JSON Web Keys are not offered"],
  ["RSA", () => decodeVerify(jwt({ alg: "PS256" }, {}), { cert: rsa }), "PS256 are not offered"],
  ["depth", () => decodes(jwt(head, `{"a":${"[".repeat(64)}${"]".repeat(64)}}`)), "more than 64 levels"],
])("what OPA could judge fails: %s", (_title, call, text) => {
  expect(call).toThrow(text);
});
