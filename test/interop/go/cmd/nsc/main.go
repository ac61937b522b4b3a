// SPDX-License-Identifier: Apache-2.0

// A client with kernel interfaces, from the sdk's chain; what cmd-nsc does with these variables.
package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/networkservicemesh/api/pkg/api/networkservice"
	"github.com/networkservicemesh/api/pkg/api/networkservice/mechanisms/kernel"
	kernelheal "github.com/networkservicemesh/sdk-kernel/pkg/kernel/tools/heal"
	"github.com/networkservicemesh/sdk/pkg/networkservice/chains/client"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/authorize"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/clientinfo"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/excludedprefixes"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/heal"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms"
	kernelmechanism "github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms/kernel"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/mechanisms/sendfd"
	"github.com/networkservicemesh/sdk/pkg/networkservice/common/upstreamrefresh"
	"github.com/networkservicemesh/sdk/pkg/tools/awarenessgroups"
	"github.com/networkservicemesh/sdk/pkg/tools/grpcutils"
	"github.com/networkservicemesh/sdk/pkg/tools/log"
	"github.com/networkservicemesh/sdk/pkg/tools/nsurl"
	"google.golang.org/grpc"

	"nsm.local/interop/internal/daemon"
)

const retryPause = 200 * time.Millisecond

type config struct {
	daemon.Common
	Name                  string                  `default:"nsc" desc:"name of the first path segment"`
	ConnectTo             url.URL                 `default:"unix:///var/lib/networkservicemesh/nsm.io.sock" split_words:"true" desc:"manager"`
	DialTimeout           time.Duration           `default:"5s" split_words:"true" desc:"of the manager"`
	RequestTimeout        time.Duration           `default:"15s" split_words:"true" desc:"of each Request and Close"`
	NetworkServices       []url.URL               `split_words:"true" desc:"services to be connected"`
	AwarenessGroups       awarenessgroups.Decoder `split_words:"true" desc:"services that may share addresses"`
	LivenessCheckEnabled  bool                    `default:"true" split_words:"true" desc:"ping through the connections"`
	LivenessCheckInterval time.Duration           `default:"200ms" split_words:"true" desc:"between pings"`
	LivenessCheckTimeout  time.Duration           `default:"1s" split_words:"true" desc:"of pings"`
}

func (c *config) healClient(ctx context.Context) networkservice.NetworkServiceClient {
	options := []heal.Option{
		heal.WithLivenessCheckInterval(c.LivenessCheckInterval),
		heal.WithLivenessCheckTimeout(c.LivenessCheckTimeout),
	}
	if c.LivenessCheckEnabled {
		options = append(options, heal.WithLivenessCheck(kernelheal.KernelLivenessCheck))
	}
	return heal.NewClient(ctx, options...)
}

func (c *config) request(index int) (*networkservice.NetworkServiceRequest, error) {
	service := (*nsurl.NSURL)(&c.NetworkServices[index])
	mechanism := service.Mechanism()
	if mechanism.GetType() != kernel.MECHANISM {
		return nil, fmt.Errorf("%s: this client has kernel interfaces only", &c.NetworkServices[index])
	}
	return &networkservice.NetworkServiceRequest{
		Connection: &networkservice.Connection{
			Id:             fmt.Sprintf("%s-%d", c.Name, index),
			NetworkService: service.NetworkService(),
			Labels:         service.Labels(),
		},
		MechanismPreferences: []*networkservice.Mechanism{mechanism},
	}, nil
}

// former asks the manager for the connection that a client of this name had, as a client of the same pod has after
// its restart; nil when there is none.
func former(ctx context.Context, c *config, manager grpc.ClientConnInterface, id string) *networkservice.Connection {
	monitorCtx, cancel := context.WithTimeout(ctx, c.RequestTimeout)
	defer cancel()
	stream, err := networkservice.NewMonitorConnectionClient(manager).MonitorConnections(monitorCtx,
		&networkservice.MonitorScopeSelector{PathSegments: []*networkservice.PathSegment{{Id: id}}})
	if err != nil {
		log.FromContext(ctx).Errorf("cannot ask for former connections: %v", err)
		return nil
	}
	event, err := stream.Recv()
	if err != nil {
		log.FromContext(ctx).Errorf("cannot ask for former connections: %v", err)
		return nil
	}
	for _, connection := range event.GetConnections() {
		path := connection.GetPath()
		if path.GetIndex() == 1 && path.GetPathSegments()[0].GetId() == id {
			own := connection.Clone()
			own.Id = id
			own.GetPath().Index = 0
			return own
		}
	}
	return nil
}

