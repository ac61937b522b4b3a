// SPDX-License-Identifier: Apache-2.0
import { Code, chain, type NetworkServiceElement, start } from "@nsm/core";
import { capture, elementContract, requestWith, testContext } from "@nsm/testkit";
import { updatePathClient, updatePathServer } from "./index.js";

const ctx = testContext();
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const segments = (...names: string[]) =>
  names.map((name) => ({ name, id: `id-${name}`, token: `token-${name}` }));
const requestAt = (index: number, id: string, ...names: string[]) =>
  requestWith({ id, path: { index, pathSegments: segments(...names) } });

const variants: [string, (name: string) => NetworkServiceElement][] = [
  ["server", updatePathServer],
  ["client", updatePathClient],
];

describe.each(variants)("update-path %s", (_kind, element) => {
  elementContract(() => element("own"));

  function run(name: string, request: ReturnType<typeof requestWith>) {
    const seen = capture();
    return { seen, result: start(chain("test", element(name), seen)).request(ctx, request) };
  }

  it("makes a path of one segment with a new id for a request that has neither", async () => {
    const { result } = run("own", requestWith());
    const { id, path } = await result;
    expect(id).toMatch(UUID);
    expect(path).toMatchObject({ index: 0, pathSegments: [{ name: "own", id }] });
  });

  it("keeps the id of a request without path", async () => {
    const { result } = run("own", requestWith({ id: "mine" }));
    expect((await result).path.pathSegments).toMatchObject([{ name: "own", id: "mine" }]);
  });

  it("takes the id of its own segment over a differing connection id", async () => {
    const { result } = run("b", requestAt(1, "wrong", "a", "b"));
    expect(await result).toMatchObject({ id: "id-b", path: { index: 1 } });
  });

  it("refuses an id that is not the current segment's", async () => {
    const { result } = run("own", requestAt(0, "wrong", "a"));
    await expect(result).rejects.toMatchObject({ reason: "PATH_CONNECTION_ID" });
  });

  it("refuses a current segment without id, which links could not be told apart by", async () => {
    const path = { index: 0, pathSegments: [{ name: "a", id: "" }] };
    await expect(run("own", requestWith({ id: "", path })).result).rejects.toMatchObject({
      reason: "PATH_CONNECTION_ID",
      message: "connection.path.path_segments[0].id: empty",
    });
  });

  it("refuses an index beyond the path", async () => {
    const { result } = run("own", requestAt(1, "id-a", "a"));
    await expect(result).rejects.toMatchObject({
      reason: "PATH_INDEX",
      message: "Path.Index+1==2 should be less or equal len(Path.PathSegments)==1",
    });
  });

  it("appends its segment and shows the caller its own id and index again", async () => {
    const { seen, result } = run("own", requestAt(0, "id-a", "a"));
    const { id, path } = await result;
    expect({ id, index: path.index }).toEqual({ id: "id-a", index: 0 });
    const inside = seen.lastRequest!.connection;
    expect(inside.path.index).toBe(1);
    expect(inside.path.pathSegments[1]).toMatchObject({ name: "own", id: inside.id });
    expect(inside.id).toMatch(UUID);
  });

  it("uses the id of a next segment with its name", async () => {
    const { seen, result } = run("own", requestAt(0, "id-a", "a", "own", "c"));
    expect((await result).path.pathSegments.map(({ name }) => name)).toEqual(["a", "own", "c"]);
    expect(seen.lastRequest!.connection.id).toBe("id-own");
  });

  it("takes over a next segment of another name, without that one's id and token", async () => {
    const { seen, result } = run("own", requestAt(0, "id-a", "a", "former", "c"));
    const { id, path } = await result;
    expect(id).toBe("id-a");
    expect(path.pathSegments).toMatchObject([
      { id: "id-a" },
      { name: "own", token: "" },
      { name: "c", id: "id-c" },
    ]);
    expect(seen.lastRequest!.connection.id).not.toBe("id-former");
  });

  it("updates the path of a Close too", async () => {
    const seen = capture();
    const client = start(chain("test", element("own"), seen));
    await client.close(ctx, requestAt(0, "id-a", "a", "own").connection);
    expect(seen.lastClosed).toMatchObject({ id: "id-own", path: { index: 1 } });
  });

  it("does not make a path longer than 64 segments", async () => {
    const names = Array.from({ length: 64 }, (_, i) => `hop-${i}`);
    const { result } = run("own", requestAt(63, "id-hop-63", ...names));
    await expect(result).rejects.toMatchObject({ reason: "PATH_TOO_LONG" });
  });

  it("T16 refuses paths of more than 64 segments, wherever the index stands", async () => {
    const names = Array.from({ length: 65 }, (_, i) => `hop-${i}`);
    const refused = { code: Code.INVALID_ARGUMENT, reason: "PATH_TOO_LONG" };
    for (const index of [0, 63, 64]) {
      const { seen, result } = run("own", requestAt(index, `id-hop-${index}`, ...names));
      await expect(result).rejects.toMatchObject(refused);
      const { connection } = requestAt(index, `id-hop-${index}`, ...names);
      const server = start(chain("test", element("own"), seen));
      await expect(server.close(ctx, connection)).rejects.toMatchObject(refused);
      expect([seen.requests, seen.closed]).toEqual([[], []]);
    }
  });
});
