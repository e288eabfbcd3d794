package oauth

import (
	"errors"
	"math"
	"strconv"

	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
	"github.com/mcp-gateway/mcp-gateway/internal/page"
)

// The error codes of RFC 6749 (4.1.2.1, 5.2), RFC 7591 (3.2.2) and RFC 8707.
const (
	codeInvalidRequest  = "invalid_request"
	codeInvalidClient   = "invalid_client"
	codeInvalidGrant    = "invalid_grant"
	codeInvalidTarget   = "invalid_target"
	codeInvalidMetadata = "invalid_client_metadata"
	codeInvalidRedirect = "invalid_redirect_uri"
	codeAccessDenied    = "access_denied"
	codeServerError     = "server_error"
	codeUnavailable     = "temporarily_unavailable"
	codeGrantType       = "unsupported_grant_type"
	codeResponseType    = "unsupported_response_type"
)

// refusal is a fault with the error code that a client is to act on.
type refusal struct {
	code     string
	fault    *fault.Error
	recorded bool // in the audit log already
}

// Error returns the text and the cause, for logs.
func (r *refusal) Error() string { return r.fault.Error() }

// Unwrap returns the fault.
func (r *refusal) Unwrap() error { return r.fault }

func refuse(code, text string) *refusal {
	return &refusal{code: code, fault: fault.New(fault.Invalid, text)}
}

// missing refuses a request without a required parameter. At the token
// endpoint it is a 400, on pages a 422 (contract 4.3).
func missing(kind fault.Kind, name string) *refusal {
	return &refusal{code: codeInvalidRequest, fault: fault.New(kind, "Missing parameter: "+name)}
}

// codeOf returns the error code: the refusal's own, else what the kind of
// fault means to a client.
func codeOf(err error, kind fault.Kind) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.code
	}
	switch kind {
	case fault.Forbidden:
		return codeAccessDenied
	case fault.RateLimited, fault.Unavailable, fault.Timeout:
		return codeUnavailable
	case fault.Internal, fault.BadGateway:
		return codeServerError
	default:
		return codeInvalidRequest
	}
}

// errorBody is the error of an OAuth endpoint (contract 1).
type errorBody struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Detail      string `json:"detail"`
	RequestID   string `json:"request_id,omitzero"`
}

// fail answers err: as a page where a person is looking, else as JSON. The
// cause goes to the log line only.
func (s *Server) fail(v *visit, browser bool, err error) {
	httpx.Note(v.w, err)
	f := httpx.Classify(v.ctx(), err)
	if f.Kind == fault.Canceled {
		return // nobody is there to read it, and the response may have begun
	}
	if f.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	if browser {
		v.w.Header().Add("Vary", "Accept")
	}
	if browser && page.PrefersHTML(v.r.Header.Get("Accept")) {
		err = s.Pages.Problem(v.w, v.r, f)
	} else {
		err = httpx.Write(v.w, httpx.Status(f.Kind), v.body(codeOf(err, f.Kind), f))
	}
	if err != nil {
		httpx.Note(v.w, err)
	}
}

func (v *visit) body(code string, f *fault.Error) errorBody {
	if f.Kind == fault.Internal {
		const text = "Internal Server Error"
		return errorBody{Error: code, Description: text, Detail: text, RequestID: v.from.RequestID}
	}
	return errorBody{Error: code, Description: f.Public, Detail: f.Public}
}
