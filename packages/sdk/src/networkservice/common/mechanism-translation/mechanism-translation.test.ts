// SPDX-License-Identifier: Apache-2.0
import { newMechanism } from "@nsm/api";
import { chain, type Fd, type NetworkServiceElement, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { metadataClient } from "../../utils/metadata/index.js";
import { withCallDescriptors } from "../mechanisms/recvfd/index.js";
import { mechanismTranslationClient } from "./index.js";

const before = () => [metadataClient()];
elementContract(() => mechanismTranslationClient(), { before });

const ctx = testContext();
const request = () =>
  requestWith({ id: "a", mechanism: newMechanism("LOCAL", "KERNEL", { name: "nsm-1" }) }, [
    newMechanism("LOCAL", "KERNEL"),
  ]);

/** Answers with the mechanism given. */
const answering = (inodeURL: () => string): NetworkServiceElement => ({
  name: "answering",
  async request(callCtx, sent, next) {
    sent.connection.mechanism = newMechanism("REMOTE", "VXLAN", { vni: "2", inodeURL: inodeURL() });
    return next.request(callCtx, sent);
  },
});

describe("mechanism-translation client", () => {
  it("shows the next hop its own mechanism and the caller the caller's", async () => {
    const seen = capture();
    const client = start(
      chain(
        "test",
        ...before(),
        mechanismTranslationClient(),
        seen,
        answering(() => "inode://4/1"),
      ),
    );
    for (const expected of [undefined, "VXLAN"]) {
      const connection = await client.request(ctx, request());
      expect(connection.mechanism).toEqual(request().connection.mechanism);
      expect(seen.lastRequest?.connection.mechanism?.type).toBe(expected);
      expect(seen.lastRequest?.mechanismPreferences).toEqual([]);
    }
    await client.close(ctx, request().connection);
    expect(seen.lastClosed?.mechanism?.type).toBe("VXLAN");
    await client.request(ctx, request());
    expect(seen.lastRequest?.connection.mechanism).toBeUndefined();
  });

  it("remembers a received descriptor by its inode, as its number is another file's after the call", async () => {
    const seen = capture();
    const fd: Fd = { dev: 4n, ino: 77n, fd: 9, path: "/proc/1/fd/9", close: () => {} };
    await withCallDescriptors(ctx, async (callCtx, descriptors) => {
      const url = descriptors.add(fd, "next");
      const client = start(
        chain(
          "test",
          ...before(),
          mechanismTranslationClient(),
          seen,
          answering(() => url),
        ),
      );
      await client.request(callCtx, request());
      await client.request(callCtx, request());
    });
    expect(seen.lastRequest?.connection.mechanism?.parameters.inodeURL).toBe("inode://4/77");
  });
});
