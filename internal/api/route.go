package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/httpx"
)

// route is one row of the table in routes.go. What it declares is done for its
// handler before it runs: authentication, the rate limit, the role, and the
// decoding and checking of the body.
type route struct {
	method, path string
	min          identity.Role // None: nobody has to sign in
	noKeys       bool          // API keys are refused: the route is about a person's own sign-in
	rate         bucket
	do           action
	status       int // of success, 200 unless set

	// event is the audit record that a change leaves (contract 10); a name
	// that ends in * stands for those that the handler chooses from.
	event string

	// For the OpenAPI document.
	id, tag, summary string
	query            []*huma.Param
	refusals         []int

	body schema // what do.in is checked against
}

func (rt *route) success() int {
	if rt.status == 0 {
		return http.StatusOK
	}
	return rt.status
}

// action is what a route does, with the types that it reads and answers.
type action struct {
	in, out reflect.Type // in is nil when there is no body, out when it is no JSON
	run     func(ctx context.Context, c *call) (any, error)
}

// none is the answer of a route that has nothing to say.
type none struct{}

// plain is an action without a body.
func plain[Out any](fn func(context.Context, *call) (Out, error)) action {
	return action{
		out: reflect.TypeFor[Out](),
		run: func(ctx context.Context, c *call) (any, error) { return fn(ctx, c) },
	}
}

// browser is an action for a person's browser: it answers itself, and its
// errors are pages for who prefers them.
func browser(fn func(context.Context, *call) error) action {
	return action{run: func(ctx context.Context, c *call) (any, error) { return nil, fn(ctx, c) }}
}

// with is an action on a JSON body.
func with[In, Out any](fn func(context.Context, *call, In) (Out, error)) action {
	return action{
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		run: func(ctx context.Context, c *call) (any, error) {
			in, err := decode[In](c.w, c.r, c.route.body)
			if err != nil {
				return nil, err
			}
			return fn(ctx, c, in)
		},
	}
}

// serve is the fixed sequence before every handler: who is it, how often, may
// they, then what they ask for.
func (s *server) serve(rt *route) httpx.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c := &call{server: s, route: rt, w: w, r: r}
		for _, step := range [...]func() error{c.refuseForeignPage, c.authenticate, c.limit, c.authorise} {
			if err := step(); err != nil {
				return err
			}
		}
		answer, err := rt.do.run(r.Context(), c)
		if own := (*storageFault)(nil); errors.As(err, &own) {
			return own.answer(w, r)
		}
		if err != nil || rt.do.out == nil {
			return err
		}
		if rt.success() == http.StatusNoContent {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return httpx.Write(w, rt.success(), answer)
	}
}
