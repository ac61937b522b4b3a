// SPDX-License-Identifier: Apache-2.0
import {
  CommonParameter,
  ConnectionEventType,
  clone,
  isInodeUrl,
  MonitorScopeSelector,
  parameter,
  State,
  type Connection as WireConnection,
} from "@nsm/api";
import {
  type CancellableContext,
  type Connection,
  type Connector,
  type Context,
  deadlineExceeded,
  normalizeConnection,
  withCancel,
} from "@nsm/core";

/** What {@link FormerConnections} asks whom. */
export interface FormerConnectionsOptions {
  readonly connector: Connector;
  /** The node's manager. */
  readonly url: URL;
  /** Id of the first path segment. */
  readonly id: string;
  /** Longest wait for the manager's first answer, milliseconds. */
  readonly timeoutMs: number;
}

/** A connection from before. */
export interface FormerConnection {
  /** As the client knew it, index at its own segment. */
  readonly connection: Connection;
  /** Whether it leads into the own network namespace. */
  readonly isOwn: boolean;
}

/** Which connections {@link FormerConnections.find} takes. */
export interface FindOptions {
  /** `inode:` URL of the own network namespace; undefined: not known, then every connection is its own. */
  readonly ownNetns: string | undefined;
  /** Also one of another namespace that is not DOWN. */
  readonly orForeign: boolean;
}

/**
 * What the manager knows of a client's connection from before: made by an earlier run of the same client, or by its
 * init container. Followed until it is closed; a connection that is deleted meanwhile is DOWN.
 */
export class FormerConnections {
  readonly #connections = new Map<string, WireConnection>();
  readonly #stream: CancellableContext;
  readonly #options: FormerConnectionsOptions;

  private constructor(ctx: Context, options: FormerConnectionsOptions) {
    this.#options = options;
    this.#stream = withCancel(ctx);
  }

  /** Asks the manager; without its answer in time, or with a refusal, nothing is known, which the log tells. */
  static async open(ctx: Context, options: FormerConnectionsOptions): Promise<FormerConnections> {
    const former = new FormerConnections(ctx, options);
    await new Promise<void>((resolve) => void former.#follow(resolve));
    return former;
  }

  /**
   * The connection to go on with. One of another network namespace belongs to a live client of the same name, unless
   * it is DOWN: then its pod is gone, and this is its successor.
   * @param mechanismType what the service's URL asks for
   */
  find(mechanismType: string, { ownNetns, orForeign }: FindOptions): FormerConnection | undefined {
    const { id } = this.#options;
    const matching = [...this.#connections.values()].filter(
      ({ path, mechanism }) =>
        path?.index === 1 && path.pathSegments[0]?.id === id && mechanism?.type === mechanismType,
    );
    const isOwn = ({ mechanism }: WireConnection): boolean => {
      const netns = mechanism && parameter(mechanism, CommonParameter.INODE_URL);
      return netns === undefined || !isInodeUrl(netns) || netns === (ownNetns ?? netns);
    };
    const known = matching.find(isOwn) ?? matching.find(({ state }) => orForeign || state === State.DOWN);
    if (known === undefined) return undefined;
    const connection = normalizeConnection(clone(known));
    connection.id = id;
    connection.path.index = 0;
    return { connection, isOwn: isOwn(known) };
  }

  close(): void {
    this.#stream.cancel();
  }

  async #follow(onFirst: () => void): Promise<void> {
    const { connector, url, id, timeoutMs } = this.#options;
    const { ctx } = this.#stream;
    const late = ctx.clock.setTimeout(() => this.#stream.cancel(deadlineExceeded()), timeoutMs);
    try {
      const channel = await connector.connect(url, { scope: "pooled", signal: ctx.signal });
      try {
        const selector = MonitorScopeSelector.fromPartial({ pathSegments: [{ id }] });
        for await (const { type, connections } of channel.monitor.monitorConnections(ctx, selector)) {
          late.cancel();
          for (const [key, connection] of Object.entries(connections)) {
            const state = type === ConnectionEventType.DELETE ? State.DOWN : connection.state;
            this.#connections.set(key, { ...connection, state });
          }
          onFirst();
        }
      } finally {
        channel.close();
      }
    } catch (error) {
      // after close() nobody waits, and the end is no news
      ctx.log.debug({ err: error, connId: id }, "former connections are not followed any more");
    } finally {
      late.cancel();
      onFirst();
    }
  }
}
