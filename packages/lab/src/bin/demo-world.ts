// SPDX-License-Identifier: Apache-2.0
/** Pid 1 of `npm run demo`. Arguments: repository, log folder, start in milliseconds since the epoch, [--keep]. */
import { runDemo } from "../demo/demo.js";
import { runWorld } from "../world/world.js";

const [repository = "", logFolder = "", startedMs = "0", ...flags] = process.argv.slice(2);

await runWorld({
  run: (ending) =>
    runDemo(
      {
        repository,
        logFolder,
        startedMs: Number(startedMs),
        keep: flags.includes("--keep"),
        env: {},
        write: (line) => void process.stdout.write(`${line}\n`),
      },
      ending,
    ),
});
