// Package gateway is MCP Gateway: one program between AI assistants and an
// organisation's tools. [Main] runs it; [WithTools] adds tools of your own.
package gateway

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/mcp-gateway/mcp-gateway/internal/config"
	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/engine"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// Option changes how the gateway is built.
type Option func(*options)

type options struct {
	version   string
	tools     []tool.Tool
	prompts   []tool.Prompt
	resources []tool.Resource
}

// WithVersion sets the version that the gateway tells its clients.
func WithVersion(version string) Option { return func(o *options) { o.version = version } }

// WithTools adds tools of your own, made with [tool.Func]. They get the same
// role check, limits, timeout, panic barrier and audit as every other tool.
func WithTools(tools ...tool.Tool) Option {
	return func(o *options) { o.tools = append(o.tools, tools...) }
}

// WithPrompts adds prompts, which people pick in their clients. They are
// governed as tools are.
func WithPrompts(prompts ...tool.Prompt) Option {
	return func(o *options) { o.prompts = append(o.prompts, prompts...) }
}

// WithResources adds resources, which clients read by their addresses. They
// are governed as tools are.
func WithResources(resources ...tool.Resource) Option {
	return func(o *options) { o.resources = append(o.resources, resources...) }
}

// interactive reports whether something of this build speaks to its client.
func (o *options) interactive() bool {
	return slices.ContainsFunc(o.tools, func(t tool.Tool) bool { return t.Interactive }) ||
		slices.ContainsFunc(o.prompts, func(p tool.Prompt) bool { return p.Interactive }) ||
		slices.ContainsFunc(o.resources, func(r tool.Resource) bool { return r.Interactive })
}

// Main runs the program with the arguments of the process until it is
// interrupted, and exits with status 1 after an error. A second interrupt ends
// the process at once.
func Main(opts ...Option) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := Run(ctx, os.Args[1:], os.Getenv, os.Stdout, opts...); err != nil {
		fmt.Fprintln(os.Stderr, "mcp-gateway:", err)
		os.Exit(1)
	}
}

// Run runs one command (serve when args are empty) until it is done or ctx
// ends. getenv gives the environment (docs/configuration.md).
//
// The gateway starts its own program again, with one argument that is no
// command for people, to read SQLite files (docs/design/012-sqlite-worker.md).
// A program that does not call [Main] must pass its arguments on to Run before
// it does anything else.
func Run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer, opts ...Option) error {
	if engine.Asked(args) {
		return engine.Serve()
	}
	o := options{version: "dev"}
	for _, opt := range opts {
		opt(&o)
	}
	name := "serve"
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	for _, c := range commands() {
		if c.name == name {
			err := c.run(ctx, &command{args: args, getenv: getenv, stdin: os.Stdin, stdout: stdout, options: o})
			if errors.Is(err, flag.ErrHelp) {
				return nil // it was asked for and is printed
			}
			return err
		}
	}
	return fmt.Errorf("unknown command %q\n%s", name, usage())
}

// command is one invocation.
type command struct {
	args   []string
	getenv func(string) string
	stdin  io.Reader
	stdout io.Writer
	options
}

// load reads the configuration from the environment and from .env in the
// working directory.
func (c *command) load() (*config.Config, error) { return config.Load(c.getenv, ".") }

// noArgs refuses arguments that would be silently ignored.
func (c *command) noArgs() error {
	if len(c.args) > 0 {
		return fmt.Errorf("unexpected argument %q", c.args[0])
	}
	return nil
}

var errUsage = errors.New("see: mcp-gateway help")
