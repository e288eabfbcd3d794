package mssql

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// maxName bounds the names of databases and applications (sysname).
const maxName = 128

// target is a parsed connection string. Its database is empty where the login's
// default is meant.
type target struct {
	database.ConnURL
	strict         bool   // TDS 8.0: TLS before the first byte of TDS
	trust          bool   // the server's certificate is not checked
	certName       string // name expected in the certificate, the host's when empty
	appName        string
	connectTimeout time.Duration
}

func urlForm() database.URLForm {
	return database.URLForm{
		Type:        "mssql",
		Schemes:     []string{"sqlserver", "mssql", "mssql+pymssql"},
		DefaultPort: 1433,
		HostHint:    "instance names, pipes and lists are not accepted: give the port instead",
		Canonical:   optionName,
	}
}

// optionName folds the spellings of the drivers these strings come from. Names
// count without case and blanks, as Microsoft's do.
func optionName(name string) string {
	folded := strings.NewReplacer(" ", "", "_", "").Replace(strings.ToLower(name))
	switch folded {
	case "applicationname":
		return "appname"
	case "connecttimeout", "connectiontimeout", "logintimeout":
		return "connecttimeout"
	default:
		return folded
	}
}

// parseTarget reads a connection string. The driver's own parser is not used:
// it knows three other syntaxes, certificate files, named pipes and Windows
// logins.
func parseTarget(s string) (*target, error) {
	u, err := urlForm().Parse(s)
	if err != nil {
		return nil, err
	}
	if err := checkNames(u); err != nil {
		return nil, err
	}
	t := &target{ConnURL: u, appName: "mcp-gateway", connectTimeout: database.ConnectTimeout}
	for _, o := range u.Options {
		if err := t.setOption(o); err != nil {
			return nil, err
		}
	}
	if t.strict && t.trust {
		return nil, database.Refuse("option \"TrustServerCertificate\" does not go with encrypt=strict, which always checks the certificate")
	}
	return t, nil
}

func checkNames(u database.ConnURL) error {
	// The driver would answer a Windows login's NTLM challenge, which can be
	// cracked at leisure (contract 15.2 A4).
	if strings.ContainsRune(u.User, '\\') {
		return database.Refuse("user must be a SQL Server login; Windows logins are not accepted")
	}
	return checkDatabase(u.Database)
}

func checkDatabase(name string) error {
	if len(name) > maxName {
		return database.Refuse("database name is longer than 128 bytes")
	}
	if isSystemDatabase(name) {
		return database.Refuse("database \"" + name + "\" belongs to the server itself: name the database with your data")
	}
	return nil
}

// setDatabase takes the option for the path, of which there is one at the most.
func (t *target) setDatabase(o database.Option) error {
	switch {
	case !utf8.ValidString(o.Value):
		return database.Refuse("option \"database\" holds control characters")
	case o.Value == "":
		return nil
	case t.Database != "":
		return database.Refuse("option \"database\": the path names a database already; instance names are not accepted")
	}
	t.Database = o.Value
	return checkDatabase(o.Value)
}
