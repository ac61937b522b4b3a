// SPDX-License-Identifier: Apache-2.0
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, realClock, silentLogger } from "@nsm/core";
import { VirtualClock } from "@nsm/testkit";
import { type OpenFile, yamlFile } from "./index.js";

type IpMap = Record<string, string>;

const parse = (document: unknown): IpMap => {
  if (document === null) return {};
  if (typeof document !== "object") throw new Error("not a map");
  return Object.fromEntries(Object.entries(document).map(([key, value]) => [key, String(value)]));
};

/** Warnings written, and a way to wait for the next one. */
function warnings(): { log: Logger; messages: string[]; next(): Promise<void> } {
  const messages: string[] = [];
  let wake = (): void => {};
  const log: Logger = {
    ...silentLogger,
    warn: (_fields, message) => {
      messages.push(message);
      wake();
    },
  };
  const next = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  return { log, messages, next };
}

describe("yamlFile", () => {
  let base = "";
  const open: OpenFile<unknown>[] = [];
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "nsm-files-"));
  });
  afterEach(() => {
    for (const file of open.splice(0)) file.close();
    rmSync(base, { recursive: true, force: true });
  });

  const watchAt = (path: string, log = silentLogger): OpenFile<IpMap> => {
    const file = yamlFile(path, parse, { clock: realClock, log, settleMs: 5 });
    open.push(file);
    return file;
  };
  /** Makes a change and waits until the value is what it should become. */
  const changed = (file: OpenFile<IpMap>, change: () => void, wanted: IpMap | undefined): Promise<void> =>
    new Promise((resolve) => {
      const listening = file.onChange((value) => {
        if (JSON.stringify(value) !== JSON.stringify(wanted)) return;
        listening[Symbol.dispose]();
        resolve();
      });
      change();
    });

  it("has the first content at once", () => {
    const path = join(base, "map.yaml");
    writeFileSync(path, "10.0.0.1: 1.1.1.1\n");
    expect(watchAt(path).current()).toEqual({ "10.0.0.1": "1.1.1.1" });
  });

  it("follows creation, writes in place, appending, atomic replacement and removal", async () => {
    const path = join(base, "map.yaml");
    const file = watchAt(path);
    expect(file.current()).toBeUndefined();
    await changed(file, () => writeFileSync(path, "a: b\n"), { a: "b" });
    await changed(file, () => writeFileSync(path, "a: c\n"), { a: "c" });
    await changed(file, () => appendFileSync(path, "d: e\n"), { a: "c", d: "e" });
    const other = join(base, "map.yaml.new");
    writeFileSync(other, "f: g\n");
    await changed(file, () => renameSync(other, path), { f: "g" });
    await changed(file, () => rmSync(path), undefined);
    expect(file.current()).toBeUndefined();
    await changed(file, () => writeFileSync(path, "h: i\n"), { h: "i" });
    expect(file.current()).toEqual({ h: "i" });
  });

  it("follows a ConfigMap volume, where only the link to the data changes", async () => {
    for (const version of ["1", "2"]) {
      mkdirSync(join(base, version));
      writeFileSync(join(base, version, "config.yaml"), `version: "${version}"\n`);
    }
    symlinkSync("1", join(base, "..data"));
    symlinkSync("..data/config.yaml", join(base, "config.yaml"));
    const file = watchAt(join(base, "config.yaml"));
    expect(file.current()).toEqual({ version: "1" });
    symlinkSync("2", join(base, "..data_tmp"));
    await changed(file, () => renameSync(join(base, "..data_tmp"), join(base, "..data")), { version: "2" });
  });

  it("makes a missing directory, and follows one that was removed and made again", async () => {
    const directory = join(base, "etc", "map");
    const path = join(directory, "map.yaml");
    const file = watchAt(path);
    expect(existsSync(directory)).toBe(true);
    await changed(file, () => writeFileSync(path, "a: b\n"), { a: "b" });
    await changed(file, () => rmSync(directory, { recursive: true }), undefined);
    expect(existsSync(directory)).toBe(true);
    await changed(file, () => writeFileSync(path, "a: c\n"), { a: "c" });
  });

  it("leaves a missing directory missing when told so, and finds it once it is there", async () => {
    const clock = new VirtualClock();
    const directory = join(base, "clusterinfo");
    const path = join(directory, "config.yaml");
    const file = yamlFile(path, parse, { clock, log: silentLogger, createDirectory: false, retryMs: 1000 });
    open.push(file);
    await clock.advance(5000);
    expect([file.current(), existsSync(directory)]).toEqual([undefined, false]);
    mkdirSync(directory);
    writeFileSync(path, "a: b\n");
    await clock.advance(1000);
    expect(file.current()).toEqual({ a: "b" });
  });

  it("keeps the last good value of a broken file and says so once", async () => {
    const path = join(base, "map.yaml");
    writeFileSync(path, "a: b\n");
    const { log, messages, next } = warnings();
    const file = watchAt(path, log);
    const warned = next();
    writeFileSync(path, "just text\n");
    await warned;
    expect(file.current()).toEqual({ a: "b" });
    // touched again, as broken as before
    await changed(
      file,
      () => {
        writeFileSync(path, "just other text\n");
        writeFileSync(path, "a: c\n");
      },
      { a: "c" },
    );
    expect(messages).toHaveLength(1);
  });

  it("a file that is broken from the start has no value until it is good", async () => {
    const path = join(base, "map.yaml");
    writeFileSync(path, "{ unclosed");
    const { log, messages } = warnings();
    const file = watchAt(path, log);
    expect([file.current(), messages.length]).toEqual([undefined, 1]);
    await changed(file, () => writeFileSync(path, "a: b\n"), { a: "b" });
  });

  it("calls back only for changed content, and no one who has left", async () => {
    const path = join(base, "map.yaml");
    writeFileSync(path, "a: b\n");
    const file = watchAt(path);
    const stayed: unknown[] = [];
    const left: unknown[] = [];
    file.onChange((value) => stayed.push(value));
    file.onChange((value) => left.push(value))[Symbol.dispose]();
    writeFileSync(path, "a: b\n");
    await changed(file, () => writeFileSync(path, "a: c\n"), { a: "c" });
    expect([stayed, left]).toEqual([[{ a: "c" }], []]);
  });

  it("leaves no timer behind when it is closed", async () => {
    const clock = new VirtualClock();
    const path = join(base, "map.yaml");
    const file = yamlFile(path, parse, { clock, log: silentLogger });
    const seen: unknown[] = [];
    file.onChange((value) => seen.push(value));
    const other = watchAt(path);
    await changed(other, () => writeFileSync(path, "a: b\n"), { a: "b" });
    expect(clock.pendingTimers).toBe(1);
    file.close();
    file.close();
    await clock.advance(1000);
    expect([clock.pendingTimers, seen]).toEqual([0, []]);
  });

  it("says why when the directory cannot be made", () => {
    writeFileSync(join(base, "file"), "");
    expect(() => watchAt(join(base, "file", "below", "map.yaml"))).toThrow(/ENOTDIR/);
  });
});
