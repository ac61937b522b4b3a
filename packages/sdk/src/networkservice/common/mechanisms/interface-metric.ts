// SPDX-License-Identifier: Apache-2.0
import { CommonParameter, currentSegment, type Mechanism, parameter } from "@nsm/api";
import type { Connection } from "@nsm/core";

/** Metrics of path segments that name the interface a mechanism uses. */
export type InterfaceMetric = "server_interface" | "client_interface";

/** Notes `<TYPE>/<interface name>` (`unknown` for a mechanism without parameters) in the own segment, once. */
export function noteInterface(
  connection: Connection,
  metric: InterfaceMetric,
  mechanism: Mechanism | undefined,
): void {
  const segment = currentSegment(connection.path);
  if (segment === undefined || mechanism === undefined || Object.hasOwn(segment.metrics, metric)) return;
  const hasParameters = Object.keys(mechanism.parameters).length > 0;
  const name = hasParameters ? (parameter(mechanism, CommonParameter.INTERFACE_NAME) ?? "") : "unknown";
  segment.metrics[metric] = `${mechanism.type}/${name}`;
}
