// SPDX-License-Identifier: Apache-2.0
import { MonitorConnectionDefinition as GeneratedMonitorConnection } from "./gen/connection.js";
import { HealthDefinition as GeneratedHealth } from "./gen/health.js";
import { IPAMDefinition as GeneratedIpam } from "./gen/ipam.js";
import { NetworkServiceDefinition as GeneratedNetworkService } from "./gen/networkservice.js";
import {
  NetworkServiceEndpointRegistryDefinition as GeneratedEndpointRegistry,
  NetworkServiceRegistryDefinition as GeneratedServiceRegistry,
} from "./gen/registry.js";
import { SpiffeWorkloadAPIDefinition as GeneratedSpiffeWorkloadApi } from "./gen/spiffe/workload.js";
import { keepUnknownFields } from "./unknown-fields.js";

/** Service `networkservice.NetworkService`; messages keep unknown fields. */
export const NetworkServiceDefinition = keepUnknownFields(GeneratedNetworkService);
/** Type of {@link NetworkServiceDefinition}. */
export type NetworkServiceDefinition = typeof NetworkServiceDefinition;

/** Service `connection.MonitorConnection`; messages keep unknown fields. */
export const MonitorConnectionDefinition = keepUnknownFields(GeneratedMonitorConnection);
/** Type of {@link MonitorConnectionDefinition}. */
export type MonitorConnectionDefinition = typeof MonitorConnectionDefinition;

/** Service `registry.NetworkServiceRegistry`; messages keep unknown fields. */
export const NetworkServiceRegistryDefinition = keepUnknownFields(GeneratedServiceRegistry);
/** Type of {@link NetworkServiceRegistryDefinition}. */
export type NetworkServiceRegistryDefinition = typeof NetworkServiceRegistryDefinition;

/** Service `registry.NetworkServiceEndpointRegistry`; messages keep unknown fields. */
export const NetworkServiceEndpointRegistryDefinition = keepUnknownFields(GeneratedEndpointRegistry);
/** Type of {@link NetworkServiceEndpointRegistryDefinition}. */
export type NetworkServiceEndpointRegistryDefinition = typeof NetworkServiceEndpointRegistryDefinition;

/** Service `grpc.health.v1.Health`. */
export const HealthDefinition = keepUnknownFields(GeneratedHealth);
/** Type of {@link HealthDefinition}. */
export type HealthDefinition = typeof HealthDefinition;

/** Service `ipam.IPAM`; messages keep unknown fields. */
export const IPAMDefinition = keepUnknownFields(GeneratedIpam);
/** Type of {@link IPAMDefinition}. */
export type IPAMDefinition = typeof IPAMDefinition;

/** Service `SpiffeWorkloadAPI` of SPIFFE, its X.509 part; messages keep unknown fields. */
export const SpiffeWorkloadAPIDefinition = keepUnknownFields(GeneratedSpiffeWorkloadApi);
/** Type of {@link SpiffeWorkloadAPIDefinition}. */
export type SpiffeWorkloadAPIDefinition = typeof SpiffeWorkloadAPIDefinition;
