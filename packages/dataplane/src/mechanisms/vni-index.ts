// SPDX-License-Identifier: Apache-2.0
import type { Link } from "@nsm/linux";

/**
 * VNIs in use on this node. The kernel wants a VNI to be unique per namespace and UDP port whatever the remote,
 * while NSM only guarantees uniqueness per remote and direction.
 */
export class VniIndex {
  readonly #ownerByVni = new Map<number, number>();

  /** Learns the VXLAN devices that exist on our UDP port, foreign ones included. */
  load(links: readonly Link[], port: number): void {
    for (const { index, vxlan } of links) {
      if (vxlan?.port === port) this.#ownerByVni.set(vxlan.vni, index);
    }
  }

  /** VNIs known to be in use. */
  get size(): number {
    return this.#ownerByVni.size;
  }

  isFree(vni: number): boolean {
    return !this.#ownerByVni.has(vni);
  }

  /** @param ifindex the device that has the VNI */
  claim(vni: number, ifindex: number): void {
    this.#ownerByVni.set(vni, ifindex);
  }

  /** Frees the VNI of a deleted device; one that another device has taken since stays claimed. */
  release(vni: number, ifindex: number): void {
    if (this.#ownerByVni.get(vni) === ifindex) this.#ownerByVni.delete(vni);
  }
}
