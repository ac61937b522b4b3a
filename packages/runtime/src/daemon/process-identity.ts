// SPDX-License-Identifier: Apache-2.0
import type { Clock, Logger, Scope, TokenSource } from "@nsm/core";
import type { Ports } from "@nsm/daemons";
import { developmentTokens, es256Tokens, workloadApiSource } from "@nsm/identity";
import { policiesFromMasks } from "@nsm/policy";
import { insecure, type LinkSecurity, mutualTls } from "@nsm/transport";
import { checkIdentityMode, INSECURE_WARNING } from "./identity-mode.js";
import type { SharedEnv } from "./shared-env.js";

/** Who a process is towards its peers, and what it asks of them. */
export interface ProcessIdentity {
  /** Secures the connections that are dialled. */
  readonly dial: LinkSecurity;
  /** Secures the connections that are accepted. */
  readonly accept: LinkSecurity;
  readonly tokens: TokenSource;
  /** Undefined without identity: there is nothing that policies could check. */
  readonly policies: Ports["policies"];
}

/** What {@link openIdentity} needs. */
export interface IdentityOptions {
  readonly env: Pick<SharedEnv, "insecure" | "spiffeEndpointSocket" | "maxTokenLifetimeMs" | "allowedPeers">;
  /** Names the process in its tokens when it has no identity. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Gets what must be closed last. */
  readonly undo: Scope;
  /** Ends the wait for the first SVID with its reason. */
  readonly signal: AbortSignal;
}

/**
 * The identity of this process: from the SPIFFE Workload API at `SPIFFE_ENDPOINT_SOCKET`, which is waited for, or
 * none with `NSM_INSECURE=true`.
 * @throws FAILED_PRECONDITION NSM_IDENTITY when neither is set; the reason of `signal`
 */
export async function openIdentity(options: IdentityOptions): Promise<ProcessIdentity> {
  const { env, clock, log, undo, signal } = options;
  checkIdentityMode(env);
  if (env.insecure) {
    log.warn({}, INSECURE_WARNING);
    return withoutIdentity(options);
  }
  const source = await workloadApiSource({ endpoint: env.spiffeEndpointSocket, clock, log, signal });
  undo.add(() => source.close());
  log.info({ spiffeId: source.current().spiffeId }, `SVID: ${JSON.stringify(source.current().spiffeId)}`);
  return {
    dial: mutualTls(source, { clock, log }),
    accept: mutualTls(source, { clock, log, allow: env.allowedPeers }),
    tokens: es256Tokens({ clock, lifetimeMs: env.maxTokenLifetimeMs, identity: source }),
    policies: (masks) => policiesFromMasks(masks, { clock, log }),
  };
}

function withoutIdentity({ env, name, clock }: IdentityOptions): ProcessIdentity {
  const tokens = developmentTokens({
    clock,
    subject: developmentSubject(name),
    lifetimeMs: env.maxTokenLifetimeMs,
  });
  return { dial: insecure, accept: insecure, tokens, policies: undefined };
}

/** A SPIFFE ID below a trust domain that nothing signs for; other characters than the standard's become `-`. */
function developmentSubject(name: string): string {
  return `spiffe://nsm.insecure/${name.replace(/[^A-Za-z0-9._-]/g, "-")}`;
}
