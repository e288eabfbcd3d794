package api

import (
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// Tags group the routes in the OpenAPI document.
const (
	tagAuth        = "Sign-in"
	tagTenant      = "Organisation"
	tagUsers       = "Users"
	tagConnections = "Connections"
	tagTools       = "Tools"
	tagKeys        = "API keys"
	tagAudit       = "Audit log"
)

// routes is the whole management API (contract 3.2–3.4, 3.6, 14): who may call
// what, how often, and what answers. A route without min is public.
func (s *server) routes() []*route {
	const (
		get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
		viewer, admin         = identity.Viewer, identity.Admin
	)
	created, empty := http.StatusCreated, http.StatusNoContent
	var (
		registrations = bucket{name: "registration", count: 5}
		signIns       = bucket{name: "login", count: 10}
		passwords     = bucket{name: "password", count: 10}
		keys          = bucket{name: "api_keys", count: 10}
		tests         = bucket{name: "connection_test", count: 10}
		testsIfAsked  = bucket{name: "connection_test", count: 10, onlyIf: "test"}
		providers     = bucket{name: "auth_providers", count: 20}
		audits        = bucket{name: "audit_logs", count: 60}
	)
	return []*route{
		{method: post, path: "/auth/login", rate: signIns, do: with(s.login), event: "login.success", id: "login", tag: tagAuth, summary: "Sign in and get an access token", refusals: []int{400, 401, 403}},
		{method: post, path: "/auth/session", rate: signIns, do: with(s.signIn), event: "login.success", id: "signIn", tag: tagAuth, summary: "Sign in and get a session cookie", refusals: []int{400, 401, 403}},
		{method: get, path: "/auth/sessions", min: viewer, noKeys: true, do: plain(s.listSessions), id: "listSessions", tag: tagAuth, summary: "List own sessions"},
		{method: del, path: "/auth/sessions/{id}", min: viewer, noKeys: true, do: plain(s.endSession), status: empty, event: "oauth.token_revoked", id: "endSession", tag: tagAuth, summary: "End one of the own sessions", refusals: []int{404}},
		{method: post, path: "/auth/logout", min: viewer, noKeys: true, do: plain(s.logout), status: empty, event: "oauth.token_revoked", id: "logout", tag: tagAuth, summary: "Sign out"},
		{method: post, path: "/auth/password", min: viewer, noKeys: true, rate: passwords, do: with(s.changePassword), event: "user.password_changed", id: "changePassword", tag: tagAuth, summary: "Change the own password", refusals: []int{400}},
		{method: get, path: "/auth/me", min: viewer, do: plain(s.me), id: "me", tag: tagAuth, summary: "Who am I"},
		{method: get, path: "/auth/providers", rate: providers, do: plain(s.listProviders), query: providerQuery(), id: "listProviders", tag: tagAuth, summary: "List the ways to sign in to an organisation", refusals: []int{404}},

		{method: post, path: "/tenants/", rate: registrations, do: with(s.registerTenant), event: "tenant.created", id: "registerTenant", tag: tagTenant, summary: "Register an organisation with its first admin", refusals: []int{400, 403}},
		{method: get, path: "/tenants/me", min: viewer, do: plain(s.getTenant), id: "getTenant", tag: tagTenant, summary: "Get the own organisation", refusals: []int{404}},
		{method: patch, path: "/tenants/me", min: admin, do: with(s.updateTenant), event: "tenant.updated", id: "updateTenant", tag: tagTenant, summary: "Change the own organisation", refusals: []int{400}},

		{method: get, path: "/tenants/users", min: admin, do: plain(s.listUsers), query: pagingQuery(listDefault, listCap), id: "listUsers", tag: tagUsers, summary: "List users"},
		{method: post, path: "/tenants/users", min: admin, do: with(s.createUser), event: "user.created", id: "createUser", tag: tagUsers, summary: "Add a user", refusals: []int{400}},
		{method: patch, path: "/tenants/users/{id}", min: admin, do: with(s.updateUser), event: "user.*", id: "updateUser", tag: tagUsers, summary: "Change a user's role, state or password", refusals: []int{400, 404}},
		{method: del, path: "/tenants/users/{id}", min: admin, do: plain(s.deleteUser), status: empty, event: "user.deleted", id: "deleteUser", tag: tagUsers, summary: "Remove a user", refusals: []int{400, 404}},

		{method: post, path: "/connections/", min: admin, rate: testsIfAsked, do: with(s.createConnection), query: testQuery(), event: "connection.created", id: "createConnection", tag: tagConnections, summary: "Add a database connection", refusals: []int{400}},
		{method: get, path: "/connections/", min: viewer, do: plain(s.listConnections), query: pagingQuery(listDefault, listCap), id: "listConnections", tag: tagConnections, summary: "List the connections that the caller may see"},
		{method: post, path: "/connections/test", min: admin, rate: tests, do: with(s.testString), id: "testConnectionString", tag: tagConnections, summary: "Test a connection string without storing it"},
		{method: patch, path: "/connections/{id}", min: admin, rate: testsIfAsked, do: with(s.updateConnection), query: testQuery(), event: "connection.updated", id: "updateConnection", tag: tagConnections, summary: "Change a connection", refusals: []int{400, 404}},
		{method: del, path: "/connections/{id}", min: admin, do: plain(s.removeConnection), event: "connection.deleted", id: "removeConnection", tag: tagConnections, summary: "Remove a connection", refusals: []int{404}},
		{method: post, path: "/connections/{id}/test", min: admin, rate: tests, do: plain(s.testConnection), id: "testConnection", tag: tagConnections, summary: "Test a connection", refusals: []int{404}},

		{method: get, path: "/tools/", min: viewer, do: plain(s.listTools), id: "listTools", tag: tagTools, summary: "List tools with the roles that may call them"},
		{method: patch, path: "/tools/{tool_name...}", min: admin, do: with(s.overrideTool), event: "tool.override_*", id: "overrideTool", tag: tagTools, summary: "Set or reset the least role of a tool", refusals: []int{404}},

		{method: post, path: "/api-keys", min: viewer, rate: keys, do: with(s.createKey), status: created, event: "key.created", id: "createKey", tag: tagKeys, summary: "Make an API key; it is shown this once", refusals: []int{409}},
		{method: get, path: "/api-keys", min: viewer, do: plain(s.listKeys), query: pagingQuery(listDefault, listCap), id: "listKeys", tag: tagKeys, summary: "List own API keys"},
		{method: del, path: "/api-keys/{id}", min: viewer, do: plain(s.revokeKey), status: empty, event: "key.revoked", id: "revokeKey", tag: tagKeys, summary: "Revoke an API key", refusals: []int{404}},

		{method: get, path: "/audit-logs/", min: admin, rate: audits, do: plain(s.listAudit), query: auditQuery(), event: "audit.read", id: "listAuditLogs", tag: tagAudit, summary: "List audit records, newest first"},
	}
}
