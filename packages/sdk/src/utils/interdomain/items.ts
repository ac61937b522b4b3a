// SPDX-License-Identifier: Apache-2.0
import type { NetworkServiceEndpoint } from "@nsm/api";
import type { RegistryItem } from "@nsm/core";
import { domainOf, isInterdomain, joinDomain, targetOf } from "./names.js";

/** An item of either registry: all its names are of one domain. */
export type InterdomainItem = RegistryItem &
  Partial<Pick<NetworkServiceEndpoint, "networkServiceNames" | "networkServiceLabels">>;

const namesOf = ({ name, networkServiceNames = [] }: InterdomainItem): readonly string[] => [
  name,
  ...networkServiceNames,
];

/** True when the name, or that of a service, is one of another domain. */
export function isInterdomainItem(item: InterdomainItem): boolean {
  return namesOf(item).some(isInterdomain);
}

/** Domain of the first name that has one, its own before those of its services; empty without one. */
export function domainOfItem(item: InterdomainItem): string {
  return domainOf(namesOf(item).find(isInterdomain) ?? "");
}

/** Turns every name of the item, keys of labels included, into that inside its domain; in place. */
export function stripItem<T extends InterdomainItem>(item: T): T {
  return rename(item, targetOf);
}

/** Gives every name of the item the domain, also those that had none; in place. */
export function joinItem<T extends InterdomainItem>(item: T, domain: string): T {
  return rename(item, (name) => joinDomain(name, domain));
}

function rename<T extends InterdomainItem>(item: T, change: (name: string) => string): T {
  // a query without a name asks for any: it stays without one
  if (item.name !== "") item.name = change(item.name);
  if (item.networkServiceNames) item.networkServiceNames = item.networkServiceNames.map(change);
  if (item.networkServiceLabels) {
    const labels = Object.entries(item.networkServiceLabels).map(([name, entry]) => [change(name), entry]);
    item.networkServiceLabels = Object.fromEntries(labels);
  }
  return item;
}
