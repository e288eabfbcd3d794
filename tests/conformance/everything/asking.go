package everything

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// ask asks one question and shows the answer as text.
func ask(ctx context.Context, env tool.Env, before, name string, q tool.Question) (*tool.Result, error) {
	answers, err := env.Ask(ctx, tool.Questions{name: q})
	if err != nil {
		return nil, err
	}
	return tool.Text(before + string(answers[name])), nil
}

func sample(prompt string, maxTokens int) tool.Question {
	text, err := json.Marshal(prompt)
	if err != nil {
		panic(err) // a string has a JSON form
	}
	return tool.Sample(json.RawMessage(fmt.Sprintf(
		`{"messages":[{"role":"user","content":{"type":"text","text":%s}}],"maxTokens":%d}`, text, maxTokens)))
}

// form asks for one text.
func form(message, field, kind string) tool.Question {
	return tool.Form(message, json.RawMessage(fmt.Sprintf(
		`{"type":"object","properties":{%q:{"type":%q}},"required":[%q]}`, field, kind, field)))
}

// askingTools ask in the way of the revisions before 2026-07-28; they work in
// that one too.
func askingTools() []tool.Tool {
	type prompt struct {
		Prompt string `json:"prompt"`
	}
	type message struct {
		Message string `json:"message"`
	}
	user := json.RawMessage(`{"type":"object","properties":{
		"username":{"type":"string","description":"User's response"},
		"email":{"type":"string","description":"User's email address"}},"required":["username","email"]}`)
	defaults := json.RawMessage(`{"type":"object","properties":{
		"name":{"type":"string","default":"John Doe"},"age":{"type":"integer","default":30},
		"score":{"type":"number","default":95.5},
		"status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},
		"verified":{"type":"boolean","default":true}}}`)
	enums := json.RawMessage(`{"type":"object","properties":{
		"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},
		"titledSingle":{"type":"string","oneOf":[{"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"},{"const":"value3","title":"Third Option"}]},
		"legacyEnum":{"type":"string","enum":["opt1","opt2","opt3"],"enumNames":["Option One","Option Two","Option Three"]},
		"untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2","option3"]}},
		"titledMulti":{"type":"array","items":{"anyOf":[{"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"},{"const":"value3","title":"Third Choice"}]}}}}`)
	fixed := func(name string, schema json.RawMessage) tool.Tool {
		return tool.Func(name, "Asks for a form", identity.Viewer, func(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
			return ask(ctx, env, "Elicitation completed: ", "form", tool.Form("Please review and update the form", schema))
		})
	}
	return interactive([]tool.Tool{
		tool.Func("test_sampling", "Asks the client's model", identity.Viewer, func(ctx context.Context, env tool.Env, in prompt) (*tool.Result, error) {
			return ask(ctx, env, "LLM response: ", "message", sample(in.Prompt, 100))
		}),
		tool.Func("test_elicitation", "Asks the person", identity.Viewer, func(ctx context.Context, env tool.Env, in message) (*tool.Result, error) {
			return ask(ctx, env, "User response: ", "user", tool.Form(in.Message, user))
		}),
		fixed("test_elicitation_sep1034_defaults", defaults),
		fixed("test_elicitation_sep1330_enums", enums),
		tool.Func("test_streaming_elicitation", "Asks while it streams", identity.Viewer, func(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
			return ask(ctx, env, "User response: ", "name", form("What is your name?", "name", "string"))
		}),
		tool.Func("test_missing_capability", "Needs the client's model", identity.Viewer, func(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
			return ask(ctx, env, "LLM response: ", "message", sample("Hello", 10))
		}),
	})
}

// roundTools are the fixtures of input-required-result-*.
func roundTools() []tool.Tool {
	name := form("What is your name?", "name", "string")
	confirm := form("Please confirm", "ok", "boolean")
	one := func(tail, key, before string, q tool.Question) tool.Tool {
		return round(tail, func(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
			return ask(ctx, env, before, key, q)
		})
	}
	return interactive([]tool.Tool{
		round("elicitation", greet(name)),
		one("sampling", "capital_question", "", sample("What is the capital of France?", 100)),
		one("list_roots", "client_roots", "Roots: ", tool.ListRoots()),
		one("request_state", "confirm", "state-ok ", confirm),
		one("tampered_state", "confirm", "Confirmed: ", confirm),
		round("multiple_inputs", func(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
			answers, err := env.Ask(ctx, tool.Questions{
				"user_name": name, "greeting": sample("Generate a greeting", 50), "client_roots": tool.ListRoots(),
			})
			if err != nil {
				return nil, err
			}
			return tool.JSON(answers)
		}),
		round("multi_round", multiRound),
		round("capabilities", whatItCan),
	})
}

func round(tail string, fn func(context.Context, tool.Env, none) (*tool.Result, error)) tool.Tool {
	return tool.Func("test_input_required_result_"+tail, "Asks by its result", identity.Viewer, fn)
}

func greet(question tool.Question) func(context.Context, tool.Env, none) (*tool.Result, error) {
	return func(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
		answers, err := env.Ask(ctx, tool.Questions{"user_name": question})
		if err != nil {
			return nil, err
		}
		var who struct{ Name string }
		if accepted, err := answers.Form("user_name", &who); err != nil || !accepted {
			return tool.Text("Hello, whoever you are!"), err
		}
		return tool.Text("Hello, " + who.Name + "!"), nil
	}
}

func multiRound(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
	first, err := env.Ask(ctx, tool.Questions{"step1": form("Step 1: What is your name?", "name", "string")})
	if err != nil {
		return nil, err
	}
	second, err := env.Ask(ctx, tool.Questions{"step2": form("Step 2: What is your favorite color?", "color", "string")})
	if err != nil {
		return nil, err
	}
	return tool.Text(fmt.Sprintf("%s likes %s", first["step1"], second["step2"])), nil
}

// whatItCan asks only what the client can answer.
func whatItCan(ctx context.Context, env tool.Env, _ none) (*tool.Result, error) {
	questions := tool.Questions{}
	if env.Can(tool.Elicitation) {
		questions["user_name"] = form("What is your name?", "name", "string")
	}
	if env.Can(tool.Sampling) {
		questions["greeting"] = sample("Generate a greeting", 50)
	}
	answers, err := env.Ask(ctx, questions)
	if err != nil {
		return nil, err
	}
	return tool.JSON(answers)
}
