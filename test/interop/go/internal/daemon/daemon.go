// SPDX-License-Identifier: Apache-2.0

// Package daemon holds what the peers have in common: environment, log, identity, listening.
package daemon

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kelseyhightower/envconfig"
	"github.com/networkservicemesh/sdk/pkg/tools/grpcutils"
	"github.com/networkservicemesh/sdk/pkg/tools/log"
	"github.com/networkservicemesh/sdk/pkg/tools/log/logruslogger"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
)

// Common is the part of the environment that every peer reads; embed it.
type Common struct {
	LogLevel         string        `default:"INFO" split_words:"true" desc:"quieter than INFO: the sdk no longer passes descriptors"`
	MaxTokenLifetime time.Duration `default:"10m" split_words:"true" desc:"upper bound of the life of tokens"`
}

// RegistryServerPolicies are the policies of a registry for its callers.
type RegistryServerPolicies struct {
	RegistryServerPolicies []string `default:"etc/nsm/opa/common/.*.rego,etc/nsm/opa/registry/.*.rego,etc/nsm/opa/server/.*.rego" split_words:"true" desc:"masks of policy files"`
}

// RegistryClientPolicies are the policies for the answers of a registry.
type RegistryClientPolicies struct {
	RegistryClientPolicies []string `default:"etc/nsm/opa/common/.*.rego,etc/nsm/opa/registry/.*.rego,etc/nsm/opa/client/.*.rego" split_words:"true" desc:"masks of policy files"`
}

// Fatal writes why the peer cannot go on and ends it with exit code 1.
func Fatal(format string, args ...any) {
	logrus.Errorf(format, args...)
	os.Exit(1)
}

// Start reads the environment into config, sets the log level and returns a context that ends with the first
// signal which asks the peer to end. common is the Common inside config.
func Start(name string, config any, common *Common) (context.Context, context.CancelFunc) {
	if err := envconfig.Process("nsm", config); err != nil {
		Fatal("environment: %v", err)
	}
	level, err := logrus.ParseLevel(common.LogLevel)
	if err != nil {
		Fatal("invalid log level %s", common.LogLevel)
	}
	logrus.SetLevel(level)
	log.EnableTracing(true)

	ctx, cancel := signal.NotifyContext(context.Background(),
		syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGQUIT)
	ctx = log.WithLog(ctx, logruslogger.New(ctx, map[string]any{"cmd": name}))
	log.FromContext(ctx).Infof("configuration: %+v", config)
	return ctx, cancel
}

// Listen serves on every URL, which afterwards hold the real addresses. A server that cannot listen, or stops
// before ctx ends, ends the peer with exit code 1.
func Listen(ctx context.Context, server *grpc.Server, urls ...*url.URL) {
	for _, u := range urls {
		asked := u.String()
		errs := grpcutils.ListenAndServe(ctx, u, server)
		// A failed bind is there at once, or as soon as the goroutine that serves has run
		select {
		case err := <-errs:
			Fatal("cannot serve %s: %v", asked, err)
		case <-time.After(10 * time.Millisecond):
		}
		go func() {
			if err := <-errs; err != nil && ctx.Err() == nil {
				Fatal("stopped serving %s: %v", asked, err)
			}
		}()
	}
}

// TempSocket makes a folder for the socket of a peer below TMPDIR. remove deletes it with what is inside.
func TempSocket(name string) (socket *url.URL, remove func(), err error) {
	folder, err := os.MkdirTemp("", name)
	if err != nil {
		return nil, nil, fmt.Errorf("folder for the socket: %w", err)
	}
	return &url.URL{Scheme: "unix", Path: folder + "/listen.on"}, func() { _ = os.RemoveAll(folder) }, nil
}
