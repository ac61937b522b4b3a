// SPDX-License-Identifier: Apache-2.0
import { DNSConfig, parseIp } from "@nsm/api";

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");

function texts(fields: object, key: string, place: string): string[] {
  const value = (fields as Record<string, unknown>)[key] ?? [];
  if (!isTexts(value)) throw new Error(`${place}.${key}: not a list of texts`);
  return value;
}

/**
 * Reads `NSM_DNS_CONFIGS` (upstream cmd-nse-icmp-responder): a JSON list of `dns_server_ips` and `search_domains`.
 * Blank text has none.
 * @throws Error naming the field and what it must be
 */
export function parseDnsConfigs(json: string): DNSConfig[] {
  if (json.trim() === "") return [];
  const document: unknown = JSON.parse(json);
  if (!Array.isArray(document)) throw new Error("not a list");
  return document.map((fields: unknown, index) => {
    const place = `[${index}]`;
    if (typeof fields !== "object" || fields === null) throw new Error(`${place}: not an object`);
    const dnsServerIps = texts(fields, "dns_server_ips", place);
    const wrong = dnsServerIps.find((ip) => parseIp(ip) === undefined);
    if (wrong !== undefined) {
      throw new Error(`${place}.dns_server_ips: ${JSON.stringify(wrong)} is not an IP address`);
    }
    return DNSConfig.fromPartial({ dnsServerIps, searchDomains: texts(fields, "search_domains", place) });
  });
}
