// SPDX-License-Identifier: Apache-2.0
import { defineEnv, EnvError, mergeEnv, readEnv } from "./define-env.js";
import {
  assignments,
  bool,
  enumeration,
  goDuration,
  int,
  ip,
  json,
  list,
  map,
  optionalUrl,
  string,
  uint,
  url,
  urlList,
} from "./validators.js";
import { custom, type Variable } from "./variable.js";

/** What `variable`, named NSM_X, makes of `text`; undefined = unset. */
function read<T>(variable: Variable<T>, text: string | undefined): T {
  const values = readEnv(defineEnv("NSM", { x: variable }), text === undefined ? {} : { NSM_X: text });
  return values.x as T;
}
const desc = "a variable";
const href = (value: URL | undefined): string | undefined => value?.href;

describe("values", () => {
  it.each<[string, Variable<unknown>, string | undefined, unknown]>([
    ["text is not trimmed", string({ desc }), " a ", " a "],
    ["unset text takes its default", string({ desc, default: "d" }), undefined, "d"],
    ["empty text beats the default", string({ desc, default: "d" }), "", ""],
    ["unset text without default is empty", string({ desc }), undefined, ""],
    ...["1", "t", "T", "TRUE", "true", "True"].map((text): [string, Variable<unknown>, string, unknown] => [
      `bool ${text} is true`,
      bool({ desc }),
      text,
      true,
    ]),
    ...["0", "f", "F", "FALSE", "false", "False"].map(
      (text): [string, Variable<unknown>, string, unknown] => [
        `bool ${text} is false`,
        bool({ desc }),
        text,
        false,
      ],
    ),
    ["unset bool is false", bool({ desc }), undefined, false],
    ["int in base 10", int({ desc }), "-42", -42],
    ["int with a sign", int({ desc }), "+7", 7],
    ["int in base 16", int({ desc }), "0x1F", 31],
    ["int in base 8, old form", int({ desc }), "017", 15],
    ["int in base 8", int({ desc }), "0o17", 15],
    ["int in base 2", int({ desc }), "0b101", 5],
    ["int with underscores", int({ desc }), "1_000", 1000],
    ["unset int is 0", int({ desc }), undefined, 0],
    ["uint at its limit", uint({ desc, max: 65535 }), "65535", 65535],
    ["duration in minutes", goDuration({ desc }), "10m", 600_000],
    ["duration of several units", goDuration({ desc }), "1h2m3.5s", 3_723_500],
    ["duration below a millisecond", goDuration({ desc }), "1500us", 1.5],
    ["duration in microseconds by either letter", goDuration({ desc }), "1µs1μs", 0.002],
    ["duration of a fraction only", goDuration({ desc }), ".5s", 500],
    ["negative duration", goDuration({ desc }), "-1.5h", -5_400_000],
    ["bare zero duration", goDuration({ desc }), "0", 0],
    ["list items are not trimmed", list({ desc }), "a, b,,c", ["a", " b", "", "c"]],
    ["blank list is empty", list({ desc, default: "a" }), "  ", []],
    ["map", map({ desc }), "k:v,k2:v2", { k: "v", k2: "v2" }],
    ["empty map beats the default", map({ desc, default: "p2p:true" }), "", {}],
    ["assignments", assignments({ desc }), "a=b,c=d=e,f", { a: "b", c: "d=e", f: "" }],
    ["ip v4", ip({ desc }), "10.0.0.1", "10.0.0.1"],
    ["ip v6", ip({ desc }), "fd00::1", "fd00::1"],
    ["empty ip is unset", ip({ desc, default: "10.0.0.1" }), "", undefined],
    [
      "enumeration in any case",
      enumeration(["polite", "strict"], { desc, default: "polite" }),
      "STRICT",
      "strict",
    ],
    [
      "enumeration by another name",
      enumeration(["warn"], { desc, default: "warn", aliases: { warning: "warn" } }),
      "Warning",
      "warn",
    ],
    ["json", json((value) => value, { desc, default: "[]", expected: "JSON" }), '[{"a":1}]', [{ a: 1 }]],
    ["empty optional URL", optionalUrl({ desc, default: "tcp://localhost:5001" }), "", undefined],
    ["empty URL list", urlList({ desc, default: "tcp://localhost:5001" }), "", []],
  ])("%s", (_title, variable, text, value) => {
    expect(read(variable, text)).toEqual(value);
  });

  it.each([
    ["unix:///var/lib/nsm.sock", "unix:///var/lib/nsm.sock"],
    ["tcp://10.0.0.1:5001", "tcp://10.0.0.1:5001"],
    ["tcp://[fd00::1]:5001", "tcp://[fd00::1]:5001"],
    ["tcp://fd00::1:5001", "tcp://[fd00::1]:5001"],
    ["tcp://:5002", "tcp://[::]:5002"],
    [":5002", "tcp://[::]:5002"],
    ["registry:5002", "tcp://registry:5002"],
    ["nsmgr-proxy.ns:5004", "tcp://nsmgr-proxy.ns:5004"],
    ["1.2.3.4:5002", "tcp://1.2.3.4:5002"],
    ["[fd00::1]:5002", "tcp://[fd00::1]:5002"],
    ["localhost:0", "tcp://localhost:0"],
  ])("address %s is read as %s", (text, expected) => {
    expect(href(read(url({ desc }), text))).toBe(expected);
  });

  it("splits a list of addresses at commas", () => {
    const urls = read(urlList({ desc }), "unix:///a.sock,tcp://:5001");
    expect(urls.map(href)).toEqual(["unix:///a.sock", "tcp://[::]:5001"]);
  });

  it("are frozen, also inside", () => {
    const values = readEnv(defineEnv("NSM", { labels: map({ desc }), names: list({ desc }) }), {
      NSM_LABELS: "a:b",
    });
    expect([values, values.labels, values.names].every(Object.isFrozen)).toBe(true);
  });
});

