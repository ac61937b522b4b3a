// SPDX-License-Identifier: Apache-2.0
import { IPContext, MechanismType, newNetworkService, newNetworkServiceEndpoint } from "@nsm/api";
import {
  type Connection,
  elementStatistics,
  endpointKind,
  type NetworkServiceElement,
  networkServiceKind,
  realClock,
  rootContext,
  silentLogger,
  startRegistry,
  withCancel,
} from "@nsm/core";
import { type Lab, NSM_DIRECTORY } from "@nsm/lab";
import { endpoint, registryClient } from "@nsm/sdk";
import { mechanismsServer } from "@nsm/sdk/networkservice/common/mechanisms";
import { sendfdServer } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { createConnector, linuxDescriptors, listen } from "@nsm/transport";

/** An endpoint that answers with what it is told to. */
export interface SpoilingEndpoint {
  /** Changes the answers from now on. */
  spoil: (connection: Connection) => void;
  /** Connections it holds. */
  connections(): number;
  stop(): Promise<void>;
}

const INTERFACE_NAME = "nse-if";

/**
 * Serves a network service from a new pod on the first node. Without spoiling its clients get a link with the addresses
 * 10.9.9.1/32 and, at the endpoint, 10.9.9.0/32.
 */
export async function startSpoilingEndpoint(
  lab: Lab,
  name: string,
  service: string,
): Promise<SpoilingEndpoint> {
  const node = lab.node(1);
  const pod = await node.addPod(name);
  const { ctx, cancel } = withCancel(rootContext({ clock: realClock, log: silentLogger }));
  const { tokens, security } = lab.processIdentity(name);
  const self = {
    spoil: (_connection: Connection): void => {},
    connections: () => elementStatistics(served.networkService)["begin-server.connections"] ?? Number.NaN,
    stop,
  };
  const answering: NetworkServiceElement = {
    name: "answering",
    async request(callCtx, request, next) {
      const { mechanism, context } = request.connection;
      if (mechanism) {
        mechanism.parameters.inodeURL = `file://${pod.holder.netnsPath}`;
        mechanism.parameters.name = INTERFACE_NAME;
      }
      context.ipContext = IPContext.fromPartial({ srcIpAddrs: ["10.9.9.1/32"], dstIpAddrs: ["10.9.9.0/32"] });
      self.spoil(request.connection);
      return await next.request(callCtx, request);
    },
  };
  const served = endpoint({
    ctx,
    tokens,
    name,
    elements: [mechanismsServer({ [MechanismType.KERNEL]: answering }), sendfdServer(linuxDescriptors)],
  });
  const socket = `${NSM_DIRECTORY}/${name}/listen.sock`;
  const server = await listen([new URL(`unix://${node.holder.path(socket)}`)], served, {
    context: ctx,
    security,
  });
  const connector = createConnector({ context: ctx, tokens, security });
  const registration = { ctx, connector, url: node.nsmgrUrl };
  const services = startRegistry(registryClient(networkServiceKind, registration));
  const endpoints = startRegistry(registryClient(endpointKind, registration));
  const offered = await services.register(ctx, newNetworkService({ name: service, payload: "IP" }));
  const entry = await endpoints.register(
    ctx,
    newNetworkServiceEndpoint({ name, networkServiceNames: [service], url: `unix://${socket}` }),
  );
  return self;

  async function stop(): Promise<void> {
    await endpoints.unregister(ctx, entry);
    await services.unregister(ctx, offered);
    await server.close();
    await connector.close();
    cancel();
    await pod.stop();
  }
}
