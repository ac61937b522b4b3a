// SPDX-License-Identifier: Apache-2.0
import type { LogLevel } from "@nsm/core";
import { defineEnv, type EnvOf } from "../env/define-env.js";
import { bool, enumeration, goDuration, list, string } from "../env/validators.js";
import { custom } from "../env/variable.js";
import { registryPolicyEnv } from "./policy-env.js";

const levels: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error", "fatal"];
const TELEMETRY_LATER = "telemetry is not part of this version";
const PROFILER_LATER = "there is no profiler endpoint in this version";

/** Variables that every daemon reads; `runDaemon` puts them before the daemon's own. */
export const sharedEnv = defineEnv("NSM", {
  logLevel: enumeration(levels, {
    default: "INFO",
    aliases: { warning: "warn", panic: "fatal" },
    desc: "least urgent level written: panic, fatal, error, warn, info, debug or trace, any case",
  }),
  logFormat: enumeration(["text", "json"], {
    default: "text",
    desc: "text: one line per record in upstream's shape; json: one object per line",
  }),
  insecure: bool({
    default: "false",
    desc: "run without workload identity: nothing is encrypted, anybody can claim any name",
  }),
  spiffeEndpointSocket: string({
    env: "SPIFFE_ENDPOINT_SOCKET",
    bare: true,
    desc: "socket of the SPIFFE Workload API, which gives the identity; waited for at start",
  }),
  maxTokenLifetimeMs: goDuration({
    env: "MAX_TOKEN_LIFETIME",
    default: "10m",
    desc: "longest life of a token this daemon makes",
  }),
  debugListenOn: custom(readDebugSocket, {
    desc: "unix socket that serves counts of timers, streams and descriptors as JSON; empty: none",
    type: "URL",
    expected: "unix:///path or /path, or empty",
  }),
  allowedPeers: list({
    default: "",
    desc: "who may connect: trust domains, SPIFFE IDs, or IDs that end in /*; empty: every ID of a known trust domain",
  }),
  nodeName: name("NODE_NAME", "node the daemon runs on, label nodeName"),
  podName: name("POD_NAME", "pod the daemon runs in, label podName"),
  clusterName: name("CLUSTER_NAME", "cluster the daemon runs in, label clusterName"),
  registryServerPolicies: {
    ...registryPolicyEnv.registryServerPolicies,
    later: "this daemon serves no registry",
  },
  registryClientPolicies: registryPolicyEnv.registryClientPolicies,
  telemetry: bool({
    env: "TELEMETRY",
    bare: true,
    default: "false",
    desc: "traces and metrics",
    later: TELEMETRY_LATER,
  }),
  openTelemetryEndpoint: string({
    default: "otel-collector.observability.svc.cluster.local:4317",
    desc: "OpenTelemetry collector",
    later: TELEMETRY_LATER,
  }),
  metricsExportIntervalMs: goDuration({
    env: "METRICS_EXPORT_INTERVAL",
    default: "10s",
    desc: "period of metric export",
    later: TELEMETRY_LATER,
  }),
  pprofEnabled: bool({ default: "false", desc: "profiler endpoint", later: PROFILER_LATER }),
  pprofListenOn: string({
    default: "localhost:6060",
    desc: "address of the profiler",
    later: PROFILER_LATER,
  }),
});

/** Values of {@link sharedEnv}. */
export type SharedEnv = EnvOf<typeof sharedEnv>;

function name(env: string, desc: string) {
  return custom((text): string | undefined => (text === "" ? undefined : text), {
    env,
    bare: true,
    desc,
    type: "String",
    expected: "any text",
  });
}

function readDebugSocket(text: string): string | undefined {
  if (text === "") return undefined;
  const path = text.replace(/^unix:(?:\/\/)?/, "");
  if (!path.startsWith("/")) throw new Error("not an absolute path of a unix socket");
  return path;
}
