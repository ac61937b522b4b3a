// SPDX-License-Identifier: Apache-2.0
import type { PathSegment } from "@nsm/api";
import type { PolicyInput, PolicyPathSegment } from "@nsm/core";

/** The document that policies read of a path: names of the protobuf fields, zero values left out. */
export function pathInput(index: number, segments: readonly PathSegment[]): Omit<PolicyInput, "auth_info"> {
  return {
    ...(index === 0 ? {} : { index }),
    ...(segments.length === 0 ? {} : { path_segments: segments.map(segmentInput) }),
  };
}

function segmentInput({ name, id, token, expires, metrics }: PathSegment): PolicyPathSegment {
  return {
    ...(name === "" ? {} : { name }),
    ...(id === "" ? {} : { id }),
    ...(token === "" ? {} : { token }),
    ...(expires === undefined ? {} : { expires: timeInput(expires) }),
    ...(Object.keys(metrics).length === 0 ? {} : { metrics: { ...metrics } }),
  };
}

function timeInput({ seconds, nanos }: NonNullable<PathSegment["expires"]>): {
  seconds?: number;
  nanos?: number;
} {
  return {
    ...(seconds === 0n ? {} : { seconds: Number(seconds) }),
    ...(nanos === 0 ? {} : { nanos }),
  };
}
