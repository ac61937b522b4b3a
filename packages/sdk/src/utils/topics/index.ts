// SPDX-License-Identifier: Apache-2.0
import { Subject, type Subscription } from "rxjs";

/**
 * Changes by topic for many subscribers: a change costs those of its topic alone, and a topic that nobody follows
 * costs nothing. Subscribers are called one after the other and must not block; what a slow reader has not read is
 * kept on its side.
 */
export class Topics<E> {
  readonly #subjects = new Map<string, Subject<E>>();
  #subscribers = 0;

  /** Number of subscriptions that have not ended. */
  get subscribers(): number {
    return this.#subscribers;
  }

  /** Calls `next` with every later change of the topic until the subscription, owned by the caller, is ended. */
  follow(topic: string, next: (change: E) => void): Subscription {
    const subject = this.#subjects.get(topic) ?? new Subject<E>();
    this.#subjects.set(topic, subject);
    this.#subscribers += 1;
    const subscription = subject.subscribe(next);
    subscription.add(() => {
      this.#subscribers -= 1;
      if (!subject.observed) this.#subjects.delete(topic);
    });
    return subscription;
  }

  /** Tells the followers of a topic. */
  announce(topic: string, change: E): void {
    this.#subjects.get(topic)?.next(change);
  }
}
