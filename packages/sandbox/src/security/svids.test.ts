// SPDX-License-Identifier: Apache-2.0
import {
  Code,
  type IdentitySource,
  incomingCall,
  type NetworkServiceElement,
  realClock,
  type Svid,
} from "@nsm/core";
import { DevelopmentCa, type LeafTemplate } from "@nsm/identity/development-ca";
import { requestWith } from "@nsm/testkit";
import { failureOf, presenting, SecureWorld } from "./support.js";

const HOUR_MS = 3_600_000;
const KEY_CERT_SIGN = 1 << 5;

let world: SecureWorld;
beforeEach(() => {
  world = new SecureWorld();
});
afterEach(() => world.close());

/** Answers with who asked. */
const whoAsks = (asked: string[]): NetworkServiceElement => ({
  name: "who-asks",
  async request(ctx, { connection }) {
    asked.push(ctx.get(incomingCall)?.peer?.spiffeId ?? "");
    return connection;
  },
});

const client = (): string => world.spiffeId("client");

/** An SVID of the own authority with something changed. */
const changed =
  (change: (good: LeafTemplate) => Partial<LeafTemplate>) =>
  (own = client()): Svid => {
    const good = world.ca.svidTemplate(own);
    return world.ca.issueAs({ ...good, ...change(good) });
  };

/** An SVID of an authority that the other side does not know, or knows for another trust domain only. */
const foreign =
  (trustDomain: string, federated: boolean, spiffeId = (own: string): string => own) =>
  (own = client()): Svid => {
    const other = new DevelopmentCa({ trustDomain, clock: realClock });
    if (federated) world.ca.federateWith(other);
    return other.issueAs(other.svidTemplate(spiffeId(own)));
  };

const wrong: readonly (readonly [title: string, svid: (own?: string) => Svid, reason: RegExp])[] = [
  [
    "two URIs",
    changed(({ uris = [] }) => ({ uris: [...uris, "spiffe://test.nsm/second"] })),
    /URI|SPIFFE ID/,
  ],
  ["no URI", changed(() => ({ uris: [], dnsNames: ["client.test"] })), /URI|SPIFFE ID/],
  ["a URI of another scheme", changed(() => ({ uris: ["https://test.nsm/client"] })), /SPIFFE ID/],
  ["an ID with dots", changed(() => ({ uris: ["spiffe://test.nsm/a/../client"] })), /SPIFFE ID/],
  ["an end that has passed", changed(() => ({ notAfterMs: Date.now() - 1000 })), /expired/],
  ["a beginning to come", changed(() => ({ notBeforeMs: Date.now() + HOUR_MS })), /not valid|not yet|before/],
  ["the rights of an authority", changed(() => ({ ca: { isCa: true } })), /CA/],
  [
    "the right to sign certificates",
    changed(({ keyUsage = 0 }) => ({ keyUsage: keyUsage | KEY_CERT_SIGN })),
    /key|sign/i,
  ],
  [
    "an unknown trust domain",
    foreign("stranger.nsm", false, () => "spiffe://stranger.nsm/client"),
    /no bundle/,
  ],
  ["an unknown authority of the same name", foreign("test.nsm", false), /refused/],
  ["an ID of this domain, of a federated domain's authority", foreign("other.nsm", true), /refused/],
];

describe("on real connections an SVID is refused with", () => {
  it.each(wrong)("%s, of a client", async (_title, make, reason) => {
    const asked: string[] = [];
    const { url } = await world.serve(
      world.url("tcp"),
      { networkService: whoAsks(asked) },
      world.security(world.source("server")),
    );
    const source = world.source("client");
    const ask = async (identity: IdentitySource): Promise<void> => {
      const connector = world.connector(world.security(identity));
      const channel = await connector.connect(url, { scope: "own", signal: world.ctx.signal });
      await channel.networkService.request(world.ctx, requestWith({ id: "a" }));
    };
    expect(await failureOf(ask(presenting(source, make())))).toMatchObject({ code: Code.UNAVAILABLE });
    expect(asked).toEqual([]);
    expect(world.refused).toEqual([expect.stringMatching(reason)]);
    await ask(source); // the server lives on
    expect(asked).toEqual([client()]);
  });

  it.each(wrong)("%s, of a server", async (_title, make, reason) => {
    const asked: string[] = [];
    const own = world.source("server");
    const svid = make(world.spiffeId("server"));
    const { url } = await world.serve(
      world.url("tcp"),
      { networkService: whoAsks(asked) },
      world.security(presenting(own, svid)),
    );
    const connector = world.connector(world.security(world.source("client")));
    const failure = await failureOf(connector.connect(url, { scope: "own", signal: world.ctx.signal }));
    expect(failure).toEqual({ code: Code.UNAVAILABLE, message: expect.stringMatching(reason) });
    expect(failure?.message).toContain(`failed to dial ${url.href}: `);
    expect(asked).toEqual([]);
  });
});

it("T14 a federated domain calls local daemons only where the list of peers lets it", async () => {
  const other = new DevelopmentCa({ trustDomain: "other.nsm", clock: realClock });
  world.ca.federateWith(other);
  other.federateWith(world.ca);
  const outcome = async (allow: readonly string[], caller: IdentitySource): Promise<Code> => {
    const services = { networkService: whoAsks([]) };
    const { url } = await world.serve(
      world.url("tcp"),
      services,
      world.security(world.source("server"), allow),
    );
    const connector = world.connector(world.security(caller));
    const channel = connector.connect(url, { scope: "own", signal: world.ctx.signal });
    const answer = channel.then(({ networkService }) =>
      networkService.request(world.ctx, requestWith({ id: "a" })),
    );
    return (await failureOf(answer))?.code ?? Code.OK;
  };
  const [guest, local] = [other.source("spiffe://other.nsm/ns/x/pod/nsmgr-proxy"), world.source("client")];
  const table = [];
  for (const allow of [[], ["test.nsm"], ["test.nsm", "spiffe://other.nsm/ns/x/pod/*"], ["other.nsm"]]) {
    table.push([allow.join(), Code[await outcome(allow, guest)], Code[await outcome(allow, local)]]);
  }
  expect(table).toEqual([
    ["", "OK", "OK"],
    ["test.nsm", "UNAVAILABLE", "OK"],
    ["test.nsm,spiffe://other.nsm/ns/x/pod/*", "OK", "OK"],
    ["other.nsm", "OK", "UNAVAILABLE"],
  ]);
});