describe("errors", () => {
  it.each<[string, Variable<unknown>, string | undefined, string]>([
    ["empty bool", bool({ desc, default: "true" }), "", "invalid syntax"],
    ["yes as bool", bool({ desc }), "yes", "invalid syntax"],
    ["empty int", int({ desc, default: "1" }), "", "invalid syntax"],
    ["int with blanks", int({ desc }), " 1", "invalid syntax"],
    ["int with bad octal digits", int({ desc }), "08", "invalid syntax"],
    ["negative uint", uint({ desc }), "-1", "value out of range"],
    ["uint above its limit", uint({ desc, max: 65535 }), "65536", "value out of range"],
    ["empty duration", goDuration({ desc, default: "1s" }), "", "invalid duration"],
    ["duration without unit", goDuration({ desc }), "5", "missing unit in duration"],
    ["duration with unknown unit", goDuration({ desc }), "5d", 'unknown unit "d" in duration'],
    ["duration without digits", goDuration({ desc }), ".s", "invalid duration"],
    ["map item without colon", map({ desc }), "a:b,c", 'invalid map item: "c"'],
    ["map item with two colons", map({ desc }), "a:b:c", 'invalid map item: "a:b:c"'],
    ["assignment without name", assignments({ desc }), "=b", 'invalid item: "=b"'],
    ["bad ip", ip({ desc }), "10.0.0", "not an IP address"],
    ["unknown value", enumeration(["a", "b"], { desc, default: "a" }), "c", "expected one of a, b"],
    ["bad JSON", json((value) => value, { desc, expected: "JSON" }), "{", "expected JSON"],
    ["empty URL", url({ desc }), "", "not an address"],
    ["tcp URL without port", url({ desc }), "tcp://host", "not an address"],
    ["path as URL", url({ desc }), "/var/lib/nsm.sock", "not an address"],
    ["unset required URL", url({ desc }), undefined, "required and not set"],
  ])("%s is refused", (_title, variable, text, message) => {
    expect(() => read(variable, text)).toThrow(message);
  });

  it("name variable, value, type, cause and expected form", () => {
    expect(() => read(goDuration({ desc }), "5")).toThrow(
      'NSM_X="5" (Duration): missing unit in duration; expected a Go duration such as 750ms, 10m or 1h2m3.5s',
    );
  });

  it("are reported all at once, in the order of the table", () => {
    const spec = defineEnv("NSM", {
      dialTimeoutMs: goDuration({ env: "DIAL_TIMEOUT", desc }),
      name: string({ desc }),
      connectTo: url({ desc }),
      insecure: bool({ desc }),
    });
    const broken = () => readEnv(spec, { NSM_DIAL_TIMEOUT: "soon", NSM_INSECURE: "" });
    expect(broken).toThrow(EnvError);
    try {
      broken();
    } catch (error) {
      const names = (error as EnvError).problems.map((problem) => problem.name);
      expect(names).toEqual(["NSM_DIAL_TIMEOUT", "NSM_CONNECT_TO", "NSM_INSECURE"]);
    }
  });
});

describe("names", () => {
  it("come from the key, cut at its humps, behind the prefix", () => {
    const spec = defineEnv("NSM", { registryUrl: string({ desc }), name: string({ desc }) });
    expect(readEnv(spec, { NSM_REGISTRY_URL: "r", NSM_NAME: "n" })).toEqual({ registryUrl: "r", name: "n" });
  });

  it("can be given, and stand without prefix", () => {
    const spec = defineEnv("NSM", {
      networkServiceName: string({ env: "NSNAME", desc }),
      nodeName: string({ env: "NODE_NAME", bare: true, desc }),
    });
    const values = readEnv(spec, { NSM_NSNAME: "forwarder", NODE_NAME: "node-1", NSM_NODE_NAME: "other" });
    expect(values).toEqual({ networkServiceName: "forwarder", nodeName: "node-1" });
  });

  it("that no table has are ignored", () => {
    expect(readEnv(defineEnv("NSM", { name: string({ desc }) }), { NSM_OTHER: "x" })).toEqual({ name: "" });
  });
});

it("a custom grammar sees the raw text of other variables", () => {
  const services = custom((text, lookup) => `${lookup("NSM_MECHANISM") ?? "kernel"}://${text}`, {
    desc,
    type: "Services",
    expected: "services",
  });
  expect(readEnv(defineEnv("NSM", { services }), { NSM_SERVICES: "a", NSM_MECHANISM: "memif" })).toEqual({
    services: "memif://a",
  });
});

it("the second of two merged tables wins", () => {
  const first = defineEnv("NSM", { a: string({ desc, default: "1" }), b: string({ desc, default: "1" }) });
  const second = defineEnv("NSM", { b: string({ desc, default: "2" }) });
  expect(readEnv(mergeEnv(first, second), {})).toEqual({ a: "1", b: "2" });
});
