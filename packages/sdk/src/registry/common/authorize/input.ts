// SPDX-License-Identifier: Apache-2.0
import type { PolicyInput } from "@nsm/core";
import { subjectOf } from "../../../utils/jwt-claims/index.js";
import type { RegistryPath } from "../grpc-metadata/context.js";
import type { Owners } from "./owners.js";

/** The document that policies read of a registration. */
export function registrationInput(
  name: string,
  { index, pathSegments }: RegistryPath,
  owners: Owners,
): Omit<PolicyInput, "auth_info"> {
  return {
    resource_id: subjectOf(pathSegments[0]?.token ?? "") ?? "",
    resource_name: name,
    resource_path_ids_map: owners.document,
    path_segments: pathSegments.map(({ token }) => ({ token })),
    index,
  };
}
