package gateway

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/api"
	"github.com/mcp-gateway/mcp-gateway/internal/auth"
	"github.com/mcp-gateway/mcp-gateway/internal/oauth"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// What the operator does beside a running gateway. It reads tenants and clients
// from the store on each request, so that a change counts at once.

// tenantCommand makes an organisation, also where registration is closed.
func tenantCommand(ctx context.Context, c *command) error {
	if c.verb() != "create" {
		return fmt.Errorf("tenant knows create: %w", errUsage)
	}
	var org api.Organisation
	flags := flag.NewFlagSet("tenant create", flag.ContinueOnError)
	flags.StringVar(&org.Name, "name", "", "`name` of the organisation")
	flags.StringVar(&org.Slug, "slug", "", "`slug`: its part of every URL")
	flags.StringVar(&org.AdminEmail, "admin-email", "", "`address` that the first administrator signs in with")
	file := flags.String("admin-password-file", "", "`file` with the administrator's password; it is asked for without one")
	err := c.parse(flags, "name", "slug", "admin-email")
	if err != nil {
		return err
	}
	if org.AdminPassword, err = c.password(ctx, *file); err != nil {
		return fmt.Errorf("password of the administrator: %w", err)
	}
	return c.withKeys(ctx, func(ctx context.Context, db *store.DB, out io.Writer) error {
		if err := db.Migrate(ctx); err != nil { // it may be the first command on a new database
			return err
		}
		if err := checkAuditKey(ctx, db); err != nil {
			return err
		}
		tenant, err := api.Founding{Store: db, Passwords: seal.NewPasswords(passwordSlots)}.Create(ctx, org)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "organisation %s with administrator %s\n", tenant.Slug, org.AdminEmail)
		return err
	})
}

// clientCommand handles the OAuth clients of an organisation.
func clientCommand(ctx context.Context, c *command) error {
	run, ok := map[string]func(context.Context, *command) error{
		"create": createClient, "list": listClients, "delete": deleteClient,
	}[c.verb()]
	if !ok {
		return fmt.Errorf("client knows create, list and delete: %w", errUsage)
	}
	return run(ctx, c)
}

func createClient(ctx context.Context, c *command) error {
	var name string
	var redirects []string
	flags := flag.NewFlagSet("client create", flag.ContinueOnError)
	slug := tenantFlag(flags)
	flags.StringVar(&name, "name", "", "`name` that people see when they are asked to allow the client")
	flags.Func("redirect-uri", "`URI` that the client may have people sent to; can be repeated", func(uri string) error {
		redirects = append(redirects, uri)
		return nil
	})
	if err := c.parse(flags, "tenant", "name", "redirect-uri"); err != nil {
		return err
	}
	return c.operate(ctx, *slug, func(ctx context.Context, o oauth.Operator, base auth.URLs) error {
		made, err := o.Preregister(ctx, name, redirects)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "client_id\t%s\nauthorization server\t%s\nMCP server\t%s\n", made.ClientID, base.Tenant(*slug), base.MCP(*slug))
		return w.Flush()
	})
}

func listClients(ctx context.Context, c *command) error {
	flags := flag.NewFlagSet("client list", flag.ContinueOnError)
	slug := tenantFlag(flags)
	if err := c.parse(flags, "tenant"); err != nil {
		return err
	}
	return c.operate(ctx, *slug, func(ctx context.Context, o oauth.Operator, _ auth.URLs) error {
		clients, err := o.Clients(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "client_id\tkind\tname\tlast used\tredirect URIs")
		for _, l := range clients {
			used := "never"
			if !l.LastUsedAt.IsZero() {
				used = l.LastUsedAt.Format(time.DateOnly)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.ClientID, l.Kind, l.Name, used, strings.Join(l.RedirectURIs, " "))
		}
		return w.Flush()
	})
}

func deleteClient(ctx context.Context, c *command) error {
	flags := flag.NewFlagSet("client delete", flag.ContinueOnError)
	slug := tenantFlag(flags)
	id := flags.String("client-id", "", "`id` of the client")
	if err := c.parse(flags, "tenant", "client-id"); err != nil {
		return err
	}
	return c.operate(ctx, *slug, func(ctx context.Context, o oauth.Operator, _ auth.URLs) error {
		if err := o.Delete(ctx, *id); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.stdout, "client %s deleted; who signed in with it is signed out\n", *id)
		return err
	})
}

// verb is what a command is to do, "" when nobody said.
func (c *command) verb() string {
	if len(c.args) == 0 {
		return ""
	}
	return c.args[0]
}

func tenantFlag(flags *flag.FlagSet) *string {
	return flags.String("tenant", "", "`slug` of the organisation")
}

// operate runs fn on the clients of the tenant with the slug.
func (c *command) operate(ctx context.Context, slug string, fn func(context.Context, oauth.Operator, auth.URLs) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return c.withKeys(ctx, func(ctx context.Context, db *store.DB, _ io.Writer) error {
		if err := db.CheckSchema(ctx); err != nil {
			return err
		}
		if err := checkAuditKey(ctx, db); err != nil {
			return err
		}
		tenant, err := db.TenantBySlug(ctx, slug)
		if err != nil {
			return err
		}
		return fn(ctx, oauth.Operator{Store: db, Tenant: tenant, Redirects: redirects(cfg)}, auth.URLs{Base: cfg.Base.Text})
	})
}

// parse reads the flags behind the verb; the required ones must be there.
func (c *command) parse(flags *flag.FlagSet, required ...string) error {
	flags.SetOutput(c.stdout)
	if err := flags.Parse(c.args[1:]); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	flags.Visit(func(f *flag.Flag) {
		required = slices.DeleteFunc(required, func(name string) bool { return name == f.Name })
	})
	if len(required) > 0 {
		return fmt.Errorf("%s needs --%s", flags.Name(), strings.Join(required, ", --"))
	}
	return nil
}

// password reads a password from a file or asks for it. It is no argument,
// because every process of the machine can read those.
func (c *command) password(ctx context.Context, file string) (string, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		return strings.TrimRight(string(text), "\r\n"), err
	}
	fmt.Fprint(c.stdout, "Password of the administrator (it shows as you type): ")
	type answer struct {
		text string
		err  error
	}
	read := make(chan answer, 1)
	go func() { // reading cannot be interrupted, the command can
		text, err := bufio.NewReader(c.stdin).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		read <- answer{strings.TrimRight(text, "\r\n"), err}
	}()
	select {
	case a := <-read:
		fmt.Fprintln(c.stdout)
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
