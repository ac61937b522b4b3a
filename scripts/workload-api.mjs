// SPDX-License-Identifier: Apache-2.0
/** npm run workload-api -- SOCKET=ID …: identities for daemons on a machine without SPIRE; for development only. */
import { join } from "node:path";
import { build, install, repository } from "./setup.mjs";

install({ dev: false });
await build();
await import(join(repository, "packages", "lab", "dist", "workload-api.mjs"));
