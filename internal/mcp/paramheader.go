package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
)

// headerPrefix begins the headers that repeat arguments (2026-07-28).
const headerPrefix = "Mcp-Param-"

// annotation is the schema member that asks for such a header.
const annotation = "x-mcp-header"

// checkParams compares the headers that repeat arguments with the arguments:
// an intermediary may have decided by them. Only tools that ask for such
// headers in their schema pay for it. A tool that the caller may not call is
// not looked at; the gate refuses it.
func (h *Handler) checkParams(ctx context.Context, header http.Header, x *exchange) *rpcError {
	if !x.version.modern() || x.msg.method != "tools/call" {
		return nil
	}
	name, _ := unquote(x.msg.params.name)
	rule, err := h.cfg.Gate.Catalog().Rule(ctx, x.principal, name)
	if err != nil {
		return h.internal(ctx, x, "look up tool", err)
	}
	if rule == nil || !rule.Allows(x.principal.Role) || !bytes.Contains(rule.Tool.Schema, []byte(annotation)) {
		return nil
	}
	var schema annotated
	if err := json.Unmarshal(rule.Tool.Schema, &schema); err != nil {
		return h.internal(ctx, x, "read tool schema", err)
	}
	args := map[string]any{}
	if len(x.msg.params.arguments) > 0 && x.msg.params.arguments[0] == '{' {
		d := json.NewDecoder(bytes.NewReader(x.msg.params.arguments))
		d.UseNumber()
		if err := d.Decode(&args); err != nil {
			return errParse
		}
	}
	return schema.check(header, args)
}

// annotated is the part of an input schema that names headers.
type annotated struct {
	Header     string               `json:"x-mcp-header"`
	Properties map[string]annotated `json:"properties"`
}

func (a annotated) check(header http.Header, args map[string]any) *rpcError {
	for name, p := range a.Properties {
		if p.Header != "" {
			if err := checkParam(header, p.Header, args[name]); err != nil {
				return err
			}
		}
		inner, _ := args[name].(map[string]any)
		if err := p.check(header, inner); err != nil {
			return err
		}
	}
	return nil
}

// checkParam compares one header with its argument, nil when that is absent.
func checkParam(header http.Header, suffix string, value any) *rpcError {
	name := headerPrefix + suffix
	raw := header.Get(name)
	switch {
	case value == nil && raw == "":
		return nil
	case value == nil:
		return headerMismatch(name + " header repeats an argument that is absent")
	case raw == "":
		return headerMismatch(name + " header is required")
	}
	if got, ok := decodeHeader(raw); !ok || !sameParam(got, value) {
		return headerMismatch(name + " header does not match the argument")
	}
	return nil
}

func sameParam(got string, value any) bool {
	switch v := value.(type) {
	case string:
		return got == v
	case bool:
		return got == strconv.FormatBool(v)
	case json.Number:
		if got == v.String() {
			return true
		}
		a, errA := strconv.ParseFloat(got, 64)
		b, errB := v.Float64()
		return errA == nil && errB == nil && a == b
	default: // only primitives can be repeated
		return false
	}
}
