// SPDX-License-Identifier: Apache-2.0
import {
  CommonParameter,
  clone,
  containsLabels,
  type NetworkServiceUrl,
  newConnection,
  parameter,
  State,
} from "@nsm/api";
import {
  Code,
  type Connection,
  type Context,
  type Liveness,
  type NetworkServiceNext,
  normalizeConnection,
  sleep,
  statusOf,
  withTimeout,
} from "@nsm/core";
import type { NscConfig } from "./config.js";
import type { FormerConnections } from "./former-connections.js";

const RETRY_PAUSE_MS = 200;
/** Then the way of the former pod, which nobody has noticed to be gone, may hold what is missing, such as addresses. */
const FAILURES_BEFORE_TAKING_OVER = 3;

/** What {@link connectService} works with. */
export interface ConnectOptions {
  readonly chain: NetworkServiceNext;
  readonly config: NscConfig;
  readonly service: NetworkServiceUrl;
  /** Of the connection, stable over restarts of the client. */
  readonly id: string;
  /** What is known of the connection from before. */
  readonly former: FormerConnections;
  /** `inode:` URL of the own network namespace; undefined: not known. */
  readonly ownNetns: string | undefined;
  /** Decides whether a connection that the manager reports as DOWN is kept; absent: it is not. */
  readonly liveness: Liveness | undefined;
}

/**
 * Requests one network service until it is connected; goes on with a connection that an earlier run left.
 * @throws CANCELLED when the client is told to stop
 */
export async function connectService(ctx: Context, options: ConnectOptions): Promise<Connection> {
  const { chain, config, service, id } = options;
  const log = ctx.log.child({ id, name: config.name });
  let mayAdopt = true;
  for (let failures = 0; ; failures++) {
    const startedMs = ctx.clock.now();
    const attempt = withTimeout(ctx, config.requestTimeoutMs);
    let known: Connection | undefined;
    try {
      if (mayAdopt) known = await adopted(attempt.ctx, options, failures);
      const connection = await chain.request(attempt.ctx, {
        connection: known ?? fresh(options),
        mechanismPreferences: [clone(service.mechanism)],
      });
      const requestMs = ctx.clock.now() - startedMs;
      const { srcIpAddrs = [], dstIpAddrs = [] } = connection.context.ipContext ?? {};
      const hops = connection.path.pathSegments.map((segment) => segment.name);
      log.info(
        { requestMs, hops, srcIpAddrs, dstIpAddrs, endpoint: connection.networkServiceEndpointName },
        `successfully connected to ${service.service}`,
      );
      return connection;
    } catch (error) {
      ctx.signal.throwIfAborted();
      // it belongs to a client with another identity
      if (known !== undefined && statusOf(error).code === Code.PERMISSION_DENIED) mayAdopt = false;
      log.warn({ networkService: service.service, err: error }, "cannot connect, trying again");
      await sleep(ctx, RETRY_PAUSE_MS);
    } finally {
      attempt.cancel();
    }
  }
}

function fresh({ config, service, id }: ConnectOptions): Connection {
  return normalizeConnection(
    newConnection({
      id,
      networkService: service.service,
      labels: { ...config.labels, ...service.labels },
    }),
  );
}

/**
 * The connection of an earlier run, asked to be made elsewhere when it does not work, or is not what is wanted, any
 * more. One of another pod that is not known to be gone is only taken once there is no other way.
 * @param failures attempts that failed so far
 */
async function adopted(
  ctx: Context,
  options: ConnectOptions,
  failures: number,
): Promise<Connection | undefined> {
  const { config, service, id, former, ownNetns, liveness } = options;
  const orForeign = failures >= FAILURES_BEFORE_TAKING_OVER;
  const known = former.find(service.mechanism.type, { ownNetns, orForeign });
  if (known === undefined) return undefined;
  const wanted = isWanted(known.connection, options);
  const connection = wanted ? known.connection : { ...fresh(options), path: known.connection.path };
  const isDown = known.connection.state === State.DOWN;
  const keeps = known.isOwn && wanted && (!isDown || (await isAlive(ctx, known.connection)));
  if (!keeps) {
    connection.mechanism = undefined;
    connection.networkServiceEndpointName = "";
    connection.state = State.RESELECT_REQUESTED;
  }
  ctx.log.info({ id, state: State[connection.state] }, "going on with a connection from before");
  return connection;

  async function isAlive(callCtx: Context, checked: Connection): Promise<boolean> {
    return (await liveness?.alive(checked, config.livenessTimeoutMs, callCtx.signal)) === true;
  }
}

/** Whether it is a connection for the service, interface and labels that are asked for now. */
function isWanted({ networkService, labels, mechanism }: Connection, options: ConnectOptions): boolean {
  const { service } = options;
  const interfaceName = parameter(service.mechanism, CommonParameter.INTERFACE_NAME) ?? "";
  const has = mechanism && parameter(mechanism, CommonParameter.INTERFACE_NAME);
  return (
    networkService === service.service &&
    (interfaceName === "" || interfaceName === has) &&
    containsLabels(labels, fresh(options).labels)
  );
}
