// SPDX-License-Identifier: Apache-2.0
import { linuxError, type Netns, type RouteSocket, routeSocketOn } from "@nsm/linux";
import { type NetlinkRequest, type NetlinkSocket, openNetlinkSocket } from "@nsm/linux/netlink";

const NETLINK_ROUTE = 0;

/** Errors of the kernel that building a link may meet. */
export type FaultCode = "EBUSY" | "ENOBUFS" | "EEXIST" | "ENODEV" | "EPERM";

/** What goes wrong. */
export interface Fault {
  /** 0-based among the messages to the kernel from now on, over all namespaces. */
  readonly at: number;
  /** The error of that one message; `killed`: it is carried out, and no later one ever is. */
  readonly what: FaultCode | "killed";
}

/**
 * rtnetlink whose messages fail as told, in the forwarder's namespace and in pods: below everything that reads the
 * kernel's errors.
 */
export class FaultyKernel {
  #fault: Fault | undefined;
  #messages = 0;
  #isDead = false;
  /** Name of the message that failed, or that was the last one. */
  hit: string | undefined;

  /** For `KernelDataplaneOptions.openRoute`. */
  readonly openRoute = (netns: Netns | undefined): RouteSocket => {
    const socket = openNetlinkSocket(NETLINK_ROUTE, netns);
    const faulty: NetlinkSocket = {
      ...socket,
      request: (request, decode) => this.#send(request, () => socket.request(request, decode)),
      dump: (request, decode) => this.#send(request, () => socket.dump(request, decode)),
      requestInBackground: async (request) =>
        await this.#send(request, () => socket.requestInBackground(request)),
    };
    return routeSocketOn(faulty);
  };

  /** Messages since the fault was set. */
  get messages(): number {
    return this.#messages;
  }

  /** From now on that goes wrong, once; undefined: nothing. */
  set(fault: Fault | undefined): void {
    this.#fault = fault;
    this.#messages = 0;
    this.hit = undefined;
  }

  #send<T>({ name, subject = "" }: NetlinkRequest, carryOut: () => T): T {
    if (this.#isDead) throw linuxError("EIO", name, { extAck: "the process is dead" });
    const isHit = this.#messages++ === this.#fault?.at;
    if (!isHit || this.#fault === undefined) return carryOut();
    this.hit = `${name} ${subject}`;
    if (this.#fault.what !== "killed") throw linuxError(this.#fault.what, name, { subject });
    this.#isDead = true;
    return carryOut();
  }
}
