// SPDX-License-Identifier: Apache-2.0
import { Code } from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { DevelopmentCa } from "../development-ca/index.js";
import { FakeApi } from "../test-support/fake-api.js";
import { recordingLog } from "../test-support/log.js";
import { responseOf } from "../test-support/responses.js";
import { followSvids, type WorkloadIdentity } from "./source.js";

const NSC = "spiffe://k8s.nsm/nsc";
const ENDPOINT = "unix:///agent.sock";

function setUp(signal?: AbortSignal) {
  const clock = new VirtualClock();
  const ca = new DevelopmentCa({ trustDomain: "k8s.nsm", clock });
  const other = new DevelopmentCa({ trustDomain: "other.nsm", clock });
  const api = new FakeApi(() => clock.now());
  const recording = recordingLog();
  const { log, records } = recording;
  const identity = followSvids(api.open, { endpoint: ENDPOINT, clock, log, ...(signal && { signal }) });
  const sendNew = () => {
    const svid = ca.issue(NSC);
    api.send(responseOf([{ svid, bundle: ca.roots }]));
    return svid;
  };
  const messages = () => records.map(({ level, message }) => `${level}: ${message}`);
  return { clock, ca, other, api, records, messages, identity, sendNew };
}

/** A source that has its first SVID. */
async function ready(): Promise<ReturnType<typeof setUp> & { source: WorkloadIdentity; serial: string }> {
  const parts = setUp();
  const { serial } = parts.sendNew();
  return { ...parts, source: await parts.identity, serial };
}

/** A promise's state after all that is ready has run. */
async function stateOf(clock: VirtualClock, promise: Promise<unknown>): Promise<string> {
  let state = "waiting";
  promise.then(
    () => {
      state = "resolved";
    },
    () => {
      state = "rejected";
    },
  );
  await clock.settle();
  return state;
}

describe("the wait for the first SVID", () => {
  it("ends with the first good response", async () => {
    const { identity, sendNew, messages } = setUp();
    const { serial } = sendNew();
    const source = await identity;
    expect(source.current()).toMatchObject({ spiffeId: NSC, serial });
    expect(messages()).toEqual([
      "info: waiting for the first SVID from the SPIFFE Workload API",
      "info: SVID received",
    ]);
  });

  it("is told at once and every 10 s, with a hint for a silent API", async () => {
    const { clock, records, identity } = setUp();
    expect(records).toEqual([expect.objectContaining({ level: "info", fields: { endpoint: ENDPOINT } })]);
    await clock.advance(20_000);
    expect(records.slice(1).map(({ level, message, fields }) => [level, message, fields.waitedMs])).toEqual([
      ["warn", "still waiting for the first SVID from the SPIFFE Workload API", 10_000],
      ["warn", "still waiting for the first SVID from the SPIFFE Workload API", 20_000],
    ]);
    expect(records[1]?.fields).toMatchObject({ endpoint: ENDPOINT, hint: expect.stringContaining("silent") });
    expect(await stateOf(clock, identity)).toBe("waiting");
  });

  it.each([
    [
      Code.UNAVAILABLE,
      "connect ENOENT /agent.sock",
      "is the SPIRE agent running, and is its socket mounted here?",
    ],
    [
      Code.PERMISSION_DENIED,
      "no identity issued",
      "no registration entry fits this workload yet: look at its selectors",
    ],
    [Code.UNIMPLEMENTED, "unknown service", "is this the socket of a SPIFFE Workload API?"],
    [Code.INTERNAL, "oops", "look at the log of the SPIRE agent"],
  ])("is told once for code %d, and then with its hint", async (code, text, hint) => {
    const { clock, api, records } = setUp();
    for (let i = 0; i < 3; i++) {
      api.end(code, text);
      await clock.advance((i + 1) * 1000);
    }
    await clock.advance(10_000 - 6000);
    const fields = { endpoint: ENDPOINT, problem: `${Code[code]}: ${text}`, hint };
    expect(records.slice(1).map(({ level, message }) => [level, message])).toEqual([
      ["warn", "no stream from the SPIFFE Workload API, trying again"],
      ["warn", "still waiting for the first SVID from the SPIFFE Workload API"],
    ]);
    expect(records.slice(1).map((record) => record.fields)).toEqual([
      fields,
      { ...fields, waitedMs: 10_000 },
    ]);
  });

  it("goes on after a refused response, which is told with its reason", async () => {
    const { clock, api, records, identity, sendNew } = setUp();
    api.send(Buffer.from("garbage"));
    expect(records[1]).toMatchObject({
      level: "warn",
      message: "response of the Workload API ignored",
      fields: { problem: expect.stringContaining("not an X509SVIDResponse") },
    });
    expect(await stateOf(clock, identity)).toBe("waiting");
    sendNew();
    expect(await stateOf(clock, identity)).toBe("resolved");
  });

  it.each([Code.CANCELLED, Code.INVALID_ARGUMENT])("ends with code %d of the API", async (code) => {
    const { clock, api, identity } = setUp();
    api.end(code, "no");
    await expect(identity).rejects.toMatchObject({
      code,
      reason: "WORKLOAD_API",
      message: `the SPIFFE Workload API at unix:///agent.sock refuses: ${Code[code]}: no`,
    });
    await clock.advance(60_000);
    expect([api.calls.length, clock.pendingTimers]).toEqual([1, 0]);
  });

  it("ends when the signal is aborted, during a call and during a pause", async () => {
    for (const pause of [false, true]) {
      const abort = new AbortController();
      const { clock, api, identity } = setUp(abort.signal);
      if (pause) api.end(Code.UNAVAILABLE, "gone");
      abort.abort();
      await expect(identity).rejects.toMatchObject({ code: Code.CANCELLED, reason: "IDENTITY_WAIT" });
      expect([api.isOpen, clock.pendingTimers]).toEqual([false, 0]);
    }
  });

  it("does not begin when the signal is aborted already", async () => {
    const { api, identity } = setUp(AbortSignal.abort());
    await expect(identity).rejects.toMatchObject({ code: Code.CANCELLED });
    expect(api.calls).toEqual([]);
  });
});

