package identity

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestRolesAreOneHierarchy(t *testing.T) {
	order := []Role{Viewer, Analyst, Admin}
	for i, holder := range order {
		for j, needed := range order {
			if got := holder.Allows(needed); got != (i >= j) {
				t.Errorf("%s allows %s: %v", holder, needed, got)
			}
		}
	}
}

func TestNobodyMayDoNothing(t *testing.T) {
	for _, needed := range append(Roles(), None) {
		if None.Allows(needed) {
			t.Errorf("nobody may do what needs %q", needed)
		}
	}
	if Viewer.Allows(Role(9)) || Role(9).String() != "" {
		t.Error("an unknown role means something")
	}
}

func TestRoleText(t *testing.T) {
	for _, r := range Roles() {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Role
		if err := json.Unmarshal(b, &back); err != nil || back != r {
			t.Errorf("%s came back as %v (%v)", b, back, err)
		}
	}
	for _, text := range []string{"", "Admin", "owner", " viewer", "none"} {
		kept := Analyst
		if err := kept.UnmarshalText([]byte(text)); !errors.Is(err, ErrUnknownRole) || kept != Analyst {
			t.Errorf("%q: %v, role is now %q", text, err, kept)
		}
		if r, err := ParseRole(text); err == nil || r != None {
			t.Errorf("%q is read as %q", text, r)
		}
	}
}

func TestPrincipalIsNobodyUnlessWhole(t *testing.T) {
	whole := Principal{Tenant: "t", User: "u", Role: Viewer}
	if whole.IsZero() {
		t.Error("a whole principal is nobody")
	}
	for name, p := range map[string]Principal{
		"zero":      {},
		"no tenant": {User: "u", Role: Admin},
		"no user":   {Tenant: "t", Role: Admin},
		"no role":   {Tenant: "t", User: "u", Slug: "s", Email: "e", Auth: "token"},
	} {
		if !p.IsZero() {
			t.Errorf("%s: somebody", name)
		}
	}
}
