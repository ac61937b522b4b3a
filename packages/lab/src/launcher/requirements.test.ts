// SPDX-License-Identifier: Apache-2.0
import { isPrivileged, missingRequirements, namespaceAdvice, unshareFlags } from "./requirements.js";

const status = (capabilities: string): string => `Name:\tnode\nCapEff:\t${capabilities}\nCapBnd:\t0\n`;
const machine = (settings: Readonly<Record<string, string>> = {}, container = false) => ({
  sysctl: (path: string) => settings[path],
  container,
});
const SANDBOX = expect.stringContaining("npm run demo -- --sandbox");

describe("privilege", () => {
  it("is root with CAP_SYS_ADMIN and CAP_NET_ADMIN", () => {
    expect(isPrivileged(0, status("000001ffffffffff"))).toBe(true);
    expect(isPrivileged(0, status("0000000000201000"))).toBe(true);
  });

  it("is neither root as containers have it nor another user with every capability", () => {
    expect(isPrivileged(0, status("00000000a80425fb"))).toBe(false);
    expect(isPrivileged(0, status("0000000000200000"))).toBe(false);
    expect(isPrivileged(1000, status("000001ffffffffff"))).toBe(false);
    expect(isPrivileged(0, "")).toBe(false);
  });

  it("saves the user namespace", () => {
    expect(unshareFlags(true)).not.toContain("--user");
    expect(unshareFlags(false)).toEqual(expect.arrayContaining(["--user", "--map-root-user"]));
    expect(unshareFlags(false)).toEqual(expect.arrayContaining(unshareFlags(true)));
  });
});

describe("advice", () => {
  it.each([
    ["kernel/apparmor_restrict_unprivileged_userns", "1", "0"],
    ["kernel/unprivileged_userns_clone", "0", "1"],
    ["user/max_user_namespaces", "0", "10000"],
  ])("names the setting %s when it is %s", (path, refusing, allowing) => {
    expect(namespaceAdvice(1000, machine({ [path]: refusing }))).toEqual([
      `sudo sysctl -w ${path.replaceAll("/", ".")}=${allowing}`,
      SANDBOX,
    ]);
    expect(namespaceAdvice(1000, machine({ [path]: allowing }))).toEqual(["sudo npm run demo", SANDBOX]);
  });

  it("is root where no setting refuses, and a privileged container for root and in containers", () => {
    const container = expect.stringContaining("docker run --privileged");
    expect(namespaceAdvice(1000, machine())).toEqual(["sudo npm run demo", SANDBOX]);
    expect(namespaceAdvice(1000, machine({}, true))).toEqual(["sudo npm run demo", container, SANDBOX]);
    expect(namespaceAdvice(0, machine())).toEqual([container, SANDBOX]);
  });
});

it("missing tools are named with the command that installs them", () => {
  expect(missingRequirements("/nowhere:/neither", 1000)).toEqual([
    "not found in PATH: unshare, nsenter, mount, sh",
    "sudo apt-get install util-linux",
  ]);
});
