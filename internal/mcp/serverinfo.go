package mcp

import (
	"slices"

	"github.com/mcp-gateway/mcp-gateway/tool"
)

// serverName is the gateway's name in MCP (contract 6.2).
const serverName = "mcp-gateway"

// instructions tell the reading model how the tools belong together.
const instructions = "This gateway gives governed, read-only access to the organisation's databases. " +
	"Call list_connections to see which databases there are. " +
	"Before you write SQL, call the get_schema tool of that connection and use the table and column names it returns. " +
	"Then call its execute_sql tool with exactly one SELECT statement in that engine's dialect. " +
	"When a result says truncated, narrow the query instead of repeating it. " +
	"Every call is recorded."

// serverInfo is what the gateway says about itself, encoded once.
type serverInfo struct {
	meta       []byte // ,"_meta":{…serverInfo}
	discover   []byte // the result of server/discover, to the end of the message
	initialize []byte // that of initialize, after its protocolVersion
}

// cacheHint is the freshness of lists and discovery: short, because a role
// change should show soon, and private, because lists differ by user.
const cacheHint = `,"ttlMs":30000,"cacheScope":"private"`

// capabilities is what this build announces.
func (c *Config) capabilities() []byte {
	out := []byte(`"capabilities":{"tools":{"listChanged":true}`)
	if c.Interactive {
		out = append(out, `,"logging":{}`...)
	}
	return append(c.Offers.capabilities(out), '}')
}

func encodeServerInfo(build string, capabilities []byte) serverInfo {
	info := append([]byte(`{"name":"`+serverName+`","title":"MCP Gateway","version":`), tool.AppendString(nil, build)...)
	info = append(info, '}')
	shared := append(slices.Concat(capabilities, []byte(`,"instructions":`)), tool.AppendString(nil, instructions)...)

	var id serverInfo
	id.meta = append([]byte(`,"_meta":{"`+metaServer+`":`), info...)
	id.meta = append(id.meta, '}')

	id.discover = append([]byte(`{"resultType":"complete","supportedVersions":`), supportedJSON()...)
	id.discover = append(append(id.discover, ','), shared...)
	id.discover = append(id.discover, cacheHint...)
	id.discover = append(append(id.discover, id.meta...), `}}`...)

	id.initialize = append([]byte{','}, shared...)
	id.initialize = append(append(id.initialize, `,"serverInfo":`...), info...)
	id.initialize = append(id.initialize, `}}`...)
	return id
}
