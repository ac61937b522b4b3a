// SPDX-License-Identifier: Apache-2.0
import { InvalidValueError } from "./errors.js";
import { type DNSConfig, type ExtraPrefixRequest, IpFamily_Family } from "./gen/connectioncontext.js";

/**
 * Checks a request for extra prefixes (upstream `ExtraPrefixRequest.IsValid`).
 *
 * @throws INVALID_ARGUMENT NSM_EXTRA_PREFIX_REQUEST when absent, a number or the prefix length is below 1, more
 * prefixes are required than requested, or the family is absent or shorter than the prefix length
 */
export function checkExtraPrefixRequest(
  request: ExtraPrefixRequest | undefined,
): asserts request is ExtraPrefixRequest {
  if (request === undefined) throw badPrefixRequest("request", "extra prefix request is absent");
  const { requiredNumber, requestedNumber, prefixLen, addrFamily } = request;
  if (requiredNumber < 1) throw badPrefixRequest("requiredNumber", "required number of prefixes is below 1");
  if (requestedNumber < 1)
    throw badPrefixRequest("requestedNumber", "requested number of prefixes is below 1");
  if (requiredNumber > requestedNumber) {
    throw badPrefixRequest("requiredNumber", "more prefixes are required than requested");
  }
  if (prefixLen < 1) throw badPrefixRequest("prefixLen", "prefix length is below 1");
  if (addrFamily === undefined) throw badPrefixRequest("addrFamily", "address family is absent");
  const maxLength = addrFamily.family === IpFamily_Family.IPV4 ? 32 : 128;
  if (prefixLen > maxLength) throw badPrefixRequest("prefixLen", `prefix length is above ${maxLength}`);
}

/**
 * Checks a DNS configuration; the texts are upstream's.
 *
 * @throws INVALID_ARGUMENT NSM_DNS_CONFIG when absent or without server addresses
 */
export function checkDnsConfig(config: DNSConfig | undefined): asserts config is DNSConfig {
  if (config === undefined) {
    throw new InvalidValueError("NSM_DNS_CONFIG", "config", "dnsConfig should not be nil");
  }
  if (config.dnsServerIps.length === 0) {
    throw new InvalidValueError("NSM_DNS_CONFIG", "dnsServerIps", "dnsConfig should have records");
  }
}

function badPrefixRequest(part: string, message: string): InvalidValueError {
  return new InvalidValueError("NSM_EXTRA_PREFIX_REQUEST", part, message);
}
