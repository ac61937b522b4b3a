// SPDX-License-Identifier: Apache-2.0
/** The demo is killed at random moments, and nothing of it may be left on the machine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { family, leftOf, processesOf, takeMachine, takeRun } from "./machine.mjs";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** How long anything may outlive the victim. */
const GONE_BOUND_MS = 3000;
/** Install and build are done before: how long the victim may take to appear. */
const APPEAR_BOUND_MS = 30_000;
/** Latest moment of the kill after the victim has appeared; a plain demo takes about 2.5 s. */
const LATEST_MS = { plain: 1800, keep: 4000 };

const isNode = (args) => basename(args[0] ?? "").startsWith("node");
const runs = (args, script) => isNode(args) && args.some((arg) => arg.endsWith(script));

/** How each victim is told among the processes below npm, parents first. */
const isVictim = {
  npm: () => true,
  launcher: ({ args }) => runs(args, "scripts/demo.mjs"),
  unshare: ({ args }) =>
    basename(args[0] ?? "") === "unshare" && args.some((arg) => arg.endsWith("demo-world.mjs")),
  lab: ({ args }) => runs(args, "demo-world.mjs"),
};

/** Who is killed, in turn. */
export const victims = Object.keys(isVictim);

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Asks until the answer is not undefined; undefined when the bound has passed. */
async function poll(boundMs, intervalMs, ask) {
  const endMs = performance.now() + boundMs;
  for (;;) {
    const answer = ask();
    if (answer !== undefined || performance.now() > endMs) return answer;
    await delay(intervalMs);
  }
}

function startDemo(keep, env) {
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  const args = [...first, "run", "demo", ...(keep ? ["--", "--keep"] : [])];
  const child = spawn(command, args, {
    cwd: repository,
    // npm would put Node's cache of compiled code into TMPDIR
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1", ...env },
    // A session of its own: a signal to this test's terminal does not reach it
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  }
  return { child, output: () => output };
}

/** @returns false when there is no such process */
function kill(pid) {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

/** One kill; @returns what happened, and what was left (empty: nothing) */
async function round({ victim, keep, momentMs, id }) {
  const marker = `NSM_RUN_ID=${id}`;
  const folder = mkdtempSync(join(tmpdir(), "nsm-kill-"));
  const before = takeMachine();
  const { child, output } = startDemo(keep, { NSM_RUN_ID: id, TMPDIR: folder });
  const ended = once(child, "exit");
  let run = takeRun([]);
  const find = () => family(child.pid).find(isVictim[victim]);
  try {
    const appeared = await poll(APPEAR_BOUND_MS, 5, () => (child.exitCode === null ? find() : null));
    if (!appeared) return { left: [`no ${victim} appeared\n${output()}`], text: "not killed" };
    await Promise.race([delay(momentMs), ended]);
    run = takeRun(family(child.pid));
    const startMs = performance.now();
    const killed = run.members.some(({ pid }) => pid === appeared.pid) && kill(appeared.pid);
    let left = [];
    const clean = await poll(GONE_BOUND_MS, 25, () => {
      left = leftOf(run, marker, folder, before);
      return left.length === 0 ? true : undefined;
    });
    const tookMs = Math.round(performance.now() - startMs);
    const what = `${run.members.length} processes, ${run.namespaces.size} namespaces`;
    const text = `${killed ? "killed" : "had ended by itself"}: ${what}`;
    if (clean) return { left: [], text: `${text} gone after ${tookMs} ms` };
    return { left: [...left, `its output was:\n${output()}`], text: `${text}; left after ${tookMs} ms` };
  } finally {
    for (const { pid } of processesOf(run, marker)) kill(pid);
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Starts `npm run demo` again and again, with `--keep` and without, and kills npm, the launcher, `unshare` and the
 * lab in turn with SIGKILL at random moments. Within 3 s no process, namespace, link, file or mount of it may be
 * left.
 * @param {{ rounds: number, seed: number, log: (line: string) => void }} options four rounds kill each victim once
 * @returns {Promise<{ passed: boolean, failures: string[] }>}
 */
export async function killTest({ rounds, seed, log }) {
  const next = random(seed);
  const failures = [];
  for (let index = 0; index < rounds; index++) {
    const victim = victims[index % victims.length];
    // Each victim gets both forms in turn
    const keep = (index + Math.floor(index / victims.length)) % 2 === 0;
    // Squared: the start, when least is ready, gets more than its share
    const momentMs = Math.round(next() ** 2 * (keep ? LATEST_MS.keep : LATEST_MS.plain));
    const id = `kill-${process.pid}-${seed}-${index}`;
    const { left, text } = await round({ victim, keep, momentMs, id });
    const name = `${victim} of ${keep ? "demo --keep" : "demo"}, ${momentMs} ms after its start`;
    log(`${left.length === 0 ? "ok    " : "FAILED"} ${index + 1}/${rounds} ${name}: ${text}`);
    if (left.length > 0) failures.push([`${name} (seed ${seed}): ${text}`, ...left].join("\n  "));
  }
  return { passed: failures.length === 0, failures };
}
