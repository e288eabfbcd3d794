package gateway

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/config"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// auditCommand reads the audit log beside a running gateway.
func auditCommand(ctx context.Context, c *command) error {
	run, ok := map[string]func(context.Context, *command) error{
		"verify": verifyAudit, "show": showAudit, "reset-anchors": resetAnchors,
	}[c.verb()]
	if !ok {
		return fmt.Errorf("audit knows verify, show and reset-anchors: %w", errUsage)
	}
	return run(ctx, c)
}

// verification compares the chains with what is known from outside of the
// database, and counts what is wrong.
type verification struct {
	db       *store.DB
	out      io.Writer
	tenants  []store.AuditTenant
	expected map[identity.TenantID][]audit.Head
	findings int
}

// verifyAudit checks every chain of the audit log. It fails when anything is
// not as it was written.
func verifyAudit(ctx context.Context, c *command) error {
	var heads, files []string
	flags := flag.NewFlagSet("audit verify", flag.ContinueOnError)
	flags.Func("head", "`TENANT:SEQ:HASH` that a chain must have had, as verify printed it; can be repeated", func(s string) error {
		heads = append(heads, s)
		return nil
	})
	flags.Func("anchors", "anchor `file` of another instance, beside the one in DATA_DIR; can be repeated", func(s string) error {
		files = append(files, s)
		return nil
	})
	partial := flags.Bool("without-missing-anchors", false, "go on when an anchor file that an instance wrote is not given")
	if err := c.parse(flags); err != nil {
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return c.withKeys(ctx, func(ctx context.Context, db *store.DB, out io.Writer) error {
		if err := db.CheckSchema(ctx); err != nil {
			return err
		}
		v := &verification{db: db, out: out, expected: map[identity.TenantID][]audit.Head{}}
		if err := v.readAnchors(ctx, cfg, files, *partial); err != nil {
			return err
		}
		if err := v.readTenants(ctx, heads); err != nil {
			return err
		}
		return v.verify(ctx)
	})
}

func (v *verification) finding(format string, args ...any) {
	v.findings++
	v.line(format, args...)
}

// line prints one line, whatever is in it: much of it comes from a database
// that somebody may have tampered with, and who reads it sits at a terminal.
func (v *verification) line(format string, args ...any) {
	fmt.Fprintln(v.out, oneLine(fmt.Sprintf(format, args...)))
}

func oneLine(text string) string {
	return strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(audit.Visible(text))
}

// readAnchors reads the anchor files. What the database knows of them is read
// first, since a running gateway writes the files before it.
func (v *verification) readAnchors(ctx context.Context, cfg *config.Config, paths []string, partial bool) error {
	known, err := v.db.AuditAnchorFiles(ctx)
	if err != nil {
		return err
	}
	signer, err := newSigner(cfg)
	if err != nil {
		return err
	}
	own := anchorPath(cfg)
	if _, err := os.Stat(own); err == nil || !errors.Is(err, fs.ErrNotExist) {
		paths = append(paths, own)
	}
	written := map[string]int64{}
	for _, path := range paths {
		set, err := audit.ReadAnchors(path, signer)
		if err != nil {
			return fmt.Errorf("anchors: %w", err)
		}
		for _, bad := range set.Bad {
			v.finding("anchors in %s: %s", path, bad)
		}
		for _, a := range set.Anchors {
			v.expected[a.Tenant] = append(v.expected[a.Tenant], a.Head())
			written[a.File] = max(written[a.File], a.Number)
		}
	}
	if len(known) == 0 && len(written) == 0 {
		v.line("note: there are no anchors, so a chain that was replaced by an older one shows only against --head")
	}
	v.compareFiles(known, written, partial)
	return nil
}

// compareFiles tells which anchors there must be and are not.
func (v *verification) compareFiles(known []store.AnchorFile, written map[string]int64, partial bool) {
	for _, f := range known {
		until := time.UnixMicro(f.Number).UTC().Format(time.RFC3339)
		has, given := written[f.ID]
		switch {
		case f.Authentic != nil:
			v.finding("anchors: the database's note of file %s was edited: %v", f.ID, f.Authentic)
		case given && has < f.Number:
			v.finding("anchors are missing: file %s was written until %s and ends at %s", f.ID, until, time.UnixMicro(has).UTC().Format(time.RFC3339))
		case !given && partial:
			v.line("note: anchor file %s, written until %s, was not given", f.ID, until)
		case !given:
			v.finding("anchors are missing: file %s, written until %s, was removed or is on another instance (--anchors FILE; --without-missing-anchors goes on without)", f.ID, until)
		}
	}
}

// readTenants lists the chains that are there and those that should be.
func (v *verification) readTenants(ctx context.Context, heads []string) (err error) {
	if v.tenants, err = v.db.AuditTenants(ctx); err != nil {
		return err
	}
	for _, text := range heads {
		tenant, head, err := v.parseHead(text)
		if err != nil {
			return err
		}
		v.expected[tenant] = append(v.expected[tenant], head)
	}
	var gone []store.AuditTenant
	for id := range v.expected {
		if !slices.ContainsFunc(v.tenants, func(t store.AuditTenant) bool { return t.ID == id }) {
			gone = append(gone, store.AuditTenant{ID: id})
		}
	}
	slices.SortFunc(gone, func(a, b store.AuditTenant) int { return strings.Compare(string(a.ID), string(b.ID)) })
	v.tenants = append(v.tenants, gone...)
	return nil
}

// noTenant stands for the chain of the events without a tenant.
const noTenant = "-"

// parseHead reads TENANT:SEQ:HASH, the tenant by its slug or id.
func (v *verification) parseHead(text string) (identity.TenantID, audit.Head, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return "", audit.Head{}, fmt.Errorf("--head %q must be TENANT:SEQ:HASH", text)
	}
	seq, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || seq < 1 {
		return "", audit.Head{}, fmt.Errorf("--head %q: %q is not the number of a record", text, parts[1])
	}
	tenant := identity.TenantID(parts[0])
	if at := slices.IndexFunc(v.tenants, func(t store.AuditTenant) bool { return t.Slug != "" && t.Slug == parts[0] }); at >= 0 {
		tenant = v.tenants[at].ID
	}
	if parts[0] == noTenant {
		tenant = ""
	}
	return tenant, audit.Head{Tenant: tenant, Seq: seq, Hash: parts[2]}, nil
}

