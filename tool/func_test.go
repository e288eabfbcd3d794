package tool

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
)

type weatherIn struct {
	City string `json:"city" jsonschema:"the city to ask for"`
	Days int    `json:"days,omitempty"`
}

func weather(ctx context.Context, env Env, in weatherIn) (*Result, error) {
	if in.City == "" {
		return nil, errors.New("no city")
	}
	return Text(string(env.Principal.User) + " asks for " + in.City), ctx.Err()
}

func TestFunc(t *testing.T) {
	made := Func("team/weather", "Tells the weather", identity.Analyst, weather)
	if made.Name != "team/weather" || made.MinRole != identity.Analyst || made.Kind != KindCustom || made.Event != "tool.team/weather" {
		t.Errorf("%+v", made)
	}
	want := `{"type":"object","properties":{"city":{"type":"string","description":"the city to ask for"},"days":{"type":"integer"}},"required":["city"],"additionalProperties":false}`
	if string(made.Schema) != want {
		t.Errorf("schema\n%s, want\n%s", made.Schema, want)
	}
	action, err := made.Prepare(t.Context(), Env{Principal: identity.Principal{User: "ann"}}, json.RawMessage(`{"city":"Bern"}`))
	if err != nil {
		t.Fatal(err)
	}
	result, err := action.Run(t.Context())
	if err != nil || result.Text != "ann asks for Bern" {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestFuncPreparesNothingOfBadArguments(t *testing.T) {
	made := Func("weather", "", identity.Viewer, func(context.Context, Env, weatherIn) (*Result, error) {
		t.Error("the function ran")
		return nil, nil
	})
	for _, args := range []string{``, `{`, `{"city":1}`, `[]`} {
		if _, err := made.Prepare(t.Context(), Env{}, json.RawMessage(args)); err == nil {
			t.Errorf("%q was prepared", args)
		}
	}
	if _, err := made.Prepare(t.Context(), Env{}, json.RawMessage(`{"city":"Bern"}`)); err != nil {
		t.Error(err)
	}
}

func TestFuncPanicsOnMistakesInTheProgram(t *testing.T) {
	for name, make := range map[string]func(){
		"bad name":      func() { Func("no spaces", "", identity.Viewer, weather) },
		"reserved name": func() { Func("fs_read", "", identity.Viewer, weather) },
		"no JSON schema": func() {
			Func("f", "", identity.Viewer, func(context.Context, Env, chan int) (*Result, error) { return nil, nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			make()
		})
	}
}

func TestValidateCustomName(t *testing.T) {
	for _, name := range []string{"weather", "team/weather", "A-1_b", strings.Repeat("x", 64)} {
		if err := ValidateCustomName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "a b", "a.b", "ü", "a\n", strings.Repeat("x", 65), "get_schema_x", "execute_sql_x", "fs_x", "override_set", "list_connections", "get_current_time"} {
		if ValidateCustomName(name) == nil {
			t.Errorf("%q is allowed", name)
		}
	}
}

func TestJSONResult(t *testing.T) {
	result, err := JSON(map[string]int{"rows": 2})
	if err != nil || string(result.JSON) != `{"rows":2}` {
		t.Errorf("%+v, %v", result, err)
	}
	if _, err := JSON(make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
}

func TestStatic(t *testing.T) {
	list := Static{{Name: "a"}}
	got, err := list.Tools(t.Context(), "any")
	if err != nil || len(got) != 1 || got[0].Name != "a" {
		t.Errorf("%+v, %v", got, err)
	}
}
