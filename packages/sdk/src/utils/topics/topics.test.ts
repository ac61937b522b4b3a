// SPDX-License-Identifier: Apache-2.0
import { Topics } from "./index.js";

/** Topics with a log of what arrived. */
function setUp() {
  const topics = new Topics<number>();
  const seen: string[] = [];
  const follow = (who: string, topic: string) =>
    topics.follow(topic, (change) => seen.push(`${who} ${change}`));
  return { topics, seen, follow };
}

describe("topics", () => {
  it("tell every follower of the topic in the order of their coming, and no other", () => {
    const { topics, seen, follow } = setUp();
    follow("first", "a");
    follow("other", "b");
    follow("second", "a");
    topics.announce("a", 1);
    topics.announce("nobody's", 2);
    expect(seen).toEqual(["first 1", "second 1"]);
  });

  it("tell only what comes later", () => {
    const { topics, seen, follow } = setUp();
    topics.announce("a", 1);
    follow("late", "a");
    topics.announce("a", 2);
    expect(seen).toEqual(["late 2"]);
  });

  it("forget a follower once, however often its subscription is ended", () => {
    const { topics, seen, follow } = setUp();
    const [leaving] = [follow("leaving", "a"), follow("staying", "a")];
    leaving.unsubscribe();
    leaving.unsubscribe();
    topics.announce("a", 1);
    expect([seen, topics.subscribers]).toEqual([["staying 1"], 1]);
  });

  it("can be followed again after everybody left", () => {
    const { topics, seen, follow } = setUp();
    follow("former", "a").unsubscribe();
    expect(topics.subscribers).toBe(0);
    follow("new", "a");
    topics.announce("a", 1);
    expect(seen).toEqual(["new 1"]);
  });

  it("let a follower leave while it is told", () => {
    const { topics, seen } = setUp();
    const subscription = topics.follow("a", (change) => {
      seen.push(`once ${change}`);
      subscription.unsubscribe();
    });
    topics.announce("a", 1);
    topics.announce("a", 2);
    expect([seen, topics.subscribers]).toEqual([["once 1"], 0]);
  });
});
