// SPDX-License-Identifier: Apache-2.0
import { HealthCheckResponse, ServingStatus } from "@nsm/api";
import { Code, type Context, type Services, StatusError } from "@nsm/core";
import { stopping } from "./limits.js";

/**
 * `grpc.health.v1.Health` of one server: SERVING for the empty name and every service that is there. While the
 * server stops, watchers get NOT_SERVING before their stream ends; upstream's status never changes.
 */
export class Health {
  readonly #names: ReadonlySet<string>;
  readonly #waiting = new Set<() => void>();
  #serving = true;

  constructor(services: Services) {
    const served: readonly (readonly [name: string, service: unknown])[] = [
      ["", true],
      ["networkservice.NetworkService", services.networkService],
      ["connection.MonitorConnection", services.monitor],
      ["registry.NetworkServiceRegistry", services.networkServices],
      ["registry.NetworkServiceEndpointRegistry", services.endpoints],
    ];
    this.#names = new Set(served.filter(([, service]) => service !== undefined).map(([name]) => name));
  }

  /** Tells every watcher that the server stops. */
  stop(): void {
    this.#serving = false;
    for (const changed of this.#waiting) changed();
  }

  /** @throws NOT_FOUND for a service that is not there */
  check(service: string): HealthCheckResponse {
    if (!this.#names.has(service))
      throw new StatusError(Code.NOT_FOUND, "unknown service", { reason: "UNKNOWN_SERVICE" });
    return HealthCheckResponse.create({ status: this.#status });
  }

  /**
   * The status now and once the server stops, SERVICE_UNKNOWN where `check` would throw.
   * @throws UNAVAILABLE STOPPING after the last status
   */
  async *watch(ctx: Context, service: string): AsyncGenerator<HealthCheckResponse> {
    const known = this.#names.has(service);
    yield HealthCheckResponse.create({ status: known ? this.#status : ServingStatus.SERVICE_UNKNOWN });
    if (this.#serving) {
      const { signal } = ctx;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener("abort", wake);
      });
      if (known && !this.#serving) yield HealthCheckResponse.create({ status: this.#status });
    }
    throw stopping();
  }

  get #status(): ServingStatus {
    return this.#serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }
}
