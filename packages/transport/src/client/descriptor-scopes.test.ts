// SPDX-License-Identifier: Apache-2.0
import { DescriptorScopes } from "./descriptor-scopes.js";

const never = (): Promise<void> => Promise.reject(new Error("was asked"));

it("answers the first who comes at once, and asks once for all others", async () => {
  const scopes = new DescriptorScopes();
  let asked = 0;
  const ask = async (): Promise<void> => {
    asked += 1;
    await new Promise(setImmediate);
    scopes.learn("a", true);
  };
  expect(await scopes.isCall("a", never)).toBe(false);
  expect(await Promise.all([scopes.isCall("a", ask), scopes.isCall("a", ask)])).toEqual([true, true]);
  expect(await scopes.isCall("a", never)).toBe(true);
  expect(asked).toBe(1);
});

it("takes no answer for no, until a response tells otherwise", async () => {
  const scopes = new DescriptorScopes();
  await scopes.isCall("a", never);
  expect(await scopes.isCall("a", async () => {})).toBe(false);
  expect(await scopes.isCall("a", never)).toBe(false);
  expect(scopes.learn("a", true)).toBe(true);
  expect(await scopes.isCall("a", never)).toBe(true);
});

it("asks again after a failure, and keeps no answer of a server that was lost meanwhile", async () => {
  const scopes = new DescriptorScopes();
  await scopes.isCall("a", never);
  await expect(scopes.isCall("a", never)).rejects.toThrow("was asked");
  expect(await scopes.isCall("a", async () => scopes.forget("a"))).toBe(false);
  expect(scopes.size).toBe(0);
});

it("remembers a bounded number of servers, the latest", async () => {
  const scopes = new DescriptorScopes();
  for (let i = 0; i < 2000; i++) scopes.learn(`inode://1/${i}`, true);
  expect(scopes.size).toBe(1024);
  expect(await scopes.isCall("inode://1/1999", never)).toBe(true);
});
