// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { NSM_DIRECTORY, WORKLOAD_API_DIRECTORY } from "./paths.js";

const sh = (script: string): void => {
  const { status, stderr } = spawnSync("sh", ["-ec", script], { encoding: "utf8" });
  if (status !== 0) throw new Error(`cannot prepare the lab's mounts: ${stderr.trim()}`);
};

/**
 * Prepares the lab's own mount namespace: a tmpfs on `/run`, writable copies of `/etc` and `/var/lib` that the
 * machine never sees, and the directory of the sockets where the machine has none. `/tmp` and the home directory
 * stay as they are: the clone may lie there.
 */
export function prepareMounts(): void {
  sh(`
    mount -t tmpfs -o mode=755 tmpfs /run
    for d in /etc /var/lib; do
      u=/run/lab-overlay$d; mkdir -p $u/upper $u/work
      mount -t overlay overlay -o lowerdir=$d,upperdir=$u/upper,workdir=$u/work $d 2>/dev/null ||
        { [ $d = /etc ] || mount -t tmpfs -o mode=755 tmpfs $d; }
    done
    mkdir -p ${NSM_DIRECTORY}
  `);
}

/** Commands that give a node its own `/run` and socket directory. */
export const nodeMounts = `
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=777 tmpfs ${NSM_DIRECTORY}
mkdir -p ${WORKLOAD_API_DIRECTORY}
`;

/** Commands that give a pod its own `/etc/resolv.conf`, Workload API folder and temporary directory. */
export const podMounts = (name: string): string => `
mkdir -p /run/pods/${name} ${NSM_DIRECTORY}/${name}
mount -t tmpfs -o mode=755 tmpfs ${WORKLOAD_API_DIRECTORY}
cp /etc/resolv.conf /run/pods/${name}/resolv.conf 2>/dev/null || : > /run/pods/${name}/resolv.conf
[ ! -e /etc/resolv.conf ] || mount --bind /run/pods/${name}/resolv.conf /etc/resolv.conf
`;
