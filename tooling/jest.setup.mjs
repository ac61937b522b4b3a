// Errors thrown by Node's core belong to another realm than the test's `Error`; both count as errors.
import { types } from "node:util";

const plain = Error[Symbol.hasInstance];
Object.defineProperty(Error, Symbol.hasInstance, {
  configurable: true,
  value(value) {
    return this === Error ? types.isNativeError(value) : plain.call(this, value);
  },
});
