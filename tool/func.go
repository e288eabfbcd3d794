package tool

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

// Func makes a custom tool of a Go function (contract 6.7). The input schema
// is derived from In: fields by their json tags, descriptions by their
// jsonschema tags, fields without omitempty required. Func panics when the
// name is not allowed or no schema can be derived, because both are mistakes
// in the program text and main runs before anything is served.
func Func[In any](name, description string, min identity.Role, fn func(context.Context, Env, In) (*Result, error)) Tool {
	if err := ValidateCustomName(name); err != nil {
		panic(err)
	}
	schema, err := jsonschema.For[In](nil)
	if err != nil {
		panic(fmt.Errorf("tool %q: input schema: %w", name, err))
	}
	raw, err := json.Marshal(schema)
	if err != nil {
		panic(fmt.Errorf("tool %q: input schema: %w", name, err))
	}
	return Tool{
		Name: name, Title: name, Description: description, Kind: KindCustom,
		Schema: raw, MinRole: min, Event: "tool." + name,
		Hints:   Hints{OpenWorld: true},
		Prepare: prepareFunc(fn),
	}
}

func prepareFunc[In any](fn func(context.Context, Env, In) (*Result, error)) func(context.Context, Env, json.RawMessage) (Action, error) {
	return func(_ context.Context, env Env, args json.RawMessage) (Action, error) {
		var in In
		if err := json.Unmarshal(args, &in); err != nil {
			return Action{}, fmt.Errorf("decode arguments: %w", err)
		}
		return Action{Run: func(ctx context.Context) (*Result, error) { return fn(ctx, env, in) }}, nil
	}
}
