// SPDX-License-Identifier: Apache-2.0
/** The part of the lab that runs outside its namespaces; bundled for the repository's scripts. */
export { execInPod, runningPods } from "../launcher/enter.js";
export { EXIT_NO_LINKS, launch } from "../launcher/launch.js";
export { missingRequirements, namespaceAdvice } from "../launcher/requirements.js";
