// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceElement } from "@nsm/core";
import { client } from "@nsm/sdk/chains/client";
import { connectServer } from "@nsm/sdk/networkservice/common/connect";
import { mechanismTranslationClient } from "@nsm/sdk/networkservice/common/mechanism-translation";
import { kernelClient } from "@nsm/sdk/networkservice/common/mechanisms/kernel";
import { sendfdClient } from "@nsm/sdk/networkservice/common/mechanisms/sendfd";
import { replaceNseNameClient } from "@nsm/sdk/networkservice/common/passthrough";
import type { Domain } from "../../index.js";

/** Asks the next hop for another network service; the caller gets its own back. */
function replaceServiceClient(networkService: string): NetworkServiceElement {
  return {
    name: "replace-service-client",
    async request(ctx, request, next) {
      const own = request.connection.networkService;
      request.connection.networkService = networkService;
      const connection = await next.request(ctx, request);
      connection.networkService = own;
      return connection;
    },
    close(ctx, connection, next) {
      connection.networkService = networkService;
      return next.close(ctx, connection);
    },
  };
}

/** Passes a connection on to another network service, asked for at `managerUrl`: an element of an endpoint. */
export function passThrough(
  domain: Domain,
  name: string,
  managerUrl: URL,
  networkService: string,
): NetworkServiceElement {
  const { ports, lifetime } = domain.newProcess(name);
  return connectServer(
    client({
      ctx: lifetime.ctx,
      name,
      url: managerUrl,
      connector: ports.connector,
      refresh: false,
      elements: [
        mechanismTranslationClient(),
        replaceServiceClient(networkService),
        replaceNseNameClient(),
        kernelClient(),
        sendfdClient(ports.descriptors),
      ],
    }),
  );
}
