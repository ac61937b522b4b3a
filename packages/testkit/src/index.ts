// SPDX-License-Identifier: Apache-2.0
/** Virtual clock, probes, in-memory ports and contract suites; development only. */
export {
  connectionWith,
  requestWith,
  type TestContextOptions,
  type TestTokenOptions,
  testContext,
  testTokens,
} from "./contexts.js";
export { type ElementContractOptions, elementContract, establishedConnection } from "./element-contract.js";
export { type FakeDns, type FakeDnsRecord, fakeDns } from "./fake-dns.js";
export {
  type TestAuthority,
  type TestIdentity,
  type TestIdentityOptions,
  type TestIdentitySource,
  type TestTrust,
  testAuthority,
  testIdentity,
  testIdentitySource,
} from "./identities.js";
export { type MemoryDescriptors, memoryDescriptors, memoryLinkPair } from "./memory-descriptors.js";
export { MemoryNetwork, type MemoryPeerOptions, type MemoryServer } from "./memory-network.js";
export { type MemoryNameServer, memoryNameServer } from "./name-server.js";
export {
  type Capture,
  type Counter,
  capture,
  counter,
  type InjectedErrors,
  injectError,
  type RegistryCapture,
  type RegistryCounter,
  type RegistryInjectedErrors,
  registryCapture,
  registryCounter,
  registryInjectError,
} from "./probes.js";
export {
  type RegistryElementContractOptions,
  registryElementContract,
  registryStoreContract,
} from "./registry-contract.js";
export { resolverContract } from "./resolver-contract.js";
export {
  es256Tokens,
  expiringTokens,
  type Hs256TokenOptions,
  hs256Tokens,
  skewedTokens,
  type TestTokenClaims,
  tamperedTokens,
  wrongAudienceTokens,
} from "./tokens.js";
export { VirtualClock } from "./virtual-clock.js";
export { type MemoryWatchedFile, memoryWatchedFile } from "./watched-file.js";
