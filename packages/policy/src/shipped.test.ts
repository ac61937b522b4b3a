// SPDX-License-Identifier: Apache-2.0
import { sign } from "node:crypto";
import { Code, type Policy, type PolicyInput } from "@nsm/core";
import { expiringTokens, hs256Tokens, testIdentity, VirtualClock } from "@nsm/testkit";
import { policiesFromMasks } from "./index.js";

const clock = new VirtualClock();
const only = (path: string): Policy => policiesFromMasks([`etc/nsm/opa/${path}.rego`], { clock });
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const jwt = (claims: unknown, header: unknown = { alg: "HS256", typ: "JWT" }) =>
  `${encode(header)}.${encode(claims)}.c2ln`;

const client = testIdentity({ spiffeId: "spiffe://test.com/client", clock });
const server = testIdentity({ spiffeId: "spiffe://test.com/server", clock });
const clientToken = async () => (await client.tokens().token({ peer: server.peer, own: undefined })).token;

/** A check of a path made of tokens. */
function path(
  policy: Policy,
  tokens: readonly (string | undefined)[] | undefined,
  more: Partial<PolicyInput> = {},
): Promise<void> {
  const segments = tokens?.map((token) => (token === undefined ? {} : { token }));
  return policy.check({
    auth_info: { certificate: "" },
    ...(segments === undefined ? {} : { path_segments: segments }),
    ...more,
  });
}

const denied = { code: Code.PERMISSION_DENIED, message: "no sufficient privileges", reason: "POLICY_DENIED" };

describe("tokens_valid", () => {
  const policy = only("common/tokens_valid");
  const inYears = jwt({ exp: clock.now() / 1000 + 10 * 365 * 86_400 });

  it("T-1 passes three decodable tokens, an empty path, and not an absent one", async () => {
    await path(policy, [inYears, inYears, inYears]);
    await path(policy, []);
    await expect(path(policy, undefined)).rejects.toMatchObject(denied);
  });

  it.each([
    ["text", "my token"],
    ["nothing", undefined],
    ["four parts", `${inYears}.x`],
    ["two parts", inYears.slice(0, inYears.lastIndexOf("."))],
    ["an encrypted token", jwt({}, { alg: "HS256", enc: "A128GCM" })],
    ["a payload that is a list", jwt([])],
    ["a payload that is no JSON", `${encode({})}.${Buffer.from("{").toString("base64url")}.`],
    ["foreign characters in a part", `${inYears}!`],
    ["padding", `${encode({})}==.${encode({})}.`],
    ["more than 16 KiB", jwt({ text: "x".repeat(20_000) })],
  ])("T-1 denies %s in the middle", async (_title, token) => {
    await expect(path(policy, [inYears, token, inYears])).rejects.toMatchObject(denied);
  });
});

describe("tokens_expired", () => {
  const policy = only("common/tokens_expired");
  const now = () => Math.floor(clock.now() / 1000);

  it("T-2 passes one or two tokens of next year and denies when one is of last year", async () => {
    const next = jwt({ exp: now() + 365 * 86_400 });
    await path(policy, [next]);
    await path(policy, [next, next]);
    await expect(path(policy, [next, jwt({ exp: now() - 365 * 86_400 })])).rejects.toMatchObject(denied);
  });

  it("denies from the very second of the expiry on", async () => {
    const { token } = await expiringTokens({ clock }).token({ peer: undefined, own: undefined });
    await clock.advance(1999);
    await path(policy, [token]);
    await clock.advance(1);
    await expect(path(policy, [token])).rejects.toMatchObject(denied);
  });

  it.each([
    ["text", String(now() + 1000)],
    ["a list", [now() + 1000]],
    ["null", null],
    ["absent", undefined],
  ])("T-11 denies an expiry that is %s", async (_title, exp) => {
    await expect(path(policy, [jwt({ exp })])).rejects.toMatchObject(denied);
  });
});

describe("tokens_chained", () => {
  const policy = only("common/tokens_chained");
  const link = (sub: string, aud?: unknown) => jwt({ sub, aud });

  it("T-3 passes tokens that are each for the maker of the next, and paths without neighbours", async () => {
    await path(policy, [
      link("nsc", ["nsmgr1"]),
      link("nsmgr1", ["nsmgr2"]),
      link("nsmgr2", ["nse"]),
      link("nse"),
    ]);
    await path(policy, [link("nsc")]);
    await path(policy, []);
  });

  it("T-3 denies a token made by somebody it was not for", async () => {
    const tokens = [link("nsc", ["nsmgr1"]), link("nsmgr1", ["nsmgr2"]), link("spy", ["nse"]), link("nse")];
    await expect(path(policy, tokens)).rejects.toMatchObject(denied);
  });

  it.each([
    ["text", "nse"],
    ["absent", undefined],
    ["empty", []],
    ["of two, the first one right", ["nse", "x"]],
    ["of two, both right", ["nse", "nse"]],
  ])("T-11 denies an audience that is %s", async (_title, aud) => {
    await expect(path(policy, [link("nsc", aud), link("nse")])).rejects.toMatchObject(denied);
  });

  it("denies neighbours that both name nobody", async () => {
    await expect(path(policy, [jwt({ aud: [undefined] }), jwt({})])).rejects.toMatchObject(denied);
    await expect(path(policy, [jwt({ aud: [7] }), jwt({ sub: 7 })])).rejects.toMatchObject(denied);
  });
});

