// SPDX-License-Identifier: Apache-2.0

const followersOf = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `callback` once when the signal is aborted, not if it already is. Adding and removing cost the same however
 * many follow: an `EventTarget` walks all its listeners each time, which is slow where thousands of connections
 * follow the lifetime of one chain.
 * @returns stops following; safe to call twice
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const followers = followersOf.get(signal) ?? follow(signal);
  // a wrapper of its own lets one callback follow several times
  const follower = (): void => callback();
  followers.add(follower);
  return () => void followers.delete(follower);
}

function follow(signal: AbortSignal): Set<() => void> {
  const followers = new Set<() => void>();
  followersOf.set(signal, followers);
  const tellAll = (): void => {
    for (const follower of followers) follower();
    followers.clear();
  };
  signal.addEventListener("abort", tellAll, { once: true });
  return followers;
}