describe("attempts", () => {
  /** Ends the call and waits for the next one. @returns the pause in milliseconds */
  async function pauseAfter({ api, clock }: ReturnType<typeof setUp>, code: Code): Promise<number> {
    api.end(code, "gone");
    const endMs = clock.now();
    while (!api.isOpen) await clock.advance(500);
    return clock.now() - endMs;
  }

  it("come after 1 s, 2 s, 3 s … and 30 s at most", async () => {
    const parts = setUp();
    const pauses: number[] = [];
    for (let i = 0; i < 33; i++) pauses.push(await pauseAfter(parts, Code.UNAVAILABLE));
    expect(pauses).toEqual(Array.from({ length: 33 }, (_, i) => Math.min(i + 1, 30) * 1000));
  });

  it("are counted anew after a message, be it good or not", async () => {
    const parts = setUp();
    const pauses = async (...codes: Code[]) => {
      const found: number[] = [];
      for (const code of codes) found.push(await pauseAfter(parts, code));
      return found;
    };
    expect(await pauses(Code.UNAVAILABLE, Code.PERMISSION_DENIED, Code.INTERNAL)).toEqual([1000, 2000, 3000]);
    parts.sendNew();
    expect(await pauses(Code.UNAVAILABLE, Code.OK)).toEqual([1000, 2000]);
    parts.api.send(Buffer.from("garbage"));
    expect(await pauses(Code.UNAVAILABLE)).toEqual([1000]);
  });

  it.each([Code.CANCELLED, Code.INVALID_ARGUMENT])(
    "end with code %d; the SVID stays in use",
    async (code) => {
      const { clock, api, source, serial, messages } = await ready();
      api.end(code, "no");
      await clock.advance(60_000);
      expect([api.calls.length, source.current().serial]).toEqual([1, serial]);
      expect(messages().at(-1)).toBe("error: SVID is not renewed any more: the Workload API refuses");
    },
  );
});

