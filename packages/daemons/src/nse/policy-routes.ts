// SPDX-License-Identifier: Apache-2.0
import { PolicyRoute, parseCidr, parseIp, Route } from "@nsm/api";

/** Routing policies as clients get them. */
export type PolicyRoutes = readonly PolicyRoute[];

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Text of a field; numbers of YAML count as text. @throws Error naming the field */
function text(fields: Fields, key: string, place: string): string {
  const value = fields[key];
  if (value === undefined || value === null) return "";
  if (typeof value === "string" || typeof value === "number") return String(value);
  throw new Error(`${place}.${key}: not a text or number`);
}

function list(value: unknown, place: string): Fields[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isFields)) throw new Error(`${place}: not a list of maps`);
  return value;
}

function checked(value: string, isValid: boolean, place: string, expected: string): string {
  if (value !== "" && !isValid) throw new Error(`${place}: ${JSON.stringify(value)} is not ${expected}`);
  return value;
}

const isPort = (value: string): boolean => {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value);
  if (match === null) return false;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  return first <= last && last <= 65_535;
};

/**
 * Reads the file of `NSM_PBR_CONFIG_PATH` (upstream cmd-nse-icmp-responder): a list of `from` (CIDR put on the client),
 * `proto` (IP protocol number), `dstport` and `srcport` (number or `first-last`) and `routes` of `prefix` (CIDR) and
 * `nexthop` (IP).
 * @throws Error naming the field and what it must be; upstream takes anything
 */
export function parsePolicyRoutes(document: unknown): PolicyRoutes {
  return list(document, "policies").map((fields, index) => {
    const place = `policies[${index}]`;
    const from = text(fields, "from", place);
    const proto = text(fields, "proto", place);
    const port = (key: string): string => {
      const value = text(fields, key, place);
      return checked(value, isPort(value), `${place}.${key}`, "a port or a range of ports");
    };
    return PolicyRoute.fromPartial({
      from: checked(from, parseCidr(from) !== undefined, `${place}.from`, "a CIDR"),
      proto: checked(
        proto,
        /^\d{1,3}$/.test(proto) && Number(proto) < 256,
        `${place}.proto`,
        "an IP protocol",
      ),
      dstPort: port("dstport"),
      srcPort: port("srcport"),
      routes: list(fields.routes, `${place}.routes`).map((route, at) => {
        const where = `${place}.routes[${at}]`;
        const prefix = text(route, "prefix", where);
        const nextHop = text(route, "nexthop", where);
        if (parseCidr(prefix) === undefined) {
          throw new Error(`${where}.prefix: ${JSON.stringify(prefix)} is not a CIDR`);
        }
        return Route.fromPartial({
          prefix,
          nextHop: checked(nextHop, parseIp(nextHop) !== undefined, `${where}.nexthop`, "an IP address"),
        });
      }),
    });
  });
}
