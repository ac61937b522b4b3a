// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";

/** Where every node's sockets lie, inside its mount namespace (upstream's host path). */
export const NSM_DIRECTORY = "/var/lib/networkservicemesh";

/** Where a workload finds the socket of its Workload API, inside its mount namespace (upstream's host path). */
export const WORKLOAD_API_DIRECTORY = "/run/spire/sockets";

/** The manager's socket. */
export const NSMGR_SOCKET = `${NSM_DIRECTORY}/nsm.io.sock`;

/** The daemons' scripts, as `scripts/bundle.mjs` leaves them below the repository. */
export const appScript = (repository: string, app: string): string =>
  join(repository, "apps", app, "dist", "main.mjs");

/** Command line of a script of ours. */
export const nodeCommand = (script: string): string[] => [process.execPath, "--enable-source-maps", script];

/** Where a daemon serves its counts, inside its node's or pod's mount namespace. */
export const debugSocket = (name: string): string => `/run/${name}.debug.sock`;
