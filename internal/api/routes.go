package api

import (
	"net/http"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// Tags group the routes in the OpenAPI document.
const (
	tagAuth        = "Sign-in"
	tagSSO         = "Single sign-on"
	tagTenant      = "Organisation"
	tagUsers       = "Users"
	tagConnections = "Connections"
	tagTools       = "Tools"
	tagKeys        = "API keys"
	tagAudit       = "Audit log"
)

// routes is the whole management API (contract 3.2–3.4, 3.6, 14): who may call
// what, how often, what record it leaves and what answers; the second line of
// a row is for the OpenAPI document. A route without min is public.
func (s *server) routes() []*route {
	const (
		get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
		viewer, admin         = identity.Viewer, identity.Admin
	)
	created, empty, found := http.StatusCreated, http.StatusNoContent, http.StatusFound
	var (
		registrations = bucket{name: "registration", count: 5}
		signIns       = bucket{name: "login", count: 10}
		passwords     = bucket{name: "password", count: 10}
		keys          = bucket{name: "api_keys", count: 10}
		tests         = bucket{name: "connection_test", count: 10}
		testsIfAsked  = bucket{name: "connection_test", count: 10, onlyIf: "test"}
		providers     = bucket{name: "auth_providers", count: 20}
		ssoLogins     = bucket{name: "sso_login", count: 20}
		ssoCallbacks  = bucket{name: "sso_page_callback", count: 20}
		ssoExchanges  = bucket{name: "sso_exchange", count: 20}
		audits        = bucket{name: "audit_logs", count: 60}
		functions     = bucket{name: "connection_functions", count: 30}
	)
	return []*route{
		{method: post, path: "/auth/login", rate: signIns, event: "login.success", do: with(s.login),
			id: "login", tag: tagAuth, summary: "Sign in and get an access token", refusals: []int{400, 401, 403}},
		{method: post, path: "/auth/session", rate: signIns, event: "login.success", do: with(s.signIn),
			id: "signIn", tag: tagAuth, summary: "Sign in and get a session cookie", refusals: []int{400, 401, 403}},
		{method: get, path: "/auth/sessions", min: viewer, noKeys: true, do: plain(s.listSessions),
			id: "listSessions", tag: tagAuth, summary: "List own sessions"},
		{method: del, path: "/auth/sessions/{id}", min: viewer, noKeys: true, event: "oauth.token_revoked", do: plain(s.endSession), status: empty,
			id: "endSession", tag: tagAuth, summary: "End one of the own sessions", refusals: []int{404}},
		{method: post, path: "/auth/logout", min: viewer, noKeys: true, event: "oauth.token_revoked", do: plain(s.logout), status: empty,
			id: "logout", tag: tagAuth, summary: "Sign out"},
		{method: post, path: "/auth/password", min: viewer, noKeys: true, rate: passwords, event: "user.password_changed", do: with(s.changePassword),
			id: "changePassword", tag: tagAuth, summary: "Change the own password", refusals: []int{400}},
		{method: get, path: "/auth/me", min: viewer, do: plain(s.me),
			id: "me", tag: tagAuth, summary: "Who am I"},
		{method: get, path: "/auth/providers", rate: providers, do: plain(s.listProviders),
			id: "listProviders", tag: tagAuth, summary: "List the ways to sign in to an organisation", query: providerQuery(), refusals: []int{404}},

		{method: post, path: "/auth/entra/config", min: admin, event: "sso.config_updated", do: with(s.saveEntra),
			id: "saveEntraConfig", tag: tagSSO, summary: "Set up sign-in through Entra ID"},
		{method: get, path: "/auth/entra/config", min: admin, do: plain(s.getEntra),
			id: "getEntraConfig", tag: tagSSO, summary: "Get the set-up of Entra ID", refusals: []int{404}},
		{method: del, path: "/auth/entra/config", min: admin, event: "sso.config_deleted", do: plain(s.deleteEntra),
			id: "deleteEntraConfig", tag: tagSSO, summary: "End sign-in through Entra ID", refusals: []int{404}},
		{method: get, path: "/auth/entra/login", rate: ssoLogins, do: browser(s.ssoLogin("entra")), status: found,
			id: "entraLogin", tag: tagSSO, summary: "Go to the organisation's Entra ID sign-in", query: ssoLoginQuery(), refusals: []int{400, 403, 404, 502}},
		{method: get, path: "/auth/entra/callback", rate: ssoCallbacks, event: "login.success", do: browser(s.ssoCallback("entra")), status: found,
			id: "entraCallback", tag: tagSSO, summary: "Come back from Entra ID", query: ssoCallbackQuery(), refusals: []int{400, 403, 404, 409, 502}},
		{method: get, path: "/auth/entra/exchange", rate: ssoExchanges, do: plain(s.ssoExchange),
			id: "entraExchange", tag: tagSSO, summary: "Get a token for a pop-up's one-time code", query: ssoExchangeQuery(), refusals: []int{400, 401, 403}},
		{method: post, path: "/auth/oidc/config", min: admin, event: "sso.config_updated", do: with(s.saveOIDC),
			id: "saveOIDCConfig", tag: tagSSO, summary: "Set up sign-in through OIDC"},
		{method: get, path: "/auth/oidc/config", min: admin, do: plain(s.getOIDC),
			id: "getOIDCConfig", tag: tagSSO, summary: "Get the set-up of OIDC", refusals: []int{404}},
		{method: del, path: "/auth/oidc/config", min: admin, event: "sso.config_deleted", do: plain(s.deleteOIDC),
			id: "deleteOIDCConfig", tag: tagSSO, summary: "End sign-in through OIDC", refusals: []int{404}},
		{method: get, path: "/auth/oidc/login", rate: ssoLogins, do: browser(s.ssoLogin("oidc")), status: found,
			id: "oidcLogin", tag: tagSSO, summary: "Go to the organisation's OIDC sign-in", query: ssoLoginQuery(), refusals: []int{400, 403, 404, 502}},
		{method: get, path: "/auth/oidc/callback", rate: ssoCallbacks, event: "login.success", do: browser(s.ssoCallback("oidc")), status: found,
			id: "oidcCallback", tag: tagSSO, summary: "Come back from OIDC", query: ssoCallbackQuery(), refusals: []int{400, 403, 404, 409, 502}},
		{method: get, path: "/auth/oidc/exchange", rate: ssoExchanges, do: plain(s.ssoExchange),
			id: "oidcExchange", tag: tagSSO, summary: "Get a token for a pop-up's one-time code", query: ssoExchangeQuery(), refusals: []int{400, 401, 403}},

		{method: post, path: "/tenants/", rate: registrations, event: "tenant.created", do: with(s.registerTenant),
			id: "registerTenant", tag: tagTenant, summary: "Register an organisation with its first admin", refusals: []int{400, 403}},
		{method: get, path: "/tenants/me", min: viewer, do: plain(s.getTenant),
			id: "getTenant", tag: tagTenant, summary: "Get the own organisation", refusals: []int{404}},
		{method: patch, path: "/tenants/me", min: admin, event: "tenant.updated", do: with(s.updateTenant),
			id: "updateTenant", tag: tagTenant, summary: "Change the own organisation", refusals: []int{400}},

		{method: get, path: "/tenants/users", min: admin, do: plain(s.listUsers),
			id: "listUsers", tag: tagUsers, summary: "List users", query: pagingQuery(listDefault, listCap)},
		{method: post, path: "/tenants/users", min: admin, event: "user.created", do: with(s.createUser),
			id: "createUser", tag: tagUsers, summary: "Add a user", refusals: []int{400}},
		{method: patch, path: "/tenants/users/{id}", min: admin, event: "user.*", do: with(s.updateUser),
			id: "updateUser", tag: tagUsers, summary: "Change a user's role, state or password", refusals: []int{400, 404}},
		{method: del, path: "/tenants/users/{id}", min: admin, event: "user.deleted", do: plain(s.deleteUser), status: empty,
			id: "deleteUser", tag: tagUsers, summary: "Remove a user", refusals: []int{400, 404}},

		{method: post, path: "/connections/", min: admin, rate: testsIfAsked, event: "connection.created", do: with(s.createConnection),
			id: "createConnection", tag: tagConnections, summary: "Add a database connection", query: testQuery(), refusals: []int{400}},
		{method: get, path: "/connections/", min: viewer, do: plain(s.listConnections),
			id: "listConnections", tag: tagConnections, summary: "List the connections that the caller may see", query: pagingQuery(listDefault, listCap)},
		{method: post, path: "/connections/test", min: admin, rate: tests, do: with(s.testString),
			id: "testConnectionString", tag: tagConnections, summary: "Test a connection string without storing it"},
		{method: patch, path: "/connections/{id}", min: admin, rate: testsIfAsked, event: "connection.updated", do: with(s.updateConnection),
			id: "updateConnection", tag: tagConnections, summary: "Change a connection", query: testQuery(), refusals: []int{400, 404}},
		{method: del, path: "/connections/{id}", min: admin, event: "connection.deleted", do: plain(s.removeConnection),
			id: "removeConnection", tag: tagConnections, summary: "Remove a connection", refusals: []int{404}},
		{method: post, path: "/connections/{id}/test", min: admin, rate: tests, do: plain(s.testConnection),
			id: "testConnection", tag: tagConnections, summary: "Test a connection", refusals: []int{404}},
		{method: get, path: "/connections/{id}/functions", min: admin, rate: functions, do: plain(s.listFunctions),
			id: "listConnectionFunctions", tag: tagConnections, summary: "List the users' own functions of a database and which of them statements may run", query: functionsQuery(), refusals: []int{404, 502}},
		{method: post, path: "/connections/{id}/functions", min: admin, rate: functions, event: "connection.function_allowed", do: with(s.allowFunction),
			id: "allowConnectionFunction", tag: tagConnections, summary: "Allow a function of the users' own in statements", refusals: []int{400, 404, 409, 502}},
		{method: del, path: "/connections/{id}/functions", min: admin, event: "connection.function_removed", do: plain(s.removeFunction),
			id: "removeConnectionFunction", tag: tagConnections, summary: "Take a function off the list of a connection", query: functionQuery(), refusals: []int{404}},

		{method: get, path: "/tools/", min: viewer, do: plain(s.listTools),
			id: "listTools", tag: tagTools, summary: "List tools with the roles that may call them"},
		{method: patch, path: "/tools/{tool_name...}", min: admin, event: "tool.override_*", do: with(s.overrideTool),
			id: "overrideTool", tag: tagTools, summary: "Set or reset the least role of a tool", refusals: []int{404}},

		{method: post, path: "/api-keys", min: viewer, rate: keys, event: "key.created", do: with(s.createKey), status: created,
			id: "createKey", tag: tagKeys, summary: "Make an API key; it is shown this once", refusals: []int{409}},
		{method: get, path: "/api-keys", min: viewer, do: plain(s.listKeys),
			id: "listKeys", tag: tagKeys, summary: "List own API keys", query: pagingQuery(listDefault, listCap)},
		{method: del, path: "/api-keys/{id}", min: viewer, event: "key.revoked", do: plain(s.revokeKey), status: empty,
			id: "revokeKey", tag: tagKeys, summary: "Revoke an API key", refusals: []int{404}},

		{method: get, path: "/audit-logs/", min: admin, rate: audits, event: "audit.read", do: plain(s.listAudit),
			id: "listAuditLogs", tag: tagAudit, summary: "List audit records, newest first", query: auditQuery()},
		{method: get, path: "/query/history", min: admin, rate: audits, event: "audit.read", do: plain(s.queryHistory),
			id: "listQueryHistory", tag: tagAudit, summary: "List questions that were asked, newest first", query: pagingQuery(auditDefault, auditCap)},
	}
}
