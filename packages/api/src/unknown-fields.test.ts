// SPDX-License-Identifier: Apache-2.0
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  Connection,
  ConnectionEvent,
  fromPartial,
  HealthDefinition,
  IPAMDefinition,
  MonitorConnectionDefinition,
  NetworkServiceDefinition,
  NetworkServiceEndpointRegistryDefinition,
  NetworkServiceRegistryDefinition,
  NetworkServiceRequest,
} from "./index.js";

/** Appends field 500, which no message of ours has. */
const withUnknown = (writer: BinaryWriter, text: string): BinaryWriter =>
  writer.uint32((500 << 3) | 2).string(text);

const newerConnection = (): BinaryWriter => {
  const writer = new BinaryWriter().uint32(10).string("c1");
  const path = writer.uint32(50).fork();
  withUnknown(withUnknown(path.uint32(18).fork(), "in segment").join(), "in path").join();
  return withUnknown(writer, "in connection");
};

const newerRequest = (): Uint8Array =>
  withUnknown(new BinaryWriter().uint32(10).bytes(newerConnection().finish()), "in request").finish();

const newerEvent = (): Uint8Array => {
  const writer = new BinaryWriter();
  writer.uint32(18).fork().uint32(10).string("c1").uint32(18).bytes(newerConnection().finish()).join();
  return writer.finish();
};

it("keeps unknown fields at every depth through decode and encode", () => {
  const bytes = newerRequest();
  expect(NetworkServiceRequest.encode(NetworkServiceRequest.decode(bytes)).finish()).toEqual(bytes);
});

it("keeps unknown fields through the serializer that a service definition gives to nice-grpc", () => {
  const request = NetworkServiceDefinition.methods.request.requestType;
  const bytes = newerRequest();
  expect(request.encode(request.fromPartial(request.decode(bytes))).finish()).toEqual(bytes);
  const event = MonitorConnectionDefinition.methods.monitorConnections.responseType;
  const eventBytes = newerEvent();
  expect(event.encode(event.fromPartial(event.decode(eventBytes))).finish()).toEqual(eventBytes);
});

it("wraps both directions of every method of every service", () => {
  const definitions = [
    NetworkServiceDefinition,
    MonitorConnectionDefinition,
    NetworkServiceRegistryDefinition,
    NetworkServiceEndpointRegistryDefinition,
    HealthDefinition,
    IPAMDefinition,
  ];
  const unknown = { 4002: [Uint8Array.of(1, 65)] };
  for (const definition of definitions) {
    for (const method of Object.values(definition.methods)) {
      for (const type of [method.requestType, method.responseType]) {
        expect(type.fromPartial({ _unknownFields: unknown })._unknownFields).toEqual(unknown);
      }
    }
  }
});

it("completes partial messages with defaults and shares nothing with the partial", () => {
  const partial = { labels: { a: "b" }, _unknownFields: { 4002: [Uint8Array.of(1, 65)] } };
  const message = fromPartial(Connection, partial);
  expect(message).toMatchObject({ id: "", networkService: "", state: 0, labels: { a: "b" } });
  expect(message._unknownFields).toEqual(partial._unknownFields);
  partial._unknownFields[4002][0]![1] = 66;
  partial.labels.a = "c";
  expect(message.labels).toEqual({ a: "b" });
  expect(message._unknownFields![4002]![0]![1]).toBe(65);
});

it("keeps unknown fields of messages in maps", () => {
  const event = ConnectionEvent.decode(newerEvent());
  const completed = fromPartial(ConnectionEvent, event);
  expect(completed.connections.c1!._unknownFields).toEqual(event.connections.c1!._unknownFields);
  expect(Object.keys(completed.connections.c1!._unknownFields!)).toEqual([String((500 << 3) | 2)]);
});