// connect requests until there is a connection; nil when asked ends before.
func connect(
	ctx, asked context.Context,
	c *config, nsc networkservice.NetworkServiceClient, manager grpc.ClientConnInterface, index int,
) *networkservice.Connection {
	request, err := c.request(index)
	if err != nil {
		daemon.Fatal("%v", err)
	}
	if own := former(ctx, c, manager, request.GetConnection().GetId()); own != nil &&
		own.GetMechanism().GetType() == request.GetMechanismPreferences()[0].GetType() {
		log.FromContext(ctx).Infof("taking up the former connection %v", own)
		request.Connection = own
	}
	for asked.Err() == nil {
		requestCtx, cancel := context.WithTimeout(ctx, c.RequestTimeout)
		stop := context.AfterFunc(asked, cancel)
		connection, err := nsc.Request(requestCtx, request.Clone())
		stop()
		cancel()
		if err == nil {
			log.FromContext(ctx).Infof("successfully connected to %s. Response: %v",
				request.GetConnection().GetNetworkService(), connection)
			return connection
		}
		log.FromContext(ctx).Errorf("cannot connect to %s: %v", request.GetConnection().GetNetworkService(), err)
		select {
		case <-asked.Done():
		case <-time.After(retryPause):
		}
	}
	return nil
}

func main() {
	started := time.Now()
	var c config
	// Connections are closed after the signal: the chain must outlive it
	signalled, cancelSignals := daemon.Start("nsc", &c, &c.Common)
	defer cancelSignals()
	identity := daemon.NewIdentity(signalled, &c.Common)
	defer identity.Close()
	ctx, cancel := context.WithCancel(context.WithoutCancel(signalled))
	defer cancel()

	dial := append(identity.DialOptions(), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	manager, err := grpc.NewClient(grpcutils.URLToTarget(&c.ConnectTo), dial...)
	if err != nil {
		daemon.Fatal("%s: %v", &c.ConnectTo, err)
	}
	defer func() { _ = manager.Close() }()
	nsc := client.NewClient(ctx,
		client.WithClientURL(&c.ConnectTo),
		client.WithName(c.Name),
		client.WithAuthorizeClient(authorize.NewClient()),
		client.WithHealClient(c.healClient(ctx)),
		client.WithAdditionalFunctionality(
			clientinfo.NewClient(),
			upstreamrefresh.NewClient(ctx),
			mechanisms.NewClient(map[string]networkservice.NetworkServiceClient{
				kernel.MECHANISM: kernelmechanism.NewClient(),
			}),
			sendfd.NewClient(),
			excludedprefixes.NewClient(excludedprefixes.WithAwarenessGroups(c.AwarenessGroups)),
		),
		client.WithDialTimeout(c.DialTimeout),
		client.WithDialOptions(dial...))

	var connections []*networkservice.Connection
	for index := range c.NetworkServices {
		if connection := connect(ctx, signalled, &c, nsc, manager, index); connection != nil {
			connections = append(connections, connection)
		}
	}
	log.FromContext(ctx).Infof("Startup completed in %v", time.Since(started))
	<-signalled.Done()

	for i := len(connections) - 1; i >= 0; i-- {
		closeCtx, cancelClose := context.WithTimeout(ctx, c.RequestTimeout)
		if _, err := nsc.Close(closeCtx, connections[i]); err != nil {
			log.FromContext(ctx).Errorf("cannot close %s: %v", connections[i].GetId(), err)
		}
		cancelClose()
	}
}