describe("prev_token_signed and next_token_signed", () => {
  const previous = only("server/prev_token_signed");
  const next = only("client/next_token_signed");
  const of = ({ peer }: typeof client) => ({ auth_info: { certificate: peer.certificatePem } });

  it("T-4 T-5 pass a token of the peer's key and no other", async () => {
    const token = await clientToken();
    await path(previous, [token, jwt({})], { index: 1, ...of(client) });
    await expect(path(previous, [token, jwt({})], { index: 1, ...of(server) })).rejects.toMatchObject(denied);
    await path(next, [jwt({}), token], of(client));
    await expect(path(next, [jwt({}), token], of(server))).rejects.toMatchObject(denied);
  });

  it("look at the neighbour of the index only", async () => {
    const token = await clientToken();
    await expect(path(previous, [token], of(client))).rejects.toMatchObject(denied);
    await expect(
      path(previous, [token, jwt({}), jwt({})], { index: 2, ...of(client) }),
    ).rejects.toMatchObject(denied);
    await expect(path(next, [jwt({}), token], { index: 1, ...of(client) })).rejects.toMatchObject(denied);
    await path(next, [jwt({}), jwt({}), token], { index: 1, ...of(client) });
  });

  it("deny without a certificate, with an unreadable one, and without a path", async () => {
    const token = await clientToken();
    for (const certificate of ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]) {
      await expect(
        path(previous, [token, token], { index: 1, auth_info: { certificate } }),
      ).rejects.toMatchObject(denied);
    }
    await expect(path(previous, undefined, { index: 1, ...of(client) })).rejects.toMatchObject(denied);
  });

  it("T-4 T-11 pass empty claims whatever the header names, but no signature in DER and no foreign signature", async () => {
    const signed = `${encode({ alg: "none" })}.${encode({})}`;
    const signature = (encoding: "der" | "ieee-p1363") =>
      sign("sha256", Buffer.from(signed), { key: client.privateKey, dsaEncoding: encoding }).toString(
        "base64url",
      );
    await path(previous, [`${signed}.${signature("ieee-p1363")}`, ""], { index: 1, ...of(client) });
    const { token: hmac } = await hs256Tokens({ clock }).token({ peer: undefined, own: undefined });
    for (const token of [`${signed}.${signature("der")}`, `${signed}.`, hmac]) {
      await expect(path(previous, [token, ""], { index: 1, ...of(client) })).rejects.toMatchObject(denied);
    }
  });
});

describe("client_allowed", () => {
  const policy = only("registry/client_allowed");
  const owners = { nse1: ["id1", "id2"], orphan: [] };
  const check = (id: string, name: string, map: Record<string, string[]> = owners) =>
    policy.check({
      auth_info: { certificate: "" },
      resource_id: id,
      resource_name: name,
      resource_path_ids_map: map,
    });

  it("T-6 gives a name to its first owner and a free name to anybody", async () => {
    await check("id1", "nse1");
    await check("id1", "nse3");
    await check("id3", "toString");
    for (const id of ["id2", "id3"]) await expect(check(id, "nse1")).rejects.toMatchObject(denied);
  });

  it("denies everybody a name whose owner is not known", async () => {
    await expect(check("id1", "orphan")).rejects.toMatchObject(denied);
    await expect(check("", "orphan")).rejects.toMatchObject(denied);
  });
});

describe("service_connection", () => {
  const policy = only("monitor/service_connection");
  const check = (ids: string[], map: Record<string, string[]>, spiffeId = "S") =>
    policy.check({
      auth_info: { certificate: "" },
      spiffe_id_connection_map: map,
      selector_connection_ids: ids,
      service_spiffe_id: spiffeId,
    });

  it("T-7 passes who holds one of the wanted connections", async () => {
    await check(["conn1"], { S: ["conn1"] });
    await check(["conn0", "conn1"], { S: ["conn1", "conn2"], T: ["conn3"] });
  });

  it.each([
    ["another connection", ["conn1"], { S: ["conn2"] }],
    ["nothing wanted", [], { S: ["conn1"] }],
    ["nothing held", ["conn1"], { S: [] }],
    ["nobody known", ["conn1"], {}],
    ["held by another", ["conn1"], { T: ["conn1"] }],
  ])("T-7 denies: %s", async (_title, ids, map) => {
    await expect(check(ids, map as Record<string, string[]>)).rejects.toMatchObject(denied);
    await expect(check(["conn1"], { S: ["conn1"] }, "")).rejects.toMatchObject(denied);
  });
});
