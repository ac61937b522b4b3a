// SPDX-License-Identifier: Apache-2.0

// An endpoint with kernel interfaces and point-to-point addresses, from the sdk's chain; what
// cmd-nse-icmp-responder does with these variables.
package main

import (
	"context"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/networkservicemesh/api/pkg/api/networkservice"
	"github.com/networkservicemesh/api/pkg/api/networkservice/mechanisms/kernel"
	registryapi "github.com/networkservicemesh/api/pkg/api/registry"
	"github.com/networkservicemesh/sdk/pkg/networkservice/chains/endpoint"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/authorize"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms"
	kernelmechanism "github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms/kernel"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms/sendfd"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/onidle"
	"github.com/networkservicemesh/sdk/pkg/networkservice/ipam/groupipam"
	"github.com/networkservicemesh/sdk/pkg/networkservice/ipam/point2pointipam"
	"github.com/networkservicemesh/sdk/pkg/networkservice/ipam/strictipam"
	registryclient "github.com/networkservicemesh/sdk/pkg/registry/chains/client"
	registryauthorize "github.com/networkservicemesh/sdk/pkg/registry/common/authorize"
	"github.com/networkservicemesh/sdk/pkg/registry/common/clientinfo"
	registrysendfd "github.com/networkservicemesh/sdk/pkg/registry/common/sendfd"
	"github.com/networkservicemesh/sdk/pkg/tools/cidr"
	"github.com/networkservicemesh/sdk/pkg/tools/log"
	"google.golang.org/grpc"

	"nsm.local/interop/internal/daemon"
)

type config struct {
	daemon.Common
	daemon.RegistryClientPolicies
	Name             string            `default:"icmp-server" desc:"of the endpoint and its path segment"`
	ConnectTo        url.URL           `default:"unix:///var/lib/networkservicemesh/nsm.io.sock" split_words:"true" desc:"manager"`
	ServiceNames     []string          `default:"icmp-responder" split_words:"true" desc:"services served"`
	Payload          string            `default:"ETHERNET" desc:"of the services registered"`
	Labels           map[string]string `desc:"of the endpoint, the same for each service"`
	CidrPrefix       cidr.Groups       `default:"169.254.0.0/16" split_words:"true" desc:"pools"`
	IPAMPolicy       string            `default:"polite" split_words:"true" desc:"polite keeps foreign addresses that clients bring, strict does not"`
	IdleTimeout      time.Duration     `default:"0" split_words:"true" desc:"ends after so long without a connection; 0: never"`
	RegisterService  bool              `default:"true" split_words:"true" desc:"register the services too"`
	UnregisterItself bool              `default:"false" split_words:"true" desc:"unregister when ending"`
}

func (c *config) ipam() networkservice.NetworkServiceServer {
	switch strings.ToLower(c.IPAMPolicy) {
	case "polite":
		return groupipam.NewServer(c.CidrPrefix)
	case "strict":
		return groupipam.NewServer(c.CidrPrefix, groupipam.WithCustomIPAMServer(
			func(prefixes ...*net.IPNet) networkservice.NetworkServiceServer {
				return strictipam.NewServer(point2pointipam.NewServer, prefixes...)
			}))
	}
	daemon.Fatal("not a valid IPAM Policy: %s", c.IPAMPolicy)
	return nil
}

func (c *config) services() []*registryapi.NetworkService {
	services := make([]*registryapi.NetworkService, 0, len(c.ServiceNames))
	for _, name := range c.ServiceNames {
		services = append(services, &registryapi.NetworkService{Name: name, Payload: c.Payload})
	}
	return services
}

func (c *config) registration(socket *url.URL) *registryapi.NetworkServiceEndpoint {
	labels := make(map[string]*registryapi.NetworkServiceLabels, len(c.ServiceNames))
	for _, name := range c.ServiceNames {
		labels[name] = &registryapi.NetworkServiceLabels{Labels: c.Labels}
	}
	return &registryapi.NetworkServiceEndpoint{
		Name:                 c.Name,
		NetworkServiceNames:  c.ServiceNames,
		NetworkServiceLabels: labels,
		Url:                  socket.String(),
	}
}

// register registers services and endpoint, trying until ctx ends. @returns how to unregister the endpoint
func register(ctx context.Context, c *config, socket *url.URL, dial []grpc.DialOption) func() {
	policies := registryauthorize.WithPolicies(c.RegistryClientPolicies.RegistryClientPolicies...)
	if c.RegisterService {
		client := registryclient.NewNetworkServiceRegistryClient(ctx,
			registryclient.WithClientURL(&c.ConnectTo),
			registryclient.WithDialOptions(dial...),
			registryclient.WithAuthorizeNSRegistryClient(
				registryauthorize.NewNetworkServiceRegistryClient(policies)))
		for _, service := range c.services() {
			if _, err := client.Register(ctx, service); err != nil {
				daemon.Fatal("cannot register service %s: %v", service.GetName(), err)
			}
		}
	}
	client := registryclient.NewNetworkServiceEndpointRegistryClient(ctx,
		registryclient.WithClientURL(&c.ConnectTo),
		registryclient.WithDialOptions(dial...),
		registryclient.WithNSEAdditionalFunctionality(
			clientinfo.NewNetworkServiceEndpointRegistryClient(),
			registrysendfd.NewNetworkServiceEndpointRegistryClient()),
		registryclient.WithAuthorizeNSERegistryClient(
			registryauthorize.NewNetworkServiceEndpointRegistryClient(policies)))
	registered, err := client.Register(ctx, c.registration(socket))
	if err != nil {
		daemon.Fatal("cannot register the endpoint: %v", err)
	}
	log.FromContext(ctx).Infof("registered endpoint: %v", registered)
	return func() {
		unregisterCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := client.Unregister(unregisterCtx, registered); err != nil {
			log.FromContext(ctx).Errorf("cannot unregister: %v", err)
		}
	}
}

func main() {
	started := time.Now()
	var c config
	// The registration must outlive the signal, so that it can be withdrawn
	signalled, cancelSignals := daemon.Start("nse", &c, &c.Common)
	defer cancelSignals()
	identity := daemon.NewIdentity(signalled, &c.Common)
	defer identity.Close()
	ctx, cancel := context.WithCancel(context.WithoutCancel(signalled))
	defer cancel()

	socket, removeSocket, err := daemon.TempSocket(c.Name)
	if err != nil {
		daemon.Fatal("%v", err)
	}
	defer removeSocket()
	server := grpc.NewServer(identity.ServerOptions(true)...)
	endpoint.NewServer(ctx, identity.Tokens,
		endpoint.WithName(c.Name),
		endpoint.WithAuthorizeServer(authorize.NewServer()),
		endpoint.WithAdditionalFunctionality(
			onidle.NewServer(ctx, cancelSignals, c.IdleTimeout),
			c.ipam(),
			mechanisms.NewServer(map[string]networkservice.NetworkServiceServer{
				kernel.MECHANISM: kernelmechanism.NewServer(),
			}),
			sendfd.NewServer(),
		)).Register(server)
	daemon.Listen(ctx, server, socket)

	dial := append(identity.DialOptions(), grpc.WithBlock(), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	registering, stopRegistering := context.WithCancel(ctx)
	defer stopRegistering()
	done := make(chan func(), 1)
	go func() { done <- register(registering, &c, socket, dial) }()
	select {
	case unregister := <-done:
		log.FromContext(ctx).Infof("startup completed in %v", time.Since(started))
		<-signalled.Done()
		if c.UnregisterItself {
			unregister()
		}
	case <-signalled.Done():
	}
	server.Stop()
}
