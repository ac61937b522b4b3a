// SPDX-License-Identifier: Apache-2.0
import { parseIp } from "@nsm/api";
import { Code, type Context, type Resolver, StatusError, untilDone } from "@nsm/core";

/** `tcp://ip:port`, an IPv6 address in brackets. */
function addressUrl(address: string, port: number | string): URL {
  return new URL(`tcp://${address.includes(":") ? `[${address}]` : address}:${port}`);
}

/** The address of a domain that is a URL with a literal IP address and a port; undefined for domains of the DNS. */
function literalAddress(domain: string): URL | undefined {
  if (!URL.canParse(domain)) return undefined;
  const { hostname, port } = new URL(domain);
  const address = hostname.replace(/^\[|\]$/g, "");
  return port === "" || parseIp(address) === undefined ? undefined : addressUrl(address, port);
}

/**
 * Where a service of a domain listens: the domain itself when it is a URL of a literal address, for example
 * `tcp://10.0.0.1:5002`, else the port of the best SRV record and the first address of `<service>.<domain>`.
 * @throws INVALID_ARGUMENT EMPTY_DOMAIN; what the resolver throws; the end of the context
 */
export async function resolveService(
  ctx: Context,
  resolver: Resolver,
  service: string,
  domain: string,
): Promise<URL> {
  if (domain === "") {
    throw new StatusError(Code.INVALID_ARGUMENT, "domain cannot be empty", { reason: "EMPTY_DOMAIN" });
  }
  const literal = literalAddress(domain);
  if (literal !== undefined) return literal;
  const name = `${service}.${domain}`;
  const [records, addresses] = await untilDone(
    ctx,
    Promise.all([resolver.srv(name), resolver.addresses(name)]),
  );
  const [record] = records;
  const [address] = addresses;
  if (record !== undefined && address !== undefined) return addressUrl(address, record.port);
  throw new StatusError(Code.NOT_FOUND, `lookup ${name}: no such host`, { reason: "DNS_NOT_FOUND" });
}
