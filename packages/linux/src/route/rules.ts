// SPDX-License-Identifier: Apache-2.0
import {
  AF_INET,
  AF_INET6,
  bytes,
  flag,
  type IpFamily,
  ipText,
  maskedBytes,
  messageCodec,
  type NetlinkRequest,
  type NetlinkSocket,
  parsePrefix,
  struct,
  u8,
  u16,
  u32,
} from "../netlink/index.js";
import { present } from "./link-codec.js";
import { changes, type MessageName, routeRequest } from "./request.js";

const FR_ACT_TO_TBL = 1;

/** struct fib_rule_port_range of linux/fib_rules.h. */
const portRange = struct({ start: u16, end: u16 });

/** struct fib_rule_hdr and FRA_* of linux/fib_rules.h. */
const ruleMessage = messageCodec(
  struct({
    family: u8,
    destinationLength: u8,
    sourceLength: u8,
    tos: u8,
    table: u8,
    reserved1: u8,
    reserved2: u8,
    action: u8,
    flags: u32,
  }),
  {
    destination: [1, bytes],
    source: [2, bytes],
    priority: [6, u32],
    table: [15, u32],
    ipProtocol: [22, u8],
    sourcePorts: [23, portRange],
    destinationPorts: [24, portRange],
  },
);

/** Inclusive range of ports; one port has equal ends. */
export interface PortRange {
  readonly start: number;
  readonly end: number;
}

/** A policy rule: packets that match all given properties use `table`. */
export interface Rule {
  readonly family: IpFamily;
  /** Source prefix. */
  readonly source?: string;
  /** Destination prefix. */
  readonly destination?: string;
  /** IPPROTO_*: 6 TCP, 17 UDP… */
  readonly ipProtocol?: number;
  readonly sourcePorts?: PortRange;
  readonly destinationPorts?: PortRange;
  readonly table: number;
  /** Lower is looked at first. Default: one less than the lowest so far, from 32765 on, so that later rules win. */
  readonly priority?: number;
}

/** Operations on policy rules. Rules outlive the links they were made for. */
export interface RuleOperations {
  /** @throws LinuxError EEXIST when an equal rule with that priority exists; EINVAL */
  ruleAdd(rule: Rule): Promise<void>;
  /** Deletes the first rule with all given properties. @returns false when none matched */
  ruleDelete(rule: Rule): Promise<boolean>;
  /** Rules of both families or one, the kernel's own three included, by priority. */
  rules(family?: IpFamily): Promise<Rule[]>;
}

/** Builds the rule operations on a socket. */
export function ruleOperations(socket: NetlinkSocket): RuleOperations {
  return {
    async ruleAdd(rule) {
      socket.request(encodeRule("RTM_NEWRULE", rule, flag.CREATE | flag.EXCL));
    },
    async ruleDelete(rule) {
      return changes(socket, encodeRule("RTM_DELRULE", rule), "ENOENT");
    },
    async rules(family) {
      const families: IpFamily[] = family === undefined ? [AF_INET, AF_INET6] : [family];
      return families.flatMap((wanted) => {
        const request = routeRequest("RTM_GETRULE", ruleMessage.encode({ family: wanted }));
        return socket
          .dump(request, ({ payload }) => decodeRule(payload))
          .filter((rule) => rule.family === wanted);
      });
    },
  };
}

function encodeRule(name: MessageName, rule: Rule, flags?: number): NetlinkRequest {
  const source = rule.source === undefined ? undefined : parsePrefix(rule.source);
  const destination = rule.destination === undefined ? undefined : parsePrefix(rule.destination);
  const header = {
    family: rule.family,
    sourceLength: source?.length ?? 0,
    destinationLength: destination?.length ?? 0,
    action: FR_ACT_TO_TBL,
  };
  const { priority, table, ipProtocol, sourcePorts, destinationPorts } = rule;
  const payload = ruleMessage.encode(header, {
    source: source && maskedBytes(source),
    destination: destination && maskedBytes(destination),
    priority,
    table,
    ipProtocol,
    sourcePorts,
    destinationPorts,
  });
  return routeRequest(name, payload, `table ${table}`, flags);
}

function decodeRule(payload: Buffer): Rule {
  const { header, values } = ruleMessage.decode(payload);
  return {
    family: header.family as IpFamily,
    table: values.table ?? header.table,
    ...present({
      source: values.source && `${ipText(values.source)}/${header.sourceLength}`,
      destination: values.destination && `${ipText(values.destination)}/${header.destinationLength}`,
      ipProtocol: values.ipProtocol,
      sourcePorts: values.sourcePorts,
      destinationPorts: values.destinationPorts,
      priority: values.priority,
    }),
  };
}
