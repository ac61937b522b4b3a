// SPDX-License-Identifier: Apache-2.0
/** Whole domains as processes in network namespaces of one machine; development only. */
export { leftBehind, snapshotDifference } from "./checks/clean.js";
export { type DaemonCounts, daemonCounts, processCounts } from "./checks/counts.js";
export { type InterfaceSeen, interfaceSeen } from "./checks/interface.js";
export { type MtuSeen, mtuSeen } from "./checks/mtu.js";
export { type PathSeen, pathSeen } from "./checks/path.js";
export { bidirectional, type PingOptions, type PingSeen, pingFrom } from "./checks/ping.js";
export { descriptorsByKind, type Snapshot, takeSnapshot } from "./checks/snapshot.js";
export { bareIp, type Connected, connectClient, pingBothWays } from "./demo/connect.js";
export { type DemoOptions, runDemo } from "./demo/demo.js";
export type { LabIdentity, ProcessIdentity, ServedIdentity } from "./identity/lab-identity.js";
export { execInPod, runningPods } from "./launcher/enter.js";
export { EXIT_NO_LINKS, type LaunchOptions, launch } from "./launcher/launch.js";
export { missingRequirements, namespaceAdvice } from "./launcher/requirements.js";
export {
  runScenario,
  type Scenario,
  type ScenarioForm,
  type ScenarioOutcome,
  type ScenarioRun,
  Skip,
} from "./scenario/scenario.js";
export { Lab, type LabOptions } from "./world/lab.js";
export { type LabProcess, mustRun } from "./world/lab-process.js";
export type { LabNode } from "./world/node.js";
export { debugSocket, NSM_DIRECTORY, NSMGR_SOCKET } from "./world/paths.js";
export type { Pod, Workload, WorldOptions } from "./world/pod.js";
export { Probe } from "./world/probe.js";
export { partition, withRouteSocket } from "./world/underlay.js";
export { Hopeless, WaitedTooLong, waitFor } from "./world/wait.js";
export { runWorld, type WorldProgram } from "./world/world.js";
