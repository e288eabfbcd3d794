package mcp

import (
	"net/http"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/internal/runes"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// The JSON-RPC error codes in use: those of JSON-RPC 2.0, those that the
// 2026-07-28 revision reserves, and one that it retired.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeNoMethod       = -32601
	codeInvalidParams  = -32602
	codeInternal       = -32603
	codeNoResource     = -32002 // before 2026-07-28
	codeHeaderMismatch = -32020
	codeMissingAbility = -32021
	codeBadVersion     = -32022
)

// rpcError is a JSON-RPC error with the HTTP status that it travels under.
type rpcError struct {
	status  int // in 2026-07-28; earlier versions use earlierStatus
	code    int
	message string
	data    []byte // raw JSON, nil for none
}

// The refusals of a body. They are never changed.
var (
	errParse     = &rpcError{status: http.StatusBadRequest, code: codeParse, message: "Parse error: not valid JSON"}
	errTrailing  = &rpcError{status: http.StatusBadRequest, code: codeParse, message: "Parse error: text after the message"}
	errDuplicate = &rpcError{status: http.StatusBadRequest, code: codeParse, message: "Parse error: duplicate object member"}
	errTooDeep   = &rpcError{status: http.StatusBadRequest, code: codeParse, message: "Parse error: nested too deeply"}
	errMediaType = &rpcError{status: http.StatusBadRequest, code: codeParse, message: "Parse error: Content-Type must be application/json"}
	errBatchSize = invalidRequest("A batch holds 1 to " + strconv.Itoa(maxBatch) + " messages")
)

func invalidRequest(message string) *rpcError {
	return &rpcError{status: http.StatusBadRequest, code: codeInvalidRequest, message: message}
}

func invalidParams(message string) *rpcError {
	return &rpcError{status: http.StatusBadRequest, code: codeInvalidParams, message: message}
}

func headerMismatch(message string) *rpcError {
	return &rpcError{status: http.StatusBadRequest, code: codeHeaderMismatch, message: message}
}

func unknownMethod(method string) *rpcError {
	return &rpcError{status: http.StatusNotFound, code: codeNoMethod, message: "Method not found: " + clip(method)}
}

// unsupportedVersion tells the client what it may ask for instead.
func unsupportedVersion(requested string) *rpcError {
	requested = clip(requested)
	data := append([]byte(`{"supported":`), supportedJSON()...)
	data = append(data, `,"requested":`...)
	data = append(tool.AppendString(data, requested), '}')
	return &rpcError{
		status: http.StatusBadRequest, code: codeBadVersion, data: data,
		message: "Unsupported protocol version: " + requested,
	}
}

// internalError hides its cause, which the caller of this logs.
func internalError(message, requestID string) *rpcError {
	data := append([]byte(`{"request_id":`), tool.AppendString(nil, requestID)...)
	return &rpcError{status: http.StatusInternalServerError, code: codeInternal, message: message, data: append(data, '}')}
}

// httpStatus is the status for a lone answer. Before 2026-07-28 an error that
// answers a well-formed request is a success of the transport.
func (e *rpcError) httpStatus(v version) int {
	if v.modern() || e.status == http.StatusInternalServerError {
		return e.status
	}
	switch e.code {
	case codeNoMethod, codeInvalidParams, codeNoResource:
		return http.StatusOK
	default:
		return e.status
	}
}

// append appends the complete error message. A nil id is null.
func (e *rpcError) append(dst, id []byte) []byte {
	dst = appendEnvelope(dst, id)
	dst = append(dst, `,"error":{"code":`...)
	dst = strconv.AppendInt(dst, int64(e.code), 10)
	dst = append(dst, `,"message":`...)
	dst = tool.AppendString(dst, e.message)
	if e.data != nil {
		dst = append(dst, `,"data":`...)
		dst = append(dst, e.data...)
	}
	return append(dst, `}}`...)
}

// appendEnvelope appends the start of an answer, up to and with its id.
func appendEnvelope(dst, id []byte) []byte {
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	if id == nil {
		return append(dst, `null`...)
	}
	return append(dst, id...)
}

// maxEcho bounds how much of a client's text an error repeats, in characters.
const maxEcho = 200

func clip(s string) string { return runes.Shorten(s, maxEcho) }