func (v *verification) verify(ctx context.Context) error {
	for _, t := range v.tenants {
		chain, err := v.db.VerifyAudit(ctx, t.ID, v.expected[t.ID])
		if err != nil {
			return fmt.Errorf("audit chain of tenant %q: %w", t.ID, err)
		}
		v.print(t, chain)
	}
	if v.findings > 0 {
		return fmt.Errorf("the audit log is not as it was written: %d findings", v.findings)
	}
	return nil
}

// print shows a chain with its head in the form that --head takes.
func (v *verification) print(t store.AuditTenant, chain store.AuditChain) {
	name := string(t.ID)
	if name == "" {
		name = noTenant
	}
	if t.Slug != "" {
		name = t.Slug
	}
	state := "intact"
	if len(chain.Damage) > 0 {
		state = "NOT INTACT"
	}
	v.line("%s:%d:%s", name, chain.Head.Seq, chain.Head.Hash)
	v.line("  tenant %s, %d records, %d to %d, last written %s, head signed with key %s: %s", t.ID, chain.Records, chain.First, chain.Last, timeText(chain.Head.At), chain.KeyID, state)
	if chain.PurgedTo > 0 {
		v.line("  up to record %d removed by retention, last at %s", chain.PurgedTo, timeText(chain.PurgedAt))
	}
	if chain.CarriedTo > 0 {
		v.line("  up to record %d written without signatures and taken over at %s", chain.CarriedTo, timeText(chain.CarriedAt))
	}
	for _, damage := range chain.Damage {
		v.finding("  %s", damage)
	}
}

func timeText(at time.Time) string {
	if at.IsZero() {
		return "at an unknown time"
	}
	return at.Format(time.RFC3339)
}

// showAudit prints one record, with the statement that it keeps sealed.
func showAudit(ctx context.Context, c *command) error {
	flags := flag.NewFlagSet("audit show", flag.ContinueOnError)
	slug := tenantFlag(flags)
	id := flags.String("id", "", "`id` of the record")
	if err := c.parse(flags, "tenant", "id"); err != nil {
		return err
	}
	return c.withKeys(ctx, func(ctx context.Context, db *store.DB, out io.Writer) error {
		if err := db.CheckSchema(ctx); err != nil {
			return err
		}
		tenant, err := db.TenantBySlug(ctx, *slug)
		if err != nil {
			return err
		}
		r, err := db.FullAuditRecord(ctx, tenant.ID, *id)
		if r.ID == "" {
			return err
		}
		for _, line := range []string{
			fmt.Sprintf("record %d  %s", r.Seq, r.ID), r.CreatedAt.Format(time.RFC3339Nano) + "  " + r.Event,
			fmt.Sprintf("user %s  address %s", r.UserEmail, r.IP), string(r.Metadata),
		} {
			fmt.Fprintln(out, oneLine(line))
		}
		switch {
		case r.Authentic != nil:
			fmt.Fprintln(out, "THIS RECORD IS NOT AS IT WAS WRITTEN, or its key is no longer configured: see audit verify")
		case !r.Signed:
			fmt.Fprintln(out, "This record is not signed: only audit verify can tell whether it is as it was written")
		}
		if r.Statement != "" {
			fmt.Fprintf(out, "statement as it was sent:\n%s\n", audit.Visible(r.Statement))
		}
		return err
	})
}

// resetAnchors begins with new anchors after a backup was restored on purpose:
// the old ones rightly tell that records are gone. They are kept beside the
// new ones, and the log says when this was done.
func resetAnchors(ctx context.Context, c *command) error {
	if err := c.parse(flag.NewFlagSet("audit reset-anchors", flag.ContinueOnError)); err != nil {
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return c.withKeys(ctx, func(ctx context.Context, db *store.DB, out io.Writer) error {
		if err := db.CheckSchema(ctx); err != nil {
			return err
		}
		if err := checkAuditKey(ctx, db); err != nil {
			return err
		}
		if err := db.ForgetAuditAnchors(ctx); err != nil {
			return err
		}
		own := anchorPath(cfg)
		kept := own + "." + time.Now().UTC().Format("20060102T150405Z")
		if err := os.Rename(own, kept); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_, err := fmt.Fprintf(out, "the anchors up to now are kept in %s and no longer count\n", kept)
		return err
	})
}

// newSigner derives what signs the audit log from the keys in force.
func newSigner(cfg *config.Config) (*seal.Signer, error) {
	keys, err := config.EnsureKeys(cfg)
	if err != nil {
		return nil, err
	}
	return seal.NewSigner(keys.Secret.Reveal(), reveal(keys.SecretOld))
}
