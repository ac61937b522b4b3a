// SPDX-License-Identifier: Apache-2.0
import { formatLine } from "./line.js";
import { createLog, type LogFormat } from "./process-log.js";

/** A log and the lines it wrote. */
function recorded(format: LogFormat = "text", level: "info" | "trace" = "info") {
  const lines: string[] = [];
  const processLog = createLog({
    level,
    format,
    fields: { cmd: "/bin/nsmgr" },
    write: (line) => lines.push(line),
  });
  return { processLog, log: processLog.log, lines };
}
const timeMs = new Date(2026, 10, 1, 2, 3, 4, 5).getTime();

describe("the text format", () => {
  it("is weekday, day, time, level, fields with id and name first, message", () => {
    const record = {
      level: 30,
      time: timeMs,
      msg: "hello",
      type: "t",
      name: "n",
      cmd: "/bin/nsmgr",
      id: "1",
    };
    expect(formatLine(record)).toBe(
      "Sun  1 02:03:04.005 [INFO] [id:1] [name:n] [cmd:/bin/nsmgr] [type:t] hello\n",
    );
  });

  it.each([
    [10, "TRAC"],
    [20, "DEBU"],
    [30, "INFO"],
    [40, "WARN"],
    [50, "ERRO"],
    [60, "FATA"],
  ])("writes pino's level %i as %s", (level, letters) => {
    expect(formatLine({ level, time: timeMs, msg: "m" })).toBe(`Sun  1 02:03:04.005 [${letters}] m\n`);
  });

  it("folds several lines into one", () => {
    expect(formatLine({ level: 30, time: timeMs, msg: "a\n b\n" })).toBe(
      "Sun  1 02:03:04.005 [INFO] a;\t b;\t\n",
    );
  });

  it("shows objects as JSON and errors by their message", () => {
    const { log, lines } = recorded();
    log.error({ err: new Error("broken"), n: 1, of: { a: [1] }, url: new URL("tcp://h:1") }, "failed");
    expect(lines[0]).toMatch(
      /^\w{3} [ \d]\d \d\d:\d\d:\d\d\.\d{3} \[ERRO\] \[cmd:\/bin\/nsmgr\] \[err:broken\] \[n:1\] \[of:\{"a":\[1\]\}\] \[url:tcp:\/\/h:1\] failed\n$/,
    );
  });
});

it("the JSON format writes one object per line", () => {
  const { log, lines } = recorded("json");
  log.child({ connId: "c" }).info({ n: 1 }, "hello");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: 30,
    cmd: "/bin/nsmgr",
    connId: "c",
    n: 1,
    msg: "hello",
  });
});

describe("the level", () => {
  it("holds back what is less urgent", () => {
    const { log, lines } = recorded();
    log.debug({}, "no");
    log.info({}, "yes");
    expect(lines).toHaveLength(1);
  });

  it("of loggers already made follows a change (OBS-05)", () => {
    const { processLog, log, lines } = recorded();
    const child = log.child({ id: "1" });
    child.info({}, "makes pino's child");
    processLog.setLevel("trace");
    child.trace({}, "now written");
    expect(child.isLevelEnabled("trace")).toBe(true);
    processLog.setLevel("info");
    child.trace({}, "not written");
    expect(child.isLevelEnabled("trace")).toBe(false);
    expect(lines).toHaveLength(2);
  });
});

describe("control characters", () => {
  const evil = "nse\u001b[2J\u0000\u007f\u009b31m\u202e\u2028\r\nMon  1 00:00:00.000 [INFO] forged";

  it("T19 of names that peers chose are shown, and start no line of their own", () => {
    const { log, lines } = recorded();
    log.child({ [`id${evil}`]: 1 }).info({ name: evil, of: { [evil]: [evil] } }, evil);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\p{Cc}\u2028\u202e\n]+(?:;\t[^\p{Cc}\u2028\u202e\n]*)+\n$/u);
    expect(lines[0]).toContain("[name:nse\\u001b[2J\\u0000\\u007f\\u009b31m\\u202e\\u2028;\t");
  });

  it("T19 are escaped in JSON too, and read back as they were", () => {
    const { log, lines } = recorded("json");
    log.info({ name: evil }, "m");
    expect(lines[0]).toMatch(/^[^\p{Cc}\u2028\u202e\n]+\n$/u);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ name: evil });
  });
});

describe("secrets", () => {
  it.each(["text", "json"] as const)("T17 never reach the %s format", (format) => {
    const { log, lines } = recorded(format);
    const path = { pathSegments: [{ id: "1", token: "abc-1", expires: 5 }] };
    log
      .child({ token: "abc-2" })
      .info({ path, "nsm-client-token": "abc-3", privateKey: { d: "abc-4" } }, "request");
    log.info({ text: "bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhYmMtNSJ9." }, "eyJhbGciOiJub25lIn0.eyJz.c2ln");
    expect(lines.join("")).not.toMatch(/abc-|eyJ/);
    expect(lines.join("").match(/\[redacted\]/g)).toHaveLength(6);
  });

  it("of empty tokens and other fields are left as they are", () => {
    const { log, lines } = recorded("json");
    log.info({ token: "", tokenExpires: 5 }, "m");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ token: "", tokenExpires: 5 });
  });
});
