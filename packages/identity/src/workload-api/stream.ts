// SPDX-License-Identifier: Apache-2.0
import { Channel, credentials, Metadata } from "@grpc/grpc-js";
import { X509SVIDRequest } from "@nsm/api";
import type { Code } from "@nsm/core";
import { FETCH_X509_SVID, SECURITY_HEADER } from "./protocol.js";

/** What comes out of one call. */
export interface StreamEvents {
  /** A response, not decoded: one that cannot be decoded must not end the call. */
  message(bytes: Uint8Array): void;
  /** The call is over; nothing comes after it. */
  end(code: Code, text: string): void;
}

const CHANNEL_OPTIONS = {
  "grpc.enable_channelz": 0,
  "grpc.enable_http_proxy": 0,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // every attempt really dials: a shared connection would sit out a back-off of its own
  "grpc.use_local_subchannel_pool": 1,
  // finds a server that is gone without a word; Go's servers allow a ping every 5 minutes
  "grpc.keepalive_time_ms": 600_000,
} as const;

/**
 * Calls FetchX509SVID once on a connection of its own, without TLS.
 * @param target for grpc-js
 * @returns ends the call; no event comes any more
 */
export function fetchX509Svids(target: string, events: StreamEvents): () => void {
  const channel = new Channel(target, credentials.createInsecure(), CHANNEL_OPTIONS);
  const call = channel.createCall(FETCH_X509_SVID, Number.POSITIVE_INFINITY, undefined, null, undefined);
  let over = false;
  const metadata = new Metadata();
  metadata.set(SECURITY_HEADER.key, SECURITY_HEADER.value);
  call.start(metadata, {
    onReceiveMetadata: () => {},
    onReceiveMessage(bytes: Uint8Array) {
      if (over) return;
      events.message(bytes);
      call.startRead();
    },
    onReceiveStatus({ code, details }) {
      if (over) return;
      over = true;
      channel.close();
      // grpc-js and core number the codes alike
      events.end(code as number, details);
    },
  });
  call.sendMessageWithContext({}, Buffer.from(X509SVIDRequest.encode(X509SVIDRequest.create()).finish()));
  call.halfClose();
  call.startRead();
  return () => {
    if (over) return;
    over = true;
    call.cancelWithStatus(1, "closed");
    channel.close();
  };
}
