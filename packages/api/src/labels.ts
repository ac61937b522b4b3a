// SPDX-License-Identifier: Apache-2.0

/** Labels as they are on the wire. */
export type Labels = { readonly [key: string]: string };

/** Value of a label; `undefined` when absent. Inherited names such as `constructor` count as absent. */
export function labelValue(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** True when each wanted label is there with the same value; no wanted labels match everything. */
export function containsLabels(labels: Labels, wanted: Labels): boolean {
  return Object.keys(wanted).every((key) => labelValue(labels, key) === wanted[key]);
}

/** A new record with the defaults added where `labels` has no such key. */
export function withDefaultLabels(labels: Labels, defaults: Labels): { [key: string]: string } {
  return { ...defaults, ...labels };
}
