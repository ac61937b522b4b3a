// SPDX-License-Identifier: Apache-2.0
import {
  HealthDefinition,
  MonitorConnectionDefinition,
  NetworkServiceDefinition,
  NetworkServiceEndpointRegistryDefinition,
  NetworkServiceRegistryDefinition,
} from "@nsm/api";
import { wireService } from "./wire-definition.js";

/** `networkservice.NetworkService` on the wire. */
export const networkServiceWire = wireService(NetworkServiceDefinition);
/** `connection.MonitorConnection` on the wire. */
export const monitorWire = wireService(MonitorConnectionDefinition);
/** `registry.NetworkServiceRegistry` on the wire. */
export const networkServiceRegistryWire = wireService(NetworkServiceRegistryDefinition);
/** `registry.NetworkServiceEndpointRegistry` on the wire. */
export const endpointRegistryWire = wireService(NetworkServiceEndpointRegistryDefinition);
/** `grpc.health.v1.Health` on the wire. */
export const healthWire = wireService(HealthDefinition);
