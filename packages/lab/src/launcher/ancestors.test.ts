// SPDX-License-Identifier: Apache-2.0
import { ancestorsOf, inProc, type ProcessSeen } from "./ancestors.js";

const npmEnv = { npm_lifecycle_event: "demo", npm_config_user_agent: "npm/11.0.0 node/v20" };

/** A line of processes, each the child of the one before it; numbers count from 1. */
function line(...programs: string[]): (pid: number) => ProcessSeen | undefined {
  return (pid) => {
    const program = programs[pid - 1];
    return program === undefined
      ? undefined
      : { parent: pid - 1, startTicks: `t${pid}`, args: program.split(" ") };
  };
}

const watched = (parent: number, env: object, lookUp: ReturnType<typeof line>): number[] => [
  ...ancestorsOf(parent, { ...env }, lookUp).watched.keys(),
];

it("only the parent is watched when npm has no part in it", () => {
  expect(watched(3, {}, line("init", "login", "bash"))).toEqual([3]);
});

it("everything up to npm is watched when npm started the script through a shell", () => {
  const lookUp = line("init", "bash", "npm run demo", "sh -c node");
  expect(watched(4, npmEnv, lookUp)).toEqual([4, 3]);
  expect(ancestorsOf(4, npmEnv, lookUp).watched.get(3)).toBe("t3");
});

it("npm is found under the name it has before it sets its own", () => {
  expect(watched(2, npmEnv, line("init", "node /usr/lib/npm/bin/npm-cli.js run demo"))).toEqual([2]);
});

it("npm that ended before the first look is noticed", () => {
  expect(ancestorsOf(1, npmEnv, line("init")).npmGone).toBe(true);
  expect(ancestorsOf(2, npmEnv, line("init", "sh -c node")).npmGone).toBe(true);
});

it("npm is missed neither where another program started the script nor where npm still runs", () => {
  expect(ancestorsOf(1, {}, line("init")).npmGone).toBe(false);
  const pnpm = { ...npmEnv, npm_config_user_agent: "pnpm/9.0.0 npm/? node/v20" };
  expect(ancestorsOf(2, pnpm, line("init", "node pnpm.cjs")).npmGone).toBe(false);
  expect(ancestorsOf(2, npmEnv, line("init", "npm test")).npmGone).toBe(false);
});

it("a script that is itself the first process has nobody to watch", () => {
  expect(ancestorsOf(0, {}, line()).watched.size).toBe(0);
});

it("this process is found with its parent, start and program, others are not", () => {
  expect(inProc(process.pid)).toMatchObject({
    parent: process.ppid,
    startTicks: expect.stringMatching(/^\d+$/),
  });
  expect(inProc(process.pid)?.args[0]).toContain("node");
  expect(inProc(2 ** 22 + 1)).toBeUndefined();
});
