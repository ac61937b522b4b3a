// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"crypto/tls"

	"github.com/edwarnicke/grpcfd"
	"github.com/networkservicemesh/sdk/pkg/tools/log"
	"github.com/networkservicemesh/sdk/pkg/tools/spiffejwt"
	"github.com/networkservicemesh/sdk/pkg/tools/token"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Identity is the X.509 SVID of the Workload API at SPIFFE_ENDPOINT_SOCKET, and what is made from it.
type Identity struct {
	source *workloadapi.X509Source
	// Tokens makes the tokens of calls and path segments.
	Tokens token.GeneratorFunc
}

// NewIdentity waits for the first SVID.
func NewIdentity(ctx context.Context, common *Common) *Identity {
	source, err := workloadapi.NewX509Source(ctx)
	if err != nil {
		Fatal("no X.509 source: %v", err)
	}
	svid, err := source.GetX509SVID()
	if err != nil {
		Fatal("no SVID: %v", err)
	}
	log.FromContext(ctx).Infof("SVID: %q", svid.ID)
	return &Identity{source: source, Tokens: spiffejwt.TokenGeneratorFunc(source, common.MaxTokenLifetime)}
}

// Close ends the stream from the Workload API.
func (i *Identity) Close() { _ = i.source.Close() }

// DialOptions are mutual TLS with any member of the bundles, descriptors beside the bytes on unix sockets, and a
// token with every call.
func (i *Identity) DialOptions() []grpc.DialOption {
	config := tlsconfig.MTLSClientConfig(i.source, i.source, tlsconfig.AuthorizeAny())
	config.MinVersion = tls.VersionTLS12
	return []grpc.DialOption{
		grpc.WithTransportCredentials(grpcfd.TransportCredentials(credentials.NewTLS(config))),
		grpc.WithDefaultCallOptions(grpc.PerRPCCredentials(token.NewPerRPCCredentials(i.Tokens))),
		grpcfd.WithChainStreamInterceptor(),
		grpcfd.WithChainUnaryInterceptor(),
	}
}

// ServerOptions are mutual TLS with any member of the bundles; with descriptors also what is beside the bytes.
func (i *Identity) ServerOptions(descriptors bool) []grpc.ServerOption {
	config := tlsconfig.MTLSServerConfig(i.source, i.source, tlsconfig.AuthorizeAny())
	config.MinVersion = tls.VersionTLS12
	creds := credentials.NewTLS(config)
	if descriptors {
		creds = grpcfd.TransportCredentials(creds)
	}
	return []grpc.ServerOption{grpc.Creds(creds)}
}
