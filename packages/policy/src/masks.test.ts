// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { Code } from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { filesBelow } from "./files.js";
import { defaultMasks, policiesFromMasks } from "./index.js";
import { policiesOf, sourceHash } from "./masks.js";
import { type ShippedPolicy, shippedPolicies } from "./shipped.js";
import { filesOfTar } from "./tar.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "policies-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const SOURCE = "# comment\npackage test.one\n\nvalid { true }\n";
const twin: ShippedPolicy = { path: "twin.rego", sourceSha256: sourceHash(SOURCE), isAllowed: () => true };

const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));

function write(path: string, text: string | Uint8Array = SOURCE): string {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const pathsOf = (...masks: string[]) => policiesOf(masks, { directory }).map(({ path }) => path);
const withTwin = (...masks: string[]) =>
  policiesOf(masks, { directory, shipped: [...shippedPolicies, twin] }).map(({ path }) => path);
const common = ["common/tokens_chained.rego", "common/tokens_expired.rego", "common/tokens_valid.rego"];

describe("compiled-in policies", () => {
  it("T-9 are named by expressions over both of their folders: seven, three", () => {
    expect(pathsOf("etc/nsm/opa/.*.rego")).toHaveLength(7);
    expect(pathsOf("policies/.*.rego")).toHaveLength(7);
    expect(pathsOf("etc/nsm/opa/common/tokens_.*.rego")).toEqual(common);
    expect(pathsOf("/etc/nsm/opa/common/.*.rego")).toEqual(common);
  });

  it("T-9 are named by file and by folder, with and without a slash", () => {
    expect(pathsOf("etc/nsm/opa/common/tokens_valid.rego")).toEqual(["common/tokens_valid.rego"]);
    for (const mask of ["etc/nsm/opa/common", "policies/common/", "/etc/nsm/opa/common"]) {
      expect(pathsOf(mask)).toEqual(common);
    }
  });

  it("stand in the order of the masks, each once", () => {
    expect(
      pathsOf("etc/nsm/opa/server/.*.rego", "etc/nsm/opa/common", "etc/nsm/opa/.*/tokens_valid.rego"),
    ).toEqual(["server/prev_token_signed.rego", ...common]);
  });

  it("are upstream's defaults for each kind of element", () => {
    expect(pathsOf(...defaultMasks.networkServiceServer)).toEqual([
      ...common,
      "server/prev_token_signed.rego",
    ]);
    expect(pathsOf(...defaultMasks.networkServiceClient)).toEqual([
      ...common,
      "client/next_token_signed.rego",
    ]);
    expect(pathsOf(...defaultMasks.registryServer)).toEqual([
      ...common,
      "registry/client_allowed.rego",
      "server/prev_token_signed.rego",
    ]);
    expect(pathsOf(...defaultMasks.registryClient)).toEqual([
      ...common,
      "registry/client_allowed.rego",
      "client/next_token_signed.rego",
    ]);
    expect(pathsOf(...defaultMasks.monitor)).toEqual(["monitor/service_connection.rego"]);
  });
});

describe("compiled policies", () => {
  const always = fixture("always.tar.gz");

  it("T-9 stand beside the shipped ones, also under a name that one of them has", () => {
    write("etc/nsm/opa/custom/a.tar.gz", always);
    write("etc/nsm/opa/custom/b.tar.gz", fixture("probe.tar.gz"));
    write("etc/nsm/opa/more/tokens_valid.tar.gz", always);
    const shipped = "etc/nsm/opa/.*.rego";
    expect(pathsOf(shipped, "etc/nsm/opa/custom/.*.tar.gz")).toHaveLength(9);
    expect(pathsOf(shipped, "etc/nsm/opa/custom", "etc/nsm/opa/custom/[ab].*")).toHaveLength(9);
    expect(pathsOf(shipped, "etc/nsm/opa/more/tokens_valid.tar.gz")).toHaveLength(8);
    expect(pathsOf("none")).toHaveLength(0);
  });

  it("are read from bundles and from the code inside of them", async () => {
    const code = filesOfTar(gunzipSync(always)).get("policy.wasm");
    write("mine/always.wasm", code);
    write("mine/always.tar.gz", always);
    const policy = policiesFromMasks(["mine"], { clock: new VirtualClock(), directory });
    expect(policy.name).toBe("mine/always.tar.gz, mine/always.wasm");
    await policy.check({ auth_info: { certificate: "" } });
  });

  const unusable = (text: string) =>
    expect.objectContaining({ code: Code.INVALID_ARGUMENT, reason: "POLICY_UNUSABLE", message: text });
  it.each<[title: string, path: string, content: string | Uint8Array, text: string]>([
    ["text", "a.tar.gz", "text", "incorrect header check"],
    ["half a bundle", "a.tar.gz", always.subarray(0, 20_000), "unexpected end of file"],
    ["compressed text", "a.tar.gz", gzipSync("text"), "not a tar archive, or only a part of one"],
    [
      "half an archive",
      "a.tar.gz",
      gzipSync(gunzipSync(always).subarray(0, 9000)),
      "not a tar archive, or only a part of one",
    ],
    [
      "an archive without code",
      "a.tar.gz",
      gzipSync(Buffer.alloc(1024)),
      "it has no policy.wasm: was it built with -t wasm?",
    ],
    [
      "a bomb",
      "a.tar.gz",
      gzipSync(Buffer.alloc(17 * 1024 * 1024)),
      "Cannot create a Buffer larger than 16777216 bytes",
    ],
    [
      "an archive of text",
      "a.tar.gz",
      gzipSync(Buffer.alloc(1024, "a")),
      "not a tar archive, or only a part of one",
    ],
  ])("that are %s stop the start", (_title, path, content, text) => {
    write(path, content);
    expect(() => pathsOf(path)).toThrow(unusable(`policy ${path} cannot be used: ${text}`));
  });

  it("that are no code, or too long, stop the start", () => {
    write("a.wasm", "text");
    expect(() => policiesFromMasks(["a.wasm"], { clock: new VirtualClock(), directory })).toThrow(
      expect.objectContaining({ reason: "POLICY_UNUSABLE" }),
    );
    write("big.wasm", Buffer.alloc(4 * 1024 * 1024 + 1));
    expect(() => pathsOf("big.wasm")).toThrow(expect.objectContaining({ reason: "POLICY_TOO_BIG" }));
  });
});

describe("files on disk", () => {
  it("that hold a shipped policy's source run natively, whatever their comments and layout", () => {
    write("etc/nsm/opa/custom/a.rego", `# another\n${SOURCE.replace("\n\n", "\n\n\t")}# end\n`);
    expect(withTwin("etc/nsm/opa/custom/.*.rego")).toEqual(["twin.rego"]);
    expect(withTwin("etc/nsm/opa/custom")).toEqual(["twin.rego"]);
    expect(withTwin("etc/nsm/opa/custom/a.rego")).toEqual(["twin.rego"]);
  });

  it("are found by absolute path", () => {
    const file = write("mine/a.rego");
    for (const mask of [file, dirname(file), `${directory}/mine/[a-z].rego`]) {
      expect(withTwin(mask)).toEqual(["twin.rego"]);
    }
  });

  it("come before compiled-in ones, and instead of the one of the same path", () => {
    write("etc/nsm/opa/common/tokens_valid.rego");
    expect(withTwin("etc/nsm/opa/common")).toEqual([
      "twin.rego",
      "common/tokens_chained.rego",
      "common/tokens_expired.rego",
    ]);
  });

  it("of a mounted ConfigMap count once", () => {
    write("etc/nsm/opa/mine/..2026/a.rego");
    symlinkSync("..2026", join(directory, "etc/nsm/opa/mine/..data"));
    symlinkSync("..data/a.rego", join(directory, "etc/nsm/opa/mine/a.rego"));
    expect(withTwin("etc/nsm/opa/mine/.*.rego")).toEqual(["twin.rego"]);
  });

  it("that are no shipped policy fail with the command that compiles them", () => {
    write("etc/nsm/opa/mine/b.rego");
    expect(() => pathsOf("etc/nsm/opa/.*.rego")).toThrow(
      "then name etc/nsm/opa/mine/b.tar.gz in the mask instead: " +
        "opa build --v0-compatible -t wasm -e test/one/valid -o etc/nsm/opa/mine/b.tar.gz etc/nsm/opa/mine/b.rego",
    );
    write("it's mine.rego", 'package a["b-c"].d # comment\n');
    expect(() => pathsOf("it's mine.rego")).toThrow(
      `-e a/b-c/d/valid -o 'it'\\''s mine.tar.gz' 'it'\\''s mine.rego'`,
    );
    write("y.rego", "valid { true }");
    expect(() => pathsOf("y.rego")).toThrow("has no package");
    write("z.txt");
    expect(() => pathsOf("z.txt")).toThrow("neither .rego source nor compiled (.wasm, .tar.gz)");
  });

  it("are refused when they are too big or too many", () => {
    write("big.rego", `package a\n${"#".repeat(1024 * 1024)}`);
    expect(() => pathsOf("big.rego")).toThrow("larger than");
    write("many/a.rego");
    write("many/below/b.rego");
    expect(filesBelow(directory, "many", 3)).toEqual(["many/a.rego", "many/below/b.rego"]);
    expect(() => filesBelow(directory, "many", 2)).toThrow("more than 2 entries");
  });
});

describe("T15 masks fail closed", () => {
  const invalid = (reason: string) => expect.objectContaining({ code: Code.INVALID_ARGUMENT, reason });

  it.each([["etc/nsm/opa/commom/.*.rego"], ["common/.*.rego"], [""], ["None"]])(
    "T-11 when %j has no hit",
    (mask) => {
      expect(() => pathsOf("etc/nsm/opa/common", mask)).toThrow(invalid("POLICY_MASK_WITHOUT_HIT"));
    },
  );

  it("when a folder holds no policy", () => {
    write("mine/readme.txt");
    expect(() => pathsOf("mine")).toThrow(invalid("POLICY_MASK_WITHOUT_HIT"));
  });

  it("T-9 when there are none, and when one is no expression", () => {
    expect(() => pathsOf()).toThrow(invalid("POLICY_MASKS_EMPTY"));
    expect(() => pathsOf("etc/nsm/opa/(")).toThrow(invalid("POLICY_MASK_MALFORMED"));
  });

  it("but for the word none, which stands alone", async () => {
    const clock = new VirtualClock();
    await policiesFromMasks(["none"], { clock }).check({ auth_info: { certificate: "" } });
    expect(() => pathsOf("none", "etc/nsm/opa/common")).toThrow(invalid("POLICY_MASK_MALFORMED"));
  });
});
