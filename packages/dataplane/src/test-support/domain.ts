// SPDX-License-Identifier: Apache-2.0
import { IPContext, newMechanism, newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  type Connection,
  type Context,
  endpointKind,
  type Logger,
  type NetworkServiceElement,
  networkServiceKind,
  realClock,
  rootContext,
  silentLogger,
  start,
  startRegistry,
  withCancel,
} from "@nsm/core";
import { client } from "@nsm/sdk/chains/client";
import { endpoint } from "@nsm/sdk/chains/endpoint";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { memoryServer } from "@nsm/sdk/registry/common/memory";
import { memoryStore } from "@nsm/sdk/registry/stores";
import { matchNetworkServiceEndpoints, matchNetworkServices } from "@nsm/sdk/utils/matching";
import { capture, counter, MemoryNetwork, requestWith, testTokens } from "@nsm/testkit";
import { type Dataplane, type ForwarderOptions, forwarderServer } from "../forwarder/index.js";

/** Where the addresses of a test connection are. */
export interface TestAddresses {
  readonly src: readonly string[];
  readonly dst: readonly string[];
}

/** A client, forwarders and endpoints over the memory network; managers are left out: clients dial forwarders. */
export function testDomain(options: { readonly log?: Logger } = {}) {
  const ctx = rootContext({ clock: realClock, log: options.log ?? silentLogger });
  const network = new MemoryNetwork();
  const tokens = (name: string) => testTokens({ clock: realClock, subject: `spiffe://test.com/${name}` });
  const connector = (name: string) => network.connector({ tokens: tokens(name) });
  const networkServices = startRegistry(memoryServer(memoryStore(networkServiceKind, matchNetworkServices)));

  /** A forwarder with a registry of its own, as its node's manager shows it. */
  function forwarder(name: string, dataplane: Dataplane, extra: Partial<ForwarderOptions> = {}) {
    const endpoints = startRegistry(memoryServer(memoryStore(endpointKind, matchNetworkServiceEndpoints)));
    const make = (plane: Dataplane, life: Context) =>
      forwarderServer({
        name,
        tokens: tokens(name),
        connector: connector(name),
        descriptors: network.descriptors,
        registries: { networkServices, endpoints },
        dataplane: plane,
        ...extra,
        ctx: life,
      });
    const url = new URL(`tcp://${name}:5001`);
    let life = withCancel(extra.ctx ?? ctx);
    let served = make(dataplane, life.ctx);
    let server = network.listen(url, served, ctx);
    return {
      url,
      endpoints,
      get element() {
        return served.networkService;
      },
      get monitor() {
        return served.monitor;
      },
      /** Ends as a killed process does. */
      kill() {
        server.kill();
        life.cancel();
      },
      /** As a new process of the same name: nothing remembered, links still there. */
      restart(plane: Dataplane = dataplane) {
        this.kill();
        life = withCancel(extra.ctx ?? ctx);
        served = make(plane, life.ctx);
        server = network.listen(url, served, ctx);
      },
      forgets: (endpointName: string) =>
        endpoints.unregister(ctx, newNetworkServiceEndpoint({ name: endpointName })),
      knows: (endpointName: string, at: URL) =>
        endpoints.register(
          ctx,
          newNetworkServiceEndpoint({ name: endpointName, networkServiceNames: ["icmp"], url: at.href }),
        ),
    };
  }

  /** An endpoint in a pod that hands out addresses. */
  function nse(name: string, podUrl: string, addresses: TestAddresses, ...elements: NetworkServiceElement[]) {
    const url = new URL(`unix:///run/${name}.sock`);
    const [calls, seen] = [counter(), capture()];
    const answer: NetworkServiceElement = {
      name: "answer",
      request(callCtx, request, next) {
        const { context, mechanism } = request.connection;
        context.ipContext = IPContext.create({
          ...context.ipContext,
          srcIpAddrs: [...addresses.src],
          dstIpAddrs: [...addresses.dst],
        });
        if (mechanism !== undefined)
          mechanism.parameters = { inodeURL: podUrl, name: interfaceNameOf(request.connection) };
        return next.request(callCtx, request);
      },
    };
    const served = endpoint({
      ctx,
      name,
      tokens: tokens(name),
      elements: [calls, seen, ...elements, mechanismsServer({ KERNEL: answer })],
    });
    // Where descriptors pass, a namespace must be sent and not named
    const server = network.listen(url, served, ctx, { passesDescriptors: false });
    return { url, calls, seen, kill: () => server.kill() };
  }

  /** A client in a pod. */
  function nsc(forwarderUrl: URL, podUrl: string, name = "nsc") {
    const chain = start(client({ ctx, name, url: forwarderUrl, connector: connector(name), refresh: false }));
    return {
      request: (id: string, service = "icmp", interfaceName = "nsm-1"): Promise<Connection> =>
        chain.request(
          ctx,
          requestWith({ id, networkService: service }, [
            newMechanism("LOCAL", "KERNEL", { inodeURL: podUrl, name: interfaceName }),
          ]),
        ),
      refresh: (connection: Connection): Promise<Connection> =>
        chain.request(ctx, { connection, mechanismPreferences: [] }),
      close: (connection: Connection): Promise<void> => chain.close(ctx, connection),
    };
  }

  const service = (payload: string) =>
    networkServices.register(ctx, newNetworkService({ name: "icmp", payload }));

  return { forwarder, nse, nsc, service };
}

/** `nse-1` for the connection `c1` of the client, and so on. */
function interfaceNameOf({ path }: Connection): string {
  return `nse-${path.pathSegments[0]?.id.slice(1)}`;
}
