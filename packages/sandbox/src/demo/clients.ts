// SPDX-License-Identifier: Apache-2.0
import {
  clone,
  kernelParameters,
  MechanismClass,
  MechanismType,
  newConnection,
  newMechanism,
  vxlanParameters,
  type Connection as WireConnection,
} from "@nsm/api";
import { type Connection, type Context, normalizeConnection } from "@nsm/core";
import type { SandboxClient } from "../chains.js";
import type { Domain, SandboxNode } from "../domain.js";
import { connectionsOf } from "../observe.js";

const HOPS = { local: 4, remote: 6 };

/** What the reply told the client. */
export interface ConnectionSeen {
  /** Names of the path's segments. */
  readonly hops: readonly string[];
  /** CIDR of the client's side. */
  readonly clientIp: string;
  /** CIDR of the endpoint's side. */
  readonly endpointIp: string;
}

const hopsOf = ({ path }: Connection): string[] => path.pathSegments.map(({ name }) => name);

/** Everything a refresh must not change. */
const stable = (connection: Connection): string =>
  JSON.stringify([
    connection.path.pathSegments.map(({ name, id }) => [name, id]),
    connection.context.ipContext?.srcIpAddrs,
    connection.context.ipContext?.dstIpAddrs,
    connection.mechanism,
  ]);

/** A client of the story and its connection. */
export class Client {
  #connection: Connection | undefined;

  constructor(
    readonly name: string,
    readonly node: SandboxNode,
    private readonly domain: Domain,
    private readonly chain: SandboxClient,
    private readonly service: string,
  ) {}

  /** Requests the service with a kernel interface `nsm-1`. */
  async connect(ctx: Context): Promise<ConnectionSeen> {
    const { service: networkService, name } = this;
    const kernel = newMechanism(MechanismClass.LOCAL, MechanismType.KERNEL, { name: "nsm-1" });
    const connection = await this.chain.request(ctx, {
      connection: normalizeConnection(newConnection({ id: `${name}-0`, networkService })),
      mechanismPreferences: [kernel],
    });
    this.#connection = clone(connection);
    const { srcIpAddrs = [], dstIpAddrs = [] } = connection.context.ipContext ?? {};
    return {
      hops: hopsOf(connection),
      clientIp: srcIpAddrs.join(", "),
      endpointIp: dstIpAddrs.join(", "),
    };
  }

  /**
   * Compares the connection with what the managers on its way show.
   * @returns what the data path would be
   * @throws Error that names what is not as it must be
   */
  async check(kind: keyof typeof HOPS): Promise<string> {
    const connection = this.#current();
    const hops = hopsOf(connection);
    if (hops.length !== HOPS[kind])
      throw new Error(
        `the path of ${this.name} has ${hops.length} hops, not ${HOPS[kind]}: ${hops.join(", ")}`,
      );
    const interfaceName = kernelParameters(connection.mechanism)?.interfaceName;
    if (interfaceName !== "nsm-1")
      throw new Error(`the interface of ${this.name} is ${interfaceName}, not nsm-1`);
    if (!connection.context.ipContext?.srcIpAddrs.length) throw new Error(`${this.name} got no address`);
    const mtu = `MTU ${connection.context.MTU || "of the link"}`;
    if (kind === "local") return `over KERNEL (veth, here in memory), ${mtu}`;
    const tunnel = vxlanParameters((await this.#seenBy(2))?.mechanism);
    if (!tunnel?.vni) throw new Error(`the manager of node-2 shows no VXLAN tunnel for ${this.name}`);
    if (!connection.context.MTU) throw new Error(`${this.name} got no MTU`);
    return `over VXLAN (here in memory), VNI ${tunnel.vni}, ${tunnel.srcIp} to ${tunnel.dstIp}, ${mtu}`;
  }

  /** Sends the connection again, as the refresh timer does. @throws Error when it comes back changed */
  async refresh(ctx: Context): Promise<void> {
    const before = this.#current();
    const links = JSON.stringify(this.#links());
    const after = await this.chain.request(ctx, { connection: clone(before), mechanismPreferences: [] });
    if (stable(after) !== stable(before))
      throw new Error(`the refresh changed ${stable(before)} to ${stable(after)}`);
    if (JSON.stringify(this.#links()) !== links) throw new Error(`the refresh changed the links: ${links}`);
    this.#connection = clone(after);
  }

  /** Closes the connection. */
  async close(ctx: Context): Promise<void> {
    await this.chain.close(ctx, clone(this.#current()));
  }

  #current(): Connection {
    if (this.#connection === undefined) throw new Error(`${this.name} is not connected`);
    return this.#connection;
  }

  /** Links and cross connects of all nodes. */
  #links(): string[] {
    return this.domain.nodes.flatMap(({ dataplane: { links, joints } }) => [...links, ...joints]);
  }

  /** The connection as a node's manager shows it. */
  async #seenBy(node: number): Promise<WireConnection | undefined> {
    const connections = await connectionsOf(this.domain, this.domain.node(node).manager);
    return connections.find(({ path }) => path?.pathSegments[0]?.id === `${this.name}-0`);
  }
}

/** Makes the clients of one network service. */
export class Clients {
  constructor(
    private readonly domain: Domain,
    private readonly service: string,
  ) {}

  /** @param node 1-based number */
  add(name: string, node: number): Client {
    const place = this.domain.node(node);
    return new Client(name, place, this.domain, place.newClient(name), this.service);
  }
}
