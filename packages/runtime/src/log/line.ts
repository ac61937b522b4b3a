// SPDX-License-Identifier: Apache-2.0

import { withoutControl } from "./control-characters.js";

/** A record as pino writes it. */
interface LogRecord {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** First four letters of logrus' level names, by pino's level number. */
const letters: Readonly<Record<number, string>> = {
  10: "TRAC",
  20: "DEBU",
  30: "INFO",
  40: "WARN",
  50: "ERRO",
  60: "FATA",
};
const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const fieldsOfPino = new Set(["level", "time", "msg"]);
const firstFields = ["id", "name"];

/**
 * One record in the line shape of upstream's `logruslogger`:
 * `Mon _2 15:04:05.000 [LEVL] [id:..] [name:..] [otherField:..] message` and a line feed. Local time, fields
 * sorted after `id` and `name`; a text of several lines becomes one, each part followed by `;` and a tab. Other control
 * characters are shown, not written.
 */
export function formatLine(record: LogRecord): string {
  const names = Object.keys(record).filter((name) => !fieldsOfPino.has(name) && record[name] !== undefined);
  const ordered = [
    ...firstFields.filter((name) => names.includes(name)),
    ...names.filter((name) => !firstFields.includes(name)).sort(),
  ];
  const fields = ordered.map((name) => `[${name}:${valueText(record[name])}] `).join("");
  const text = `${fields}${record.msg ?? ""}`;
  return `${timeText(new Date(record.time))} [${letters[record.level] ?? "INFO"}] ${withoutControl(fold(text))}\n`;
}

function timeText(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${weekdays[time.getDay()]} ${String(time.getDate()).padStart(2, " ")}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${day} ${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  if (isErrorRecord(value)) return value.message;
  return JSON.stringify(value);
}

const isErrorRecord = (value: unknown): value is { message: string } =>
  typeof value === "object" &&
  value !== null &&
  "stack" in value &&
  "message" in value &&
  typeof value.message === "string";

/** A text without line feeds stays as it is. */
function fold(text: string): string {
  if (!/[\r\n]/.test(text)) return text;
  return text
    .replace(/[\r\n]+$/, "")
    .split(/\r\n|\r|\n/)
    .map((line) => `${line};\t`)
    .join("");
}
