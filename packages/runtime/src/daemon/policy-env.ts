// SPDX-License-Identifier: Apache-2.0
import { list } from "../env/validators.js";

const masks = (...folders: readonly string[]): string =>
  folders.map((folder) => `etc/nsm/opa/${folder}/.*.rego`).join(",");

/** Policies of daemons that serve or call registries. Upstream: the same of every `cmd-*`. */
export const registryPolicyEnv = {
  registryServerPolicies: list({
    default: masks("common", "registry", "server"),
    desc: "policies for callers of registries: files, folders or expressions over paths; none: nobody is checked",
  }),
  registryClientPolicies: list({
    default: masks("common", "registry", "client"),
    desc: "policies for answers of registries",
  }),
};

/** Who may pass on what others started. Ours: upstream knows no such list. */
export const proxyEnv = {
  trustedProxies: list({
    desc: "SPIFFE IDs, * for any characters but /, of who may pass on what others started; empty: anybody",
  }),
};

/**
 * Policies of daemons that serve connections. Ours: upstream's cannot be changed.
 * @param networkServices masks by default
 */
export const connectionPolicyEnv = (networkServices: "upstream" | "none") => ({
  networkServicePolicies: list({
    default: networkServices === "none" ? "none" : masks("common", "server"),
    desc: "policies for Requests and Closes",
  }),
  monitorPolicies: list({
    default: "none",
    desc: `policies for who may follow connections, for example ${masks("monitor")}; none: everybody, tokens of others left out`,
  }),
});
