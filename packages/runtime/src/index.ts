// SPDX-License-Identifier: Apache-2.0
/** Binds a daemon to its process: environment, log, signals, sockets. */
export type { ConfigHost } from "./daemon/config-host.js";
export type { Counts, DebugReport } from "./daemon/debug-report.js";
export { connectionPolicyEnv, proxyEnv, registryPolicyEnv } from "./daemon/policy-env.js";
export { appEnvMarkdown, type HostedConfig, type RunDaemonOptions, runDaemon } from "./daemon/run-daemon.js";
export { type SharedEnv, sharedEnv } from "./daemon/shared-env.js";
export {
  defineEnv,
  describeProblem,
  EnvError,
  type EnvOf,
  type EnvProblem,
  type EnvSpec,
  mergeEnv,
  readEnv,
  type ValuesOf,
  type Variables,
} from "./env/define-env.js";
export { envMarkdown, envTable } from "./env/env-table.js";
export { parseGoDuration } from "./env/go-duration.js";
export { networkServiceUrls } from "./env/network-service-urls.js";
export {
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
  type RangeOptions,
  string,
  uint,
  url,
  urlList,
} from "./env/validators.js";
export {
  type CustomOptions,
  custom,
  type Lookup,
  type Variable,
  type VariableOptions,
} from "./env/variable.js";
export { createLog, type LogFormat, type LogOptions, type ProcessLog } from "./log/process-log.js";
