package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// ProtocolVersion is the MCP revision that this client speaks.
const ProtocolVersion = "2026-07-28"

// ToolResult is the result of a tools/call.
type ToolResult struct {
	Content []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
	Structured json.RawMessage `json:"structuredContent"`
	IsError    bool            `json:"isError"`
}

// Text is the text of the first content block.
func (r ToolResult) Text() string {
	if len(r.Content) == 0 {
		return ""
	}
	return r.Content[0].Text
}

// RPCError is a JSON-RPC error object.
type RPCError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Error shows code and message.
func (e *RPCError) Error() string { return fmt.Sprintf("JSON-RPC error %d: %s", e.Code, e.Message) }

// Tools lists the names of the tools that the caller may call.
func (c *Client) Tools(ctx context.Context, slug string) ([]string, error) {
	var page struct {
		Tools []struct{ Name string }
	}
	if err := c.rpc(ctx, slug, "tools/list", "", map[string]any{}, &page); err != nil {
		return nil, err
	}
	names := make([]string, len(page.Tools))
	for i, t := range page.Tools {
		names[i] = t.Name
	}
	return names, nil
}

// CallTool calls one tool.
func (c *Client) CallTool(ctx context.Context, slug, name string, args any) (ToolResult, error) {
	var r ToolResult
	err := c.rpc(ctx, slug, "tools/call", name, map[string]any{"name": name, "arguments": args}, &r)
	return r, err
}

func (c *Client) rpc(ctx context.Context, slug, method, name string, params map[string]any, out any) error {
	req, err := NewRequest(ctx, c.Base+"/t/"+slug+"/mcp", method, name, params)
	if err != nil {
		return err
	}
	answer, err := c.send(req)
	var refused *Error
	if errors.As(err, &refused) {
		answer = refused.Body // protocol errors come with a status of their own
	} else if err != nil {
		return err
	}
	var msg struct {
		Result json.RawMessage
		Error  *RPCError
	}
	if json.Unmarshal(answer, &msg) != nil || msg.Result == nil && msg.Error == nil {
		return cmp.Or(err, fmt.Errorf("not an MCP answer: %.200s", answer))
	}
	if msg.Error != nil {
		return msg.Error
	}
	return json.Unmarshal(msg.Result, out)
}

// NewRequest returns a stateless MCP request (2026-07-28). name is what
// Mcp-Name repeats, "" when the method has none.
func NewRequest(ctx context.Context, url, method, name string, params map[string]any) (*http.Request, error) {
	params["_meta"] = map[string]any{
		"io.modelcontextprotocol/protocolVersion":    ProtocolVersion,
		"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		"io.modelcontextprotocol/clientInfo":         map[string]any{"name": "mcp-gateway", "version": "1"},
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for k, v := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"MCP-Protocol-Version": ProtocolVersion, "Mcp-Method": method, "Mcp-Name": name,
	} {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	return req, nil
}
