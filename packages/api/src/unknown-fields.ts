// SPDX-License-Identifier: Apache-2.0
import { clone } from "./clone.js";
import type { DeepPartial, MessageFns } from "./gen/connection.js";
import { isPlainObject } from "./plain-data.js";

/**
 * Completes a partial message with defaults and keeps its unknown fields at every depth; the generated
 * `fromPartial` alone drops them.
 *
 * @param fns the generated functions of the message type, for example `Connection`
 * @param partial read only; the result shares nothing with it
 */
export function fromPartial<T>(fns: MessageFns<T>, partial: DeepPartial<NoInfer<T>>): T {
  const message = fns.fromPartial(partial as DeepPartial<T>);
  carryUnknownFields(partial, message);
  return message;
}

/**
 * A service definition whose messages keep unknown fields when they are sent. nice-grpc completes every outgoing
 * message with `fromPartial`, and without this a hop would drop fields that newer peers added.
 */
export function keepUnknownFields<D extends ServiceDefinition>(definition: D): D {
  const methods = Object.fromEntries(
    Object.entries(definition.methods).map(([key, method]) => [
      key,
      { ...method, requestType: keeping(method.requestType), responseType: keeping(method.responseType) },
    ]),
  );
  // the entries have the shape they had before, only `fromPartial` is another function
  return { ...definition, methods } as D;
}

interface ServiceDefinition {
  readonly methods: {
    readonly [key: string]: { readonly requestType: AnyMessageFns; readonly responseType: AnyMessageFns };
  };
}

interface AnyMessageFns {
  fromPartial(object: object): unknown;
}

function keeping(fns: AnyMessageFns): AnyMessageFns {
  return {
    ...fns,
    fromPartial(object: object): unknown {
      const message = fns.fromPartial(object);
      carryUnknownFields(object, message);
      return message;
    },
  };
}

function carryUnknownFields(from: unknown, to: unknown): void {
  if (Array.isArray(from) && Array.isArray(to)) {
    for (let i = 0; i < from.length; i++) carryUnknownFields(from[i], to[i]);
  } else if (isPlainObject(from) && isPlainObject(to)) {
    for (const key of Object.keys(from)) {
      const value = from[key];
      if (typeof value !== "object" || value === null) continue;
      if (key === "_unknownFields") to[key] = clone(value);
      else if (Object.hasOwn(to, key)) carryUnknownFields(value, to[key]);
    }
  }
}
