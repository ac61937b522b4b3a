// SPDX-License-Identifier: Apache-2.0
import { SpiffeWorkloadAPIDefinition } from "@nsm/api";

const { fullName, methods } = SpiffeWorkloadAPIDefinition;

/** Path of the call that streams SVIDs: `/SpiffeWorkloadAPI/FetchX509SVID`. */
export const FETCH_X509_SVID = `/${fullName}/${methods.fetchX509SVID.name}`;

/** Metadata that every call must carry (SPIFFE Workload Endpoint, section 6.1): protects from forged requests. */
export const SECURITY_HEADER = { key: "workload.spiffe.io", value: "true" } as const;
