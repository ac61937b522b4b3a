// SPDX-License-Identifier: Apache-2.0

// The registry in memory, from the sdk's chain.
package main

import (
	"net/url"
	"time"

	"github.com/networkservicemesh/sdk/pkg/registry/chains/memory"
	"github.com/networkservicemesh/sdk/pkg/registry/common/authorize"
	"github.com/networkservicemesh/sdk/pkg/tools/log"
	"google.golang.org/grpc"

	"nsm.local/interop/internal/daemon"
)

type config struct {
	daemon.Common
	daemon.RegistryServerPolicies
	daemon.RegistryClientPolicies
	ListenOn         []url.URL `default:"unix:///listen.on.socket" split_words:"true" desc:"addresses served"`
	ProxyRegistryURL *url.URL  `split_words:"true" desc:"where names of other domains are asked"`
}

func main() {
	started := time.Now()
	var c config
	ctx, cancel := daemon.Start("registry", &c, &c.Common)
	defer cancel()
	identity := daemon.NewIdentity(ctx, &c.Common)
	defer identity.Close()

	serverPolicies := authorize.WithPolicies(c.RegistryServerPolicies.RegistryServerPolicies...)
	clientPolicies := authorize.WithPolicies(c.RegistryClientPolicies.RegistryClientPolicies...)
	server := grpc.NewServer(identity.ServerOptions(false)...)
	memory.NewServer(ctx, identity.Tokens,
		memory.WithAuthorizeNSRegistryServer(
			authorize.NewNetworkServiceRegistryServer(serverPolicies)),
		memory.WithAuthorizeNSERegistryServer(
			authorize.NewNetworkServiceEndpointRegistryServer(serverPolicies)),
		memory.WithAuthorizeNSRegistryClient(
			authorize.NewNetworkServiceRegistryClient(clientPolicies)),
		memory.WithAuthorizeNSERegistryClient(
			authorize.NewNetworkServiceEndpointRegistryClient(clientPolicies)),
		memory.WithProxyRegistryURL(c.ProxyRegistryURL),
		memory.WithDialOptions(append(identity.DialOptions(),
			grpc.WithBlock(),
			grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))...),
	).Register(server)

	for i := range c.ListenOn {
		daemon.Listen(ctx, server, &c.ListenOn[i])
	}
	log.FromContext(ctx).Infof("Startup completed in %v", time.Since(started))
	<-ctx.Done()
}
