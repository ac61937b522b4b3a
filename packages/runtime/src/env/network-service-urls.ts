// SPDX-License-Identifier: Apache-2.0
import { type NetworkServiceUrl, parseNetworkServiceUrl } from "@nsm/api";
import { custom, type Variable, type VariableOptions } from "./variable.js";

/**
 * Network service URLs separated by commas, `kernel://my-service@domain/nsm-1?app=x` (upstream `NSM_NETWORK_SERVICES`).
 * A comma inside a label is written `%2C`.
 * @param options.mechanismVariable variable whose text is the mechanism of URLs without scheme; `kernel` when unset
 */
export function networkServiceUrls(
  options: VariableOptions & { readonly mechanismVariable: string },
): Variable<readonly NetworkServiceUrl[]> {
  const { mechanismVariable, ...rest } = options;
  return custom(
    (text, lookup) => {
      const mechanism = lookup(mechanismVariable) ?? "kernel";
      return text.trim() === "" ? [] : text.split(",").map((url) => parseNetworkServiceUrl(url, mechanism));
    },
    {
      ...rest,
      type: "Comma-separated list of URL",
      expected: "mechanism://service[@domain][/interface][?label=value&…], several separated by commas",
    },
  );
}
