// SPDX-License-Identifier: Apache-2.0
import { defineEnv } from "./define-env.js";
import { envMarkdown, envTable } from "./env-table.js";
import { bool, goDuration, url } from "./validators.js";

const spec = defineEnv("NSM", {
  connectTo: url({ desc: "the node's manager" }),
  dialTimeoutMs: goDuration({ env: "DIAL_TIMEOUT", default: "750ms", desc: "dial of the next hop" }),
  telemetry: bool({ env: "TELEMETRY", bare: true, desc: "a|b", later: "not yet" }),
});

it("the usage table has upstream's columns", () => {
  expect(envTable(spec).split("\n").slice(3)).toEqual([
    "KEY                 TYPE             DEFAULT    REQUIRED    DESCRIPTION",
    "NSM_CONNECT_TO      URL                         true        the node's manager",
    "NSM_DIAL_TIMEOUT    Duration         750ms                  dial of the next hop",
    "TELEMETRY           True or False                           a|b (accepted, without effect yet: not yet)",
    "",
  ]);
});

it("the Markdown table escapes bars and marks required variables", () => {
  expect(envMarkdown(spec)).toBe(
    [
      "| Variable           | Type          | Default | Meaning                                      |",
      "| ------------------ | ------------- | ------- | -------------------------------------------- |",
      "| `NSM_CONNECT_TO`   | URL           |         | the node's manager (required)                |",
      "| `NSM_DIAL_TIMEOUT` | Duration      | `750ms` | dial of the next hop                         |",
      "| `TELEMETRY`        | True or False |         | a\\|b (accepted, without effect yet: not yet) |",
    ].join("\n"),
  );
});
