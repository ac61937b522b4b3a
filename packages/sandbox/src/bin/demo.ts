// SPDX-License-Identifier: Apache-2.0
/** Loaded by `npm run demo -- --sandbox`. */
export { runSandboxDemo, type SandboxDemoOptions } from "../demo/demo.js";
