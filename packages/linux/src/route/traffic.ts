// SPDX-License-Identifier: Apache-2.0
import {
  attributes,
  be16,
  be32,
  bytes,
  flag,
  messageCodec,
  type NetlinkSocket,
  s32,
  struct,
  text,
  u8,
  u16,
  u32,
} from "../netlink/index.js";
import { present } from "./link-codec.js";
import { changes, routeRequest } from "./request.js";

const TC_H_INGRESS = 0xfffffff1; // linux/pkt_sched.h
const ingressHandle = 0xffff0000;
const TC_U32_TERMINAL = 1; // linux/pkt_cls.h
const TCA_EGRESS_REDIR = 1; // linux/tc_act/tc_mirred.h
const TC_ACT_STOLEN = 4;

/** One filter per link, always the same: table 800, node 800, priority 1, protocol ETH_P_ALL. */
const filterHandle = 0x80000800;
const priorityAndProtocol = 0x00010300; // priority << 16 | htons(ETH_P_ALL)

const trafficHeader = struct({
  family: u8,
  pad1: u8,
  pad2: u16,
  index: s32,
  handle: u32,
  parent: u32,
  info: u32,
});

/** struct tcmsg and TCA_* of linux/rtnetlink.h. */
const trafficMessage = messageCodec(trafficHeader, { kind: [1, text], options: [2, bytes] });

/** struct tc_u32_sel with one struct tc_u32_key behind it, linux/pkt_cls.h. */
const selector = struct({
  flags: u8,
  offsetShift: u8,
  keyCount: u8,
  pad: u8,
  offsetMask: be16,
  offset: u16,
  offsetOffset: u16,
  hashOffset: u16,
  hashMask: be32,
  mask: be32,
  value: be32,
  at: s32,
  atMask: s32,
});

/** struct tc_mirred of linux/tc_act/tc_mirred.h. */
const mirred = struct({
  index: u32,
  capabilities: u32,
  action: s32,
  references: s32,
  bindings: s32,
  direction: s32,
  linkIndex: u32,
});

/** TCA_ACT_* with the options of `mirred`; one action, number 1 of the list. */
const action = attributes({ kind: [1, text], options: [2, attributes({ parameters: [2, mirred] })] });

/** TCA_U32_* of linux/pkt_cls.h. */
const u32Options = attributes({
  selector: [5, selector],
  actions: [7, attributes({ first: [1, action] })],
});

/** A queueing discipline of a link. */
export interface QueueingDiscipline {
  readonly linkIndex: number;
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
}

/** A filter at the ingress of a link. */
export interface IngressFilter {
  readonly linkIndex: number;
  /** `u32`, `matchall`… */
  readonly kind: string;
  readonly handle: number;
  readonly priority: number;
  /** Link that packets are redirected to; absent when the filter does something else, or its target was deleted. */
  readonly redirectTo?: number;
}

/** Traffic control: one-way cross connects by redirecting everything that enters a link. */
export interface TrafficOperations {
  /** Adds the ingress discipline. @returns false when it was there already. @throws LinuxError ENODEV, ENOENT */
  ingressAdd(linkIndex: number): Promise<boolean>;
  /** Deletes the ingress discipline with all filters on it. @returns false when absent, the link included */
  ingressDelete(linkIndex: number): Promise<boolean>;
  /**
   * Redirects every packet that enters `linkIndex` to the egress of `targetIndex`; an earlier redirect is changed in
   * place, without loss. Needs {@link ingressAdd}.
   * @throws LinuxError ENODEV, ENOENT when the kernel has no u32 or mirred, EINVAL without the ingress discipline
   */
  redirectReplace(linkIndex: number, targetIndex: number): Promise<void>;
  /** Deletes the redirect. @returns false when absent, the link included */
  redirectDelete(linkIndex: number): Promise<boolean>;
  /** Filters at the ingress of a link; empty without an ingress discipline. */
  ingressFilters(linkIndex: number): Promise<IngressFilter[]>;
  /** Disciplines of one link or of all. */
  queueingDisciplines(linkIndex?: number): Promise<QueueingDiscipline[]>;
}

