// SPDX-License-Identifier: Apache-2.0
import { type Connected, connectClient, type Lab, type Scenario, type ScenarioRun, waitFor } from "@nsm/lab";
import { Mesh, type MeshClient, type MeshOptions } from "./mesh.js";

/** HEAL-CP: from the restarted component SERVING. */
export const CONTROL_PLANE_BOUND_MS = 10_000;
/** All clients of a mesh, started at once. */
export const CONNECT_BOUND_MS = 15_000;
/** Life of tokens in meshes: connections of dead clients expire so late. */
export const TOKEN_MS = 20_000;
/** CLEAN after a kill. */
export const EXPIRY_BOUND_MS = TOKEN_MS + 5_000;

/**
 * Tokens of the mesh. A connection ends when the requester's token has no longer to live than its Request might still
 * have taken, so that the time for a Request must be a small part of that life.
 */
export const meshEnv = { NSM_MAX_TOKEN_LIFETIME: `${TOKEN_MS / 1000}s`, NSM_REQUEST_TIMEOUT: "5s" };

/** What the scenarios with a mesh have in common. Unless they say otherwise they run in full form only. */
export const meshScenario = (
  scenario: Pick<Scenario, "id" | "title" | "run"> & Partial<Scenario>,
): Scenario => ({ nodes: 2, timeoutMs: 300_000, env: meshEnv, forms: ["full"], ...scenario });

/** The mesh of the catalogue, 20 clients and 4 endpoints, or in short form 4 and 2; all are connected. */
export async function startMesh(
  lab: Lab,
  { form, options }: ScenarioRun,
  changes: Partial<MeshOptions> = {},
): Promise<Mesh> {
  const mesh = await Mesh.start(lab, {
    clients: form === "full" ? 20 : 4,
    endpointsPerService: form === "full" ? 2 : 1,
    repository: options.repository,
    sampler: form === "full" ? { intervalMs: 500, timeoutMs: 1000 } : { intervalMs: 100, timeoutMs: 500 },
    ...changes,
  });
  await mesh.connect(CONNECT_BOUND_MS);
  await mesh.allAnswer(5000);
  return mesh;
}

/** Clients (by the name in the first segment) whose connections the daemon at `url` holds. */
export async function knownClients(lab: Lab, url: URL): Promise<string[]> {
  const connections = Object.values(await lab.probe.connections(url));
  return connections.map(({ path }) => path?.pathSegments[0]?.name ?? "").sort();
}

/** Waits until the daemon at `url` holds the connections of all these clients. */
export async function knowsClients(
  lab: Lab,
  url: URL,
  clients: readonly Pick<MeshClient, "name">[],
  boundMs = CONTROL_PLANE_BOUND_MS,
): Promise<void> {
  await waitFor(`${url.pathname} knows its clients`, boundMs, async () => {
    const known = await knownClients(lab, url);
    const missing = clients.filter(({ name }) => !known.includes(name));
    if (missing.length > 0) throw new Error(`unknown: ${missing.map(({ name }) => name).join(", ")}`);
    return true;
  });
}

/** Waits until every name is registered. */
export async function registered(
  lab: Lab,
  url: URL,
  names: readonly string[],
  boundMs: number,
): Promise<void> {
  await waitFor("endpoints and forwarders are registered", boundMs, async () => {
    const found = (await lab.probe.endpoints(url)).map(({ name }) => name);
    const missing = names.filter((name) => !found.includes(name));
    if (missing.length > 0) throw new Error(`not registered: ${missing.join(", ")}`);
    return true;
  });
}

/** A real client process beside those of the load processes. */
export function extraClient(
  mesh: Mesh,
  name: string,
  boundMs: number,
  service = "mesh-1",
): Promise<Connected> {
  return connectClient(mesh.lab, mesh.lab.node(1), name, `kernel://${service}/nsm-1`, boundMs);
}

/** Waits for a while of real time: what is tested is that nothing happens meanwhile. */
export const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
