// SPDX-License-Identifier: Apache-2.0

interface MessageType {
  encode(message: never): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

interface GeneratedMethod {
  readonly name: string;
  readonly requestType: MessageType;
  readonly requestStream: boolean;
  readonly responseType: MessageType;
  readonly responseStream: boolean;
}

/** A service of `@nsm/api`. */
export interface GeneratedService {
  readonly fullName: string;
  readonly methods: { readonly [key: string]: GeneratedMethod };
}

type MessageOf<Type> = Type extends { decode(bytes: Uint8Array): infer T } ? T : never;

/** A method as both grpc-js and nice-grpc take it. */
export interface WireMethod<
  Request,
  Response,
  RequestStream extends boolean,
  ResponseStream extends boolean,
> {
  readonly path: string;
  readonly requestStream: RequestStream;
  readonly responseStream: ResponseStream;
  requestSerialize(message: Request): Buffer;
  requestDeserialize(bytes: Uint8Array): Request;
  responseSerialize(message: Response): Buffer;
  responseDeserialize(bytes: Uint8Array): Response;
  readonly options: Record<string, never>;
}

/** A whole service, by the method names of the generated code. */
export type WireService<D extends GeneratedService> = {
  [K in keyof D["methods"]]: WireMethod<
    MessageOf<D["methods"][K]["requestType"]>,
    MessageOf<D["methods"][K]["responseType"]>,
    D["methods"][K]["requestStream"],
    D["methods"][K]["responseStream"]
  >;
};

/**
 * Turns a generated service into one that encodes messages as they are. nice-grpc would complete every message
 * with `fromPartial` first, a second deep copy per hop; messages inside the process are always complete.
 */
export function wireService<D extends GeneratedService>(definition: D): WireService<D> {
  const methods = Object.entries(definition.methods).map(([key, method]) => [
    key,
    {
      path: `/${definition.fullName}/${method.name}`,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      ...codec("request", method.requestType),
      ...codec("response", method.responseType),
      options: {},
    },
  ]);
  return Object.fromEntries(methods);
}

function codec(side: string, type: MessageType): object {
  return {
    [`${side}Serialize`]: (message: never): Buffer => {
      const bytes = type.encode(message).finish();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    [`${side}Deserialize`]: (bytes: Uint8Array): unknown => type.decode(bytes),
  };
}
