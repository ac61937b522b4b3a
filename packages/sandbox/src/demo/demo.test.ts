// SPDX-License-Identifier: Apache-2.0
import { realClock } from "@nsm/core";
import { testContext } from "@nsm/testkit";
import { runSandboxDemo } from "./demo.js";
import { differences, openDescriptors, untilNothing } from "./leftovers.js";

async function tell(onLine: (line: string) => void = () => {}): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
    onLine(line);
  };
  return { code: await runSandboxDemo({ startedMs: Date.now(), write }), lines };
}

describe("the demo without kernel links", () => {
  it("connects a local and a remote client over sockets and leaves nothing", async () => {
    const { code, lines } = await tell();
    const story = lines.join("\n");
    expect({ code, story }).toMatchObject({ code: 0 });
    expect(story).toContain("WITHOUT kernel links");
    expect(story).toContain("nsc-1 -> nsmgr node-2 -> forwarder-node-2 -> nse-1 ");
    expect(story).toContain(
      "nsc-2 -> nsmgr node-1 -> forwarder-node-1 -> nsmgr node-2 -> forwarder-node-2 -> nse-1 ",
    );
    expect(story).toContain("nsc-1 has nsm-1 172.16.1.1/32, nse-1 has 172.16.1.0/32 over KERNEL");
    expect(story).toMatch(
      /nsc-2 has nsm-1 172\.16\.1\.3\/32, .* VNI \d+, 10\.99\.0\.1 to 10\.99\.0\.2, MTU 1446/,
    );
    expect(story).toContain("everything removed, nothing left behind. OK in");
  });

  it("says which step was interrupted, and removes everything all the same", async () => {
    const before = openDescriptors();
    const { code, lines } = await tell((line) => {
      if (line.startsWith("local client")) process.emit("SIGINT");
    });
    expect(code).toBe(1);
    expect(lines.slice(-2)).toEqual(["FAILED while connecting nsc-1", "  seen: interrupted"]);
    await untilNothing(testContext({ clock: realClock }), 3_000, () =>
      differences(before, openDescriptors()),
    );
  });
});
