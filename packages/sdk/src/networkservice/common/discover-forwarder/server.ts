// SPDX-License-Identifier: Apache-2.0
import { clone, type NetworkServiceEndpoint, newNetworkServiceEndpoint, nextSegment, State } from "@nsm/api";
import {
  attemptsFailed,
  Code,
  type Connection,
  type Context,
  findAll,
  type NetworkServiceElement,
  StatusError,
} from "@nsm/core";
import { askOrFormer } from "../../utils/last-known.js";
import { deleteMetadata, loadMetadata, metadataKey, storeMetadata } from "../../utils/metadata/index.js";
import { RecentFailures } from "../../utils/recent-failures.js";
import {
  endpointUrl,
  findEndpoint,
  findNetworkService,
  type Registries,
} from "../../utils/registry-lookup.js";
import { clientUrl } from "../client-url/context.js";
import { withCallDescriptors } from "../mechanisms/recvfd/context.js";
import { suitableForwarders } from "./select.js";

/** Options of {@link discoverForwarderServer}. */
export interface DiscoverForwarderOptions {
  readonly registries: Registries;
  /** Network service that forwarders register. Default `forwarder`. */
  readonly forwarderService?: string;
  /** Address under which this manager registers its forwarders, as registered text; empty: all forwarders. */
  readonly managerUrl?: string;
}

const notFound = (message: string): StatusError =>
  new StatusError(Code.NOT_FOUND, message, { reason: "NO_FORWARDER" });

/** Puts the forwarder that the path goes through already, if it is there, in the first place. */
function preferNextSegment(connection: Connection, forwarders: NetworkServiceEndpoint[]): void {
  const name = nextSegment(connection.path)?.name;
  const index = forwarders.findIndex((forwarder) => forwarder.name === name);
  const [first, preferred] = [forwarders[0], forwarders[index]];
  if (first === undefined || preferred === undefined) return;
  forwarders[0] = preferred;
  forwarders[index] = first;
}

/**
 * Chooses the forwarder of a connection and puts its `clientUrl` into the context: the one used before; else, after
 * a restart, the one named in the next path segment; else the first suitable one (`suitableForwarders`) that
 * accepts, each tried with its own copy of the request, those that failed within the last two seconds last. A Request
 * in state RESELECT_REQUESTED chooses anew. A registry that cannot be reached does not end what is established: the
 * forwarder used before is asked. Close goes to that one, and goes on without URL when it is not found.
 * Descriptors received in a failed try stay open for the next one; what the caller announced and did not send is no
 * forwarder's failure and ends the Request. Place after `metadata`, before `recvfd` and
 * `connect`. State: the forwarder, in the metadata; who failed.
 * Upstream: `discoverforwarder.NewServer`. Deviations: upstream knows no failures of other requests, and fails
 * refreshes while the registry is away.
 * @throws NOT_FOUND NETWORK_SERVICE_NOT_FOUND, NO_FORWARDER; the last forwarder's code, FORWARDERS_FAILED; what
 *   `recvfd-server` throws
 */
export function discoverForwarderServer({
  registries,
  forwarderService = "forwarder",
  managerUrl = "",
}: DiscoverForwarderOptions): NetworkServiceElement {
  const chosen = metadataKey<NetworkServiceEndpoint>("server", "discover-forwarder.forwarder");
  const recent = new RecentFailures();

  async function candidatesFor(
    ctx: Context,
    connection: Connection,
    remembered: NetworkServiceEndpoint | undefined,
  ): Promise<NetworkServiceEndpoint[]> {
    const { networkService, payload } = connection;
    const service = await findNetworkService(ctx, registries, networkService, payload);
    const query = newNetworkServiceEndpoint({
      name: remembered?.name ?? "",
      networkServiceNames: [forwarderService],
      url: managerUrl,
    });
    const found = await findAll(registries.endpoints, ctx, query);
    const forwarders = suitableForwarders(connection, service, found, forwarderService);
    if (forwarders.length > 0) return recent.putLast(forwarders);
    throw notFound(
      remembered === undefined ? "no candidates found" : `forwarder ${remembered.name} is not available`,
    );
  }

  async function closeUrl(ctx: Context, connection: Connection): Promise<URL | undefined> {
    const former = deleteMetadata(ctx, chosen);
    const name = former?.name ?? nextSegment(connection.path)?.name;
    if (name === undefined) return undefined;
    const find = (askCtx: Context) => findEndpoint(askCtx, registries, name, managerUrl);
    try {
      return endpointUrl(await askOrFormer(ctx, former, find));
    } catch (error) {
      ctx.log.warn({ err: error, connId: connection.id }, "the forwarder to close at was not found");
      return undefined;
    }
  }

  return {
    name: "discover-forwarder-server",
    async request(ctx, request, next) {
      const { connection } = request;
      const reselect = connection.state === State.RESELECT_REQUESTED;
      const remembered = reselect ? undefined : loadMetadata(ctx, chosen);
      const forwarders = await askOrFormer(ctx, remembered && [remembered], (askCtx) =>
        candidatesFor(askCtx, connection, remembered),
      );
      if (remembered === undefined && !reselect) preferNextSegment(connection, forwarders);
      return withCallDescriptors(ctx, async (callCtx, descriptors) => {
        const failures: unknown[] = [];
        for (const forwarder of forwarders) {
          try {
            const url = endpointUrl(forwarder);
            const result = await next.request(callCtx.with(clientUrl, url), clone(request));
            recent.forget(forwarder.name);
            storeMetadata(ctx, chosen, clone(forwarder));
            return result;
          } catch (error) {
            if (descriptors.callerFault !== undefined) throw descriptors.callerFault;
            failures.push(error);
            recent.note(ctx, forwarder.name);
            ctx.log.warn(
              { err: error, connId: connection.id, forwarder: forwarder.name },
              "forwarder failed",
            );
            if (ctx.signal.aborted) break;
          }
        }
        throw attemptsFailed("all forwarders have failed", failures, "FORWARDERS_FAILED");
      });
    },
    async close(ctx, connection, next) {
      const url = await closeUrl(ctx, connection);
      await next.close(url === undefined ? ctx : ctx.with(clientUrl, url), connection);
    },
    statistics: () => ({ failed: recent.size }),
  };
}
