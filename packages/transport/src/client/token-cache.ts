// SPDX-License-Identifier: Apache-2.0
import type { Clock, Token, TokenLink, TokenSource } from "@nsm/core";

/** A token is used again while at least this part of its life remains. */
const MIN_REST_OF_LIFE = 0.9;

/** Tokens for the calls of one connection: bound to its two ends, made anew before they get old. */
export class TokenCache {
  readonly #source: TokenSource;
  readonly #link: TokenLink;
  readonly #clock: Clock;
  #latest: { readonly token: Promise<Token>; usableUntilMs: number } | undefined;

  constructor(source: TokenSource, link: TokenLink, clock: Clock) {
    this.#source = source;
    this.#link = link;
    this.#clock = clock;
  }

  /** @throws what the token source throws; the next call asks it again */
  current(): Promise<Token> {
    const madeMs = this.#clock.now();
    if (this.#latest !== undefined && madeMs <= this.#latest.usableUntilMs) return this.#latest.token;
    const entry = { token: this.#source.token(this.#link), usableUntilMs: Number.POSITIVE_INFINITY };
    this.#latest = entry;
    entry.token.then(
      ({ expiresMs }) => {
        entry.usableUntilMs = madeMs + (expiresMs - madeMs) * (1 - MIN_REST_OF_LIFE);
      },
      () => {
        entry.usableUntilMs = Number.NEGATIVE_INFINITY;
      },
    );
    return entry.token;
  }
}
