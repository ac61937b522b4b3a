// SPDX-License-Identifier: Apache-2.0

// The manager of a node, from the sdk's chain.
package main

import (
	"context"
	"net"
	"net/url"
	"time"

	"github.com/edwarnicke/genericsync"
	"github.com/networkservicemesh/sdk/pkg/networkservice/chains/nsmgr"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/authorize"
	registryauthorize "github.com/networkservicemesh/sdk/pkg/registry/common/authorize"
	"github.com/networkservicemesh/sdk/pkg/tools/listenonurl"
	"github.com/networkservicemesh/sdk/pkg/tools/log"
	monitorauthorize "github.com/networkservicemesh/sdk/pkg/tools/monitorconnection/authorize"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"google.golang.org/grpc"

	"nsm.local/interop/internal/daemon"
)

type config struct {
	daemon.Common
	daemon.RegistryServerPolicies
	daemon.RegistryClientPolicies
	Name                        string        `default:"nmgr" desc:"name of the path segment"`
	ListenOn                    []url.URL     `default:"unix:///var/lib/networkservicemesh/nsm.io.sock" split_words:"true" desc:"addresses served"`
	RegistryURL                 url.URL       `default:"tcp://localhost:5001" split_words:"true" desc:"registry; empty: an own one in memory"`
	DialTimeout                 time.Duration `default:"750ms" split_words:"true" desc:"of the next hop"`
	ForwarderNetworkServiceName string        `default:"forwarder" split_words:"true" desc:"service that forwarders register"`
}

// The address under which other nodes reach this manager: the first of tcp, else the first.
func publicURL(ctx context.Context, listenOn []url.URL) string {
	chosen := &listenOn[0]
	for i := range listenOn {
		if listenOn[i].Scheme == "tcp" {
			chosen = &listenOn[i]
			break
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		log.FromContext(ctx).Warnf("addresses of interfaces: %v", err)
	}
	return listenonurl.GetPublicURL(addresses, chosen).String()
}

func main() {
	started := time.Now()
	var c config
	ctx, cancel := daemon.Start("nsmgr", &c, &c.Common)
	defer cancel()
	if len(c.ListenOn) == 0 {
		daemon.Fatal("NSM_LISTEN_ON names no address")
	}
	identity := daemon.NewIdentity(ctx, &c.Common)
	defer identity.Close()

	serverPolicies := registryauthorize.WithPolicies(c.RegistryServerPolicies.RegistryServerPolicies...)
	clientPolicies := registryauthorize.WithPolicies(c.RegistryClientPolicies.RegistryClientPolicies...)
	var connectionsByID genericsync.Map[spiffeid.ID, *genericsync.Map[string, struct{}]]
	options := []nsmgr.Option{
		nsmgr.WithName(c.Name),
		nsmgr.WithURL(publicURL(ctx, c.ListenOn)),
		nsmgr.WithForwarderServiceName(c.ForwarderNetworkServiceName),
		nsmgr.WithDialTimeout(c.DialTimeout),
		nsmgr.WithDialOptions(append(identity.DialOptions(), grpc.WithBlock())...),
		nsmgr.WithAuthorizeServer(
			authorize.NewServer(authorize.WithSpiffeIDConnectionMap(&connectionsByID))),
		nsmgr.WithAuthorizeMonitorConnectionServer(
			monitorauthorize.NewMonitorConnectionServer(monitorauthorize.WithSpiffeIDConnectionMap(&connectionsByID))),
		nsmgr.WithAuthorizeNSRegistryServer(
			registryauthorize.NewNetworkServiceRegistryServer(serverPolicies)),
		nsmgr.WithAuthorizeNSERegistryServer(
			registryauthorize.NewNetworkServiceEndpointRegistryServer(serverPolicies)),
		nsmgr.WithAuthorizeNSRegistryClient(
			registryauthorize.NewNetworkServiceRegistryClient(clientPolicies)),
		nsmgr.WithAuthorizeNSERegistryClient(
			registryauthorize.NewNetworkServiceEndpointRegistryClient(clientPolicies)),
	}
	if c.RegistryURL.String() != "" {
		options = append(options, nsmgr.WithRegistry(&c.RegistryURL))
	}

	server := grpc.NewServer(identity.ServerOptions(true)...)
	nsmgr.NewServer(ctx, identity.Tokens, options...).Register(server)
	for i := range c.ListenOn {
		daemon.Listen(ctx, server, &c.ListenOn[i])
	}
	log.FromContext(ctx).Infof("Startup completed in %v", time.Since(started))
	<-ctx.Done()
}
