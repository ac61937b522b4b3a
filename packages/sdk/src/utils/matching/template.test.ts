// SPDX-License-Identifier: Apache-2.0
import { renderTemplate } from "./template.js";

const dot = { app: "web", "a-b": "dashed", empty: "" };

describe("renderTemplate", () => {
  it.each([
    ["plain", "plain"],
    ["{{.app}}", "web"],
    ["x-{{ .app }}-y", "x-web-y"],
    ["{{$.app}}", "web"],
    ["{{.absent}}", "<no value>"],
    ['{{ index . "a-b" }}', "dashed"],
    ['{{ index . "absent" }}', ""],
    ['{{ if eq .app "web" }}yes{{ else }}no{{ end }}', "yes"],
    ['{{ if eq .app "a" }}1{{ else if eq .app "web" }}2{{ else }}3{{ end }}', "2"],
    ['{{ if eq .app "a" "web" }}any{{ end }}', "any"],
    ["{{if .empty}}1{{else}}2{{end}}", "2"],
    ["{{if .absent}}1{{end}}done", "done"],
    ['{{ if eq .absent "x" }}1{{else}}2{{end}}', "2"],
    ['{{ if and .app (not .empty) (ne .app "db") }}ok{{ end }}', "ok"],
    ["{{ or .empty .app }}", "web"],
    ['{{ "a-b" | index . }}', "dashed"],
    ["{{ len .app }}", "3"],
    ["a  {{- .app -}}  b", "awebb"],
    ["a{{/* a comment with }} inside */}}b", "ab"],
    ["{{ `raw` }}", "raw"],
    ["{{ . }}", "map[a-b:dashed app:web empty:]"],
  ])("renders %j as %j", (template, expected) => {
    expect(renderTemplate(template, dot)).toBe(expected);
  });

  it.each([
    "{{.app",
    "{{}}",
    "{{.a-b}}",
    "{{ unknown .app }}",
    "{{ if .app }}open",
    "{{ end }}",
    "{{ else }}",
    "{{ .app.deeper }}",
    "{{ (.app }}",
    "{{ eq .app 1 }}",
    "{{ eq .app }}",
    '{{ "open }}',
    "{{ range .app }}{{ end }}",
    "{{ .app .app }}",
  ])("refuses %j", (template) => {
    expect(renderTemplate(template, dot)).toBeUndefined();
  });

  it("does not see inherited properties", () => {
    expect(renderTemplate("{{.constructor}}", {})).toBe("<no value>");
  });
});
