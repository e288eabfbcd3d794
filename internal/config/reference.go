package config

import (
	"fmt"
	"io"
	"strings"
)

const referenceIntro = `# Configuration

<!-- Generated from the option table in internal/config. Do not edit: change the table, then run "go test ./internal/config -run Reference -update". -->

MCP Gateway is configured by environment variables. They may also stand in a file ` + "`.env`" + ` in the working
directory, one ` + "`NAME=value`" + ` a line; the environment wins, and an empty variable counts as unset. Variables that
hold a secret also have a ` + "`<NAME>_FILE`" + ` form that names a file to read. Unknown names are ignored. A bad value stops
the start with one line that names the variable. ` + "`mcp-gateway check`" + ` prints the configuration in force, secrets
left out.

Variables of what this version does not have yet are read and checked, and change nothing: ` + "`LLM_*`" + `,
` + "`ANTHROPIC_API_KEY`" + `, ` + "`OPENAI_API_KEY`" + `, ` + "`FILESYSTEM_*`" + `.

Several instances on one PostgreSQL database behave as one when each has ` + "`WEB_CONCURRENCY`" + ` above 1 and the same keys:
they share limits and see each other's changes at once, and a load balancer may send every request to any of them, the
messages of an HTTP+SSE session included. What passes between them is encrypted with ` + "`ENCRYPTION_KEY`" + `. It needs
notifications of the database (LISTEN), which a pooler in transaction mode swallows: give ` + "`DATABASE_URL`" + ` without one,
or ` + "`REDIS_URL`" + `. While Redis does not answer, each instance counts rate limits alone, which is logged.

| Variable | Default | Meaning | ` + "`_FILE`" + ` |
|---|---|---|---|
`

// WriteReference writes the reference of all variables as Markdown.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(referenceIntro)
	for _, o := range options(new(Config)) {
		file := ""
		if o.secret {
			file = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", o.name, o.defaultText(), o.meaning, file)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
