// SPDX-License-Identifier: Apache-2.0

import { newMechanism } from "./builders.js";
import { InvalidValueError } from "./errors.js";
import type { Mechanism } from "./gen/connection.js";
import { CommonParameter, MechanismClass } from "./mechanisms/constants.js";
import { INTERFACE_NAME_MAX_BYTES } from "./mechanisms/kernel.js";
import { setOwn } from "./plain-data.js";

/** What a client asks for, as written in `NSM_NETWORK_SERVICES` and in the pod annotation. */
export interface NetworkServiceUrl {
  /** Network service, `name` or `name@domain`. */
  readonly service: string;
  /** Class LOCAL; the type is not checked. Parameter `name` is set only when the URL has a path. */
  readonly mechanism: Mechanism;
  /** Query; values of a repeated key joined by a comma. */
  readonly labels: { [key: string]: string };
}

const SHAPE = /^(?:([^:/?#]*):\/\/)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?(?:#.*)?$/s;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;

/**
 * Reads `<mechanism>://<service>[@<domain>][/<interface>][?<label>=<value>&…]` (upstream sdk `pkg/tools/nsurl`), for
 * example `kernel://my-service@dc.example.com/nsm-1?app=x`. Fragment, port and password are ignored.
 *
 * Beyond upstream: `vpn/if-vpn`, without a mechanism, takes the default one; empty services and interface names
 * that the kernel would refuse are errors here, not failures of the first request.
 *
 * @param defaultMechanism type for text without `://`, any case; without it such text is an error
 * @throws INVALID_ARGUMENT NSM_SERVICE_URL; `part` is `url`, `mechanism`, `service`, `interface` or `labels`
 */
export function parseNetworkServiceUrl(text: string, defaultMechanism?: string): NetworkServiceUrl {
  const match = SHAPE.exec(text);
  if (match === null) throw bad("url", text, "not a network service URL");
  const [, scheme, authority = "", path, query = ""] = match;
  const type = (scheme ?? defaultMechanism ?? "").toUpperCase();
  if (!SCHEME.test(type)) throw bad("mechanism", text, "mechanism missing or malformed");
  const parameters: { [key: string]: string } = {};
  if (path !== undefined) parameters[CommonParameter.INTERFACE_NAME] = readInterfaceName(path, text);
  return {
    service: readService(authority, text),
    mechanism: newMechanism(MechanismClass.LOCAL, type, parameters),
    labels: readLabels(query, text),
  };
}

function readService(authority: string, text: string): string {
  const at = authority.lastIndexOf("@");
  const hostMatch = /^([^:@[\]\s]*)(?::[0-9]*)?$/.exec(authority.slice(at + 1));
  const host = decode(hostMatch?.[1] ?? "", "service", text);
  if (host === "") throw bad("service", text, "network service missing or malformed");
  if (at < 0) return host;
  const user = decode(authority.slice(0, at).split(":")[0] ?? "", "service", text);
  if (user === "") throw bad("service", text, "network service missing before @");
  return `${user}@${host}`;
}

function readInterfaceName(path: string, text: string): string {
  const decoded = decode(path, "interface", text);
  const name = decoded.slice(decoded.lastIndexOf("/") + 1);
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > INTERFACE_NAME_MAX_BYTES) {
    const limit = `${INTERFACE_NAME_MAX_BYTES} bytes`;
    throw bad("interface", text, `interface name ${JSON.stringify(name)} is longer than ${limit}`);
  }
  return name;
}

function readLabels(query: string, text: string): { [key: string]: string } {
  const joined = new Map<string, string>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const [rawKey, rawValue] = equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
    const key = decode(rawKey.replaceAll("+", " "), "labels", text);
    const value = decode(rawValue.replaceAll("+", " "), "labels", text);
    const before = joined.get(key);
    joined.set(key, before === undefined ? value : `${before},${value}`);
  }
  const labels: { [key: string]: string } = {};
  for (const [key, value] of joined) setOwn(labels, key, value);
  return labels;
}

function decode(raw: string, part: string, text: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw bad(part, text, "malformed percent escape");
  }
}

function bad(part: string, text: string, problem: string): InvalidValueError {
  return new InvalidValueError("NSM_SERVICE_URL", part, `${part} of ${JSON.stringify(text)}: ${problem}`);
}
