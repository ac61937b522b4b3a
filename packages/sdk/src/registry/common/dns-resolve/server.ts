// SPDX-License-Identifier: Apache-2.0
import { clone } from "@nsm/api";
import type {
  Context,
  RegistryElement,
  RegistryItem,
  RegistryKind,
  RegistryQuery,
  Resolver,
} from "@nsm/core";
import { domainOfItem, type InterdomainItem, joinItem, stripItem } from "../../../utils/interdomain/index.js";
import { registrationScope } from "../client-conn/context.js";
import { clientUrl } from "../client-url/context.js";
import { resolveService } from "./resolve.js";

/** Names that domains publish; the defaults are upstream's. */
export interface DnsResolveOptions {
  /** Default `registry.nsm-system`. */
  readonly registryService?: string;
  /** Default `nsmgr-proxy.nsm-system`. */
  readonly managerProxyService?: string;
}

const isEndpoint = (item: RegistryItem): item is RegistryItem & { url: string } => "url" in item;

/**
 * Sends calls for `target@domain` to the registry of that domain with the bare names, and gives the names of its
 * answers the domain again: in a Register's answer all, also those that came without. Found endpoints get the address of the
 * domain's nsmgr-proxy; where that is not published they keep the one that the domain's registry knows. All names
 * of an item count as of the domain of the first. Addresses of Register and Unregister stay as they are.
 * Place before `connect`. State: none. Upstream: `dnsresolve`, which looks an empty domain up but in a Find of
 * network services.
 * @throws INVALID_ARGUMENT EMPTY_DOMAIN `domain cannot be empty`; NOT_FOUND or UNAVAILABLE of the resolver
 */
export function dnsResolveServer<T extends InterdomainItem>(
  kind: RegistryKind<T>,
  resolver: Resolver,
  {
    registryService = "registry.nsm-system",
    managerProxyService = "nsmgr-proxy.nsm-system",
  }: DnsResolveOptions = {},
): RegistryElement<T> {
  const towards = async (ctx: Context, domain: string): Promise<Context> => {
    const url = await resolveService(ctx, resolver, registryService, domain);
    return ctx.with(clientUrl, url).with(registrationScope, domain);
  };

  const managerProxy = async (ctx: Context, domain: string): Promise<URL | undefined> => {
    if (kind.type === "NetworkService") return undefined;
    try {
      return await resolveService(ctx, resolver, managerProxyService, domain);
    } catch (error) {
      ctx.log.info({ err: error, domain }, "domain publishes no nsmgr-proxy");
      return undefined;
    }
  };

  return {
    name: "dns-resolve-server",
    async register(ctx, item, next) {
      const domain = domainOfItem(item);
      const registered = await next.register(await towards(ctx, domain), stripItem(clone(item)));
      return joinItem(registered, domain);
    },
    async *find(ctx, query, next) {
      const domain = domainOfItem(query.item);
      const [there, proxy] = await Promise.all([towards(ctx, domain), managerProxy(ctx, domain)]);
      const stripped: RegistryQuery<T> = { item: stripItem(clone(query.item)), watch: query.watch };
      for await (const hit of next.find(there, stripped)) {
        const { item } = hit;
        joinItem(item, domain);
        if (proxy !== undefined && isEndpoint(item)) item.url = proxy.href;
        yield hit;
      }
    },
    async unregister(ctx, item, next) {
      await next.unregister(await towards(ctx, domainOfItem(item)), stripItem(clone(item)));
    },
  };
}
