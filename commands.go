package gateway

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/mcp-gateway/mcp-gateway/internal/config"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// commands lists what the program can do.
func commands() []struct {
	name, about string
	run         func(context.Context, *command) error
} {
	return []struct {
		name, about string
		run         func(context.Context, *command) error
	}{
		{"serve", "run the gateway (the default)", serve},
		{"demo", "run the gateway with a sample organisation and database", runDemo},
		{"migrate", "up | down | status: the gateway's own database", migrate},
		{"tenant", "create: make an organisation with its first administrator", tenantCommand},
		{"client", "create | list | delete: the OAuth clients of an organisation", clientCommand},
		{"rotate-keys", "seal every stored secret under the current ENCRYPTION_KEY", rotateKeys},
		{"check", "read the configuration and show what is in force", check},
		{"audit", "verify | show | reset-anchors: check the audit log's chains; print one record; begin with new anchors", auditCommand},
		{"version", "print the version", version},
		{"help", "this text", help},
	}
}

func usage() string {
	var b strings.Builder
	b.WriteString("usage: mcp-gateway [command]\n\n")
	w := tabwriter.NewWriter(&b, 2, 0, 3, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %s\t%s\n", c.name, c.about)
	}
	w.Flush()
	b.WriteString("\nIt is configured by environment variables or a file .env: see docs/configuration.md.")
	return b.String()
}

func help(_ context.Context, c *command) error {
	_, err := fmt.Fprintln(c.stdout, usage())
	return err
}

func version(_ context.Context, c *command) error {
	_, err := fmt.Fprintln(c.stdout, c.version)
	return err
}

// check validates the configuration as serve would, without starting
// anything, and prints it with secrets redacted.
func check(ctx context.Context, c *command) error {
	if err := c.noArgs(); err != nil {
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if err := config.CheckKeys(cfg); err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, s := range cfg.Effective() {
		fmt.Fprintf(w, "%s\t%s\t(%s)\n", s.Name, s.Value, s.Origin)
	}
	for _, warning := range cfg.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
	return w.Flush()
}

func migrate(ctx context.Context, c *command) error {
	if len(c.args) != 1 {
		return fmt.Errorf("migrate needs one of up, down, status: %w", errUsage)
	}
	run, ok := map[string]func(context.Context, *store.DB, io.Writer) error{
		"up": migrateUp, "down": migrateDown, "status": migrationStatus,
	}[c.args[0]]
	if !ok {
		return fmt.Errorf("migrate knows up, down and status, not %q", c.args[0])
	}
	return c.withStore(ctx, run)
}

func migrateUp(ctx context.Context, db *store.DB, out io.Writer) error {
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	return migrationStatus(ctx, db, out)
}

func migrateDown(ctx context.Context, db *store.DB, out io.Writer) error {
	if err := db.MigrateDown(ctx); err != nil {
		return err
	}
	return migrationStatus(ctx, db, out)
}

func migrationStatus(ctx context.Context, db *store.DB, out io.Writer) error {
	list, err := db.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, m := range list {
		state := "pending"
		if !m.AppliedAt.IsZero() {
			state = "applied"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\n", m.Version, state, m.Name)
	}
	return w.Flush()
}

// rotateKeys re-encrypts what was sealed under a key of ENCRYPTION_KEYS_OLD, while
// the gateway may go on serving (contract 11.1).
func rotateKeys(ctx context.Context, c *command) error {
	if err := c.noArgs(); err != nil {
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	keys, err := config.EnsureKeys(cfg)
	if err != nil {
		return err
	}
	ring, err := seal.NewRing(keys.Encryption.Reveal(), reveal(keys.EncryptionOld))
	if err != nil {
		return err
	}
	return c.withStore(ctx, func(ctx context.Context, db *store.DB, out io.Writer) error {
		n, err := db.Rewrap(ctx, ring)
		fmt.Fprintf(out, "%d secrets sealed under the current key\n", n)
		return err
	})
}

// withStore runs fn on the gateway's own database. Without keys nothing can be
// recorded there: withKeys is for commands that do.
func (c *command) withStore(ctx context.Context, fn func(context.Context, *store.DB, io.Writer) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return c.open(ctx, cfg, store.Options{}, fn)
}

// withKeys runs fn on the gateway's own database with the keys in force, so
// that what it records is signed.
func (c *command) withKeys(ctx context.Context, fn func(context.Context, *store.DB, io.Writer) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	keys, err := config.EnsureKeys(cfg)
	if err != nil {
		return err
	}
	crypt, err := newCrypto(cfg, keys)
	if err != nil {
		return err
	}
	return c.open(ctx, cfg, store.Options{Signer: crypt.signer, Ring: crypt.ring}, fn)
}

// checkAuditKey refuses a SECRET_KEY that is not the gateway's, before anything
// is recorded under it: such records would look forged.
func checkAuditKey(ctx context.Context, db *store.DB) error {
	unknown, others, err := db.UnknownAuditKeys(ctx)
	if err == nil && len(unknown) > 0 && !others {
		err = fmt.Errorf("this database's audit log is signed with another SECRET_KEY (%s): use the gateway's own environment", strings.Join(unknown, ", "))
	}
	return err
}

func (c *command) open(ctx context.Context, cfg *config.Config, opts store.Options, fn func(context.Context, *store.DB, io.Writer) error) error {
	db, err := store.Open(ctx, cfg.Database.Source(), opts)
	if err != nil {
		return err
	}
	defer db.Close()
	return fn(ctx, db, c.stdout)
}