/** Builds the traffic control operations on a socket. */
export function trafficOperations(socket: NetlinkSocket): TrafficOperations {
  return {
    async ingressAdd(linkIndex) {
      const header = { index: linkIndex, handle: ingressHandle, parent: TC_H_INGRESS };
      const payload = trafficMessage.encode(header, { kind: "ingress" });
      const request = routeRequest("RTM_NEWQDISC", payload, `link ${linkIndex}`, flag.CREATE | flag.EXCL);
      return changes(socket, request, "EEXIST");
    },
    async ingressDelete(linkIndex) {
      const payload = trafficMessage.encode({
        index: linkIndex,
        handle: ingressHandle,
        parent: TC_H_INGRESS,
      });
      const request = routeRequest("RTM_DELQDISC", payload, `link ${linkIndex}`);
      return changes(socket, request, "EINVAL", "ENOENT", "ENODEV");
    },
    async redirectReplace(linkIndex, targetIndex) {
      const options = u32Options.encode({
        selector: selectorOfAll,
        actions: { first: { kind: "mirred", options: { parameters: redirectTo(targetIndex) } } },
      });
      const payload = trafficMessage.encode(filterHeader(linkIndex), { kind: "u32", options });
      const request = routeRequest("RTM_NEWTFILTER", payload, `link ${linkIndex}`, flag.CREATE);
      socket.request(request);
    },
    async redirectDelete(linkIndex) {
      const payload = trafficMessage.encode(filterHeader(linkIndex), { kind: "u32" });
      const request = routeRequest("RTM_DELTFILTER", payload, `link ${linkIndex}`);
      return changes(socket, request, "EINVAL", "ENOENT", "ENODEV");
    },
    async ingressFilters(linkIndex) {
      const payload = trafficMessage.encode({ index: linkIndex, parent: ingressHandle });
      const request = routeRequest("RTM_GETTFILTER", payload);
      const found = socket.dump(request, ({ payload }) => decodeFilter(payload));
      return found.filter(({ kind, handle }) => kind !== "u32" || isNode(handle));
    },
    async queueingDisciplines(linkIndex) {
      const payload = trafficMessage.encode({ index: linkIndex ?? 0 });
      const found = socket.dump(routeRequest("RTM_GETQDISC", payload), ({ payload }) => {
        const { header, values } = trafficMessage.decode(payload);
        return {
          linkIndex: header.index,
          kind: values.kind ?? "",
          handle: header.handle,
          parent: header.parent,
        };
      });
      return found.filter((discipline) => (linkIndex ?? discipline.linkIndex) === discipline.linkIndex);
    },
  };
}

const selectorOfAll = selector.of({ flags: TC_U32_TERMINAL, keyCount: 1 });

function redirectTo(linkIndex: number) {
  return mirred.of({ action: TC_ACT_STOLEN, direction: TCA_EGRESS_REDIR, linkIndex });
}

function filterHeader(index: number) {
  return { index, handle: filterHandle, parent: ingressHandle, info: priorityAndProtocol } as const;
}

/** u32 lists its hash tables too; only nodes have a nonzero lower part. */
function isNode(handle: number): boolean {
  return (handle & 0xfff) !== 0;
}

function decodeFilter(payload: Buffer): IngressFilter {
  const { header, values } = trafficMessage.decode(payload);
  const kind = values.kind ?? "";
  const options =
    kind === "u32" && values.options ? u32Options.decode(Buffer.from(values.options)) : undefined;
  const first = options?.actions?.first;
  const target = first?.kind === "mirred" ? first.options?.parameters?.linkIndex : undefined;
  return {
    linkIndex: header.index,
    kind,
    handle: header.handle,
    priority: header.info >>> 16,
    // The kernel shows index 0 once the target has been deleted
    ...present({ redirectTo: target === 0 ? undefined : target }),
  };
}
