// SPDX-License-Identifier: Apache-2.0
/**
 * The program behind `npm run workload-api`: identities for daemons on a machine without SPIRE, until it is told to
 * stop. Arguments: see the usage text.
 */
import { isAbsolute } from "node:path";
import { parseArgs } from "node:util";
import { type Logger, realClock, silentLogger, statusOf } from "@nsm/core";
import { DevelopmentCa, serveWorkloadApi } from "@nsm/identity/development-ca";

const usage = `usage: npm run workload-api -- [--trust-domain k8s.nsm] [--directory DIR] [--ttl SECONDS] SOCKET=ID …

  SOCKET=ID       absolute path of a socket and who connects to it: a SPIFFE ID, or its path below the trust domain,
                  for example /tmp/nsm/nsc.sock=ns/default/pod/nsc
  --directory     keeps the authority's key there, so that a restart issues identities that others believe
  --ttl           life of identities, renewed at half of it (3600)`;

const write = (line: string): void => void process.stderr.write(`${line}\n`);

function fail(text: string): never {
  write(`${text}\n${usage}`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        "trust-domain": { type: "string", default: "k8s.nsm" },
        directory: { type: "string" },
        ttl: { type: "string", default: "3600" },
      },
    });
  } catch (error) {
    return fail((error as Error).message);
  }
}

const { values, positionals } = readArguments();
const trustDomain = values["trust-domain"];
const ttlMs = Number(values.ttl) * 1000;
if (!(ttlMs >= 1000)) fail(`--ttl ${values.ttl}: not a number of seconds, at least 1`);
if (positionals.length === 0) fail("no workload is named");
const workloads = positionals.map((argument) => {
  const [, socketPath = "", name = ""] = /^([^=]+)=(.+)$/.exec(argument) ?? [];
  if (!isAbsolute(socketPath)) fail(`${JSON.stringify(argument)}: not an absolute path, =, and an ID`);
  const spiffeId = name.startsWith("spiffe://") ? name : `spiffe://${trustDomain}/${name.replace(/^\//, "")}`;
  return { socketPath, spiffeId, ttlMs };
});

const log: Logger = { ...silentLogger, warn: (_fields, message) => write(message) };
try {
  const ca = new DevelopmentCa({
    trustDomain,
    clock: realClock,
    ...(values.directory === undefined ? {} : { directory: values.directory }),
  });
  const api = await serveWorkloadApi({ ca, workloads, clock: realClock, log });
  for (const { socketPath, spiffeId } of workloads) {
    write(`SPIFFE_ENDPOINT_SOCKET=unix://${socketPath}   ${spiffeId}`);
  }
  write("for development only: whoever reaches a socket gets its identity. Ctrl-C ends it");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => void api.stop().then(() => process.exit(0)));
  }
} catch (error) {
  fail(statusOf(error).message);
}
