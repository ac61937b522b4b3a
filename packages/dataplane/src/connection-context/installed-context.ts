// SPDX-License-Identifier: Apache-2.0
import type { PlannedRoute } from "./plan.js";

/** What we put onto a pod's link, so that what a later plan lacks can be removed. Belongs to one side of a connection. */
export class InstalledContext {
  linkIndex: number | undefined;
  hasAddresses = false;
  readonly routes = new Map<string, PlannedRoute>();
  readonly neighbours = new Set<string>();

  /** Forgets everything when the link was made anew. */
  follow(linkIndex: number): void {
    if (this.linkIndex === linkIndex) return;
    this.linkIndex = linkIndex;
    this.hasAddresses = false;
    this.routes.clear();
    this.neighbours.clear();
  }
}
