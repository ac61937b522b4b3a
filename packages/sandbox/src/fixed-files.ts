// SPDX-License-Identifier: Apache-2.0
import type { WatchFile } from "@nsm/daemons";
import { memoryWatchedFile } from "@nsm/testkit";

/** Watches files in memory that never change. @param files parsed content by path */
export function fixedFiles(files: Readonly<Record<string, unknown>>): WatchFile {
  return (path, parse) => ({
    ...memoryWatchedFile(Object.hasOwn(files, path) ? parse(files[path]) : undefined),
    close: () => {},
  });
}