describe("the source", () => {
  it("replaces SVID and bundles with each response and calls back once", async () => {
    const { ca, other, api, source, serial } = await ready();
    const seen: string[] = [];
    source.onChange(() => seen.push(source.current().serial));
    ca.prepareRoot();
    ca.activateRoot();
    ca.dropOldRoots();
    const svid = ca.issue(NSC);
    api.send(responseOf([{ svid, bundle: ca.roots }], { "spiffe://other.nsm": other.roots }));
    expect(seen).toEqual([svid.serial]);
    expect(seen).not.toEqual([serial]);
    expect(source.verifyPeer(ca.issue("spiffe://k8s.nsm/nse").chain).spiffeId).toBe("spiffe://k8s.nsm/nse");
    expect(source.verifyPeer(other.issue("spiffe://other.nsm/nse").chain).spiffeId).toBe(
      "spiffe://other.nsm/nse",
    );
  });

  it("drops bundles that a response no longer has", async () => {
    const { ca, other, api, source } = await ready();
    const peer = other.issue("spiffe://other.nsm/nse");
    const svid = ca.issue(NSC);
    api.send(responseOf([{ svid, bundle: ca.roots }], { "spiffe://other.nsm": other.roots }));
    source.verifyPeer(peer.chain);
    api.send(responseOf([{ svid, bundle: ca.roots }]));
    expect(() => source.verifyPeer(peer.chain)).toThrow(/there is no bundle for the trust domain other.nsm/);
  });

  it("keeps the SVID object when only bundles change, and is silent when nothing does", async () => {
    const { ca, other, api, source, messages } = await ready();
    const svid = ca.issue(NSC);
    api.send(responseOf([{ svid, bundle: ca.roots }]));
    const before = source.current();
    let calls = 0;
    source.onChange(() => calls++);
    api.send(responseOf([{ svid, bundle: ca.roots }]));
    expect([calls, source.current() === before]).toEqual([0, true]);
    api.send(responseOf([{ svid, bundle: ca.roots }], { "spiffe://other.nsm": other.roots }));
    expect([calls, source.current() === before]).toEqual([1, true]);
    expect(messages().slice(-2)).toEqual(["info: SVID rotated", "info: bundles changed"]);
  });

  it("ignores a response that is not good and keeps SVID and bundles", async () => {
    const { ca, other, api, source, serial, messages } = await ready();
    let calls = 0;
    source.onChange(() => calls++);
    api.send(Buffer.from("garbage"));
    api.send(responseOf([]));
    // a good SVID beside a broken bundle: neither counts
    api.send(responseOf([{ svid: ca.issue(NSC), bundle: ca.roots }], { Other: other.roots }));
    expect([calls, source.current().serial]).toEqual([0, serial]);
    expect(source.verifyPeer(ca.issue(NSC).chain).spiffeId).toBe(NSC);
    expect(messages().slice(-3)).toEqual(Array(3).fill("warn: response of the Workload API ignored"));
  });

  it("serves the last SVID during an outage, beyond its life, and goes on afterwards", async () => {
    const { clock, api, source, serial, sendNew, messages } = await ready();
    api.end(Code.UNAVAILABLE, "gone");
    while (clock.now() <= source.current().notAfterMs) {
      await clock.advance(30_000);
      if (api.isOpen) api.end(Code.UNAVAILABLE, "gone");
    }
    expect(source.current().serial).toBe(serial);
    expect(messages().slice(2)).toEqual([
      "warn: no stream from the SPIFFE Workload API, trying again",
      "error: SVID has expired",
    ]);
    await clock.advance(30_000);
    const { serial: renewed } = sendNew();
    expect(source.current().serial).toBe(renewed);
    expect(messages().slice(4)).toEqual([
      "info: the SPIFFE Workload API answers again",
      "info: SVID rotated",
    ]);
  });

  it("goes on when a callback throws, and calls nobody who left", async () => {
    const { source, sendNew, records } = await ready();
    const seen: string[] = [];
    source.onChange(() => {
      throw new Error("broken callback");
    });
    source.onChange(() => seen.push("stayed"));
    source.onChange(() => seen.push("left")).close();
    sendNew();
    expect(seen).toEqual(["stayed"]);
    expect(records.at(-1)).toMatchObject({ level: "error", fields: { err: new Error("broken callback") } });
  });

  it("stops when it is closed or its signal aborted, and leaves no timer; the SVID stays", async () => {
    const abort = new AbortController();
    for (const stop of ["close", "signal"] as const) {
      const parts = setUp(abort.signal);
      const { serial } = parts.sendNew();
      const source = await parts.identity;
      if (stop === "close") source.close();
      else abort.abort();
      source.close();
      expect([parts.api.isOpen, parts.api.cancelled, parts.clock.pendingTimers]).toEqual([false, 1, 0]);
      expect(source.current().serial).toBe(serial);
    }
  });

  it("writes no key into the log", async () => {
    const { records, sendNew } = await ready();
    sendNew();
    expect(JSON.stringify(records)).not.toMatch(/privateKey|PRIVATE KEY|"chain"/);
  });
});
