package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestUnclassifiedIsInternal(t *testing.T) {
	cause := errors.New("dial db.internal: refused")
	f := Of(cause)
	if f.Kind != Internal || f.Public != "Internal Server Error" || !errors.Is(f, cause) {
		t.Errorf("%+v", f)
	}
	if Of(nil) != nil {
		t.Error("no error is a fault")
	}
	var zero Error
	if zero.Kind != Internal {
		t.Error("the zero fault may show its text")
	}
}

func TestOutermostFaultDecides(t *testing.T) {
	inner := Wrap(NotFound, io.EOF, "inner")
	outer := fmt.Errorf("loading: %w", Wrap(Unavailable, inner, "outer"))
	if f := Of(outer); f.Kind != Unavailable || f.Public != "outer" {
		t.Errorf("%+v", f)
	}
	if !errors.Is(outer, io.EOF) {
		t.Error("the cause is lost")
	}
	if !Is(outer, Unavailable) || Is(outer, NotFound) || KindOf(outer) != Unavailable {
		t.Error("the kinds disagree")
	}
	if Is(nil, Internal) {
		t.Error("no error is of a kind")
	}
}

func TestTexts(t *testing.T) {
	for want, err := range map[string]error{
		"Slug already taken":        New(Invalid, "Slug already taken"),
		"Database unavailable: EOF": Wrap(Unavailable, io.EOF, "Database unavailable"),
		"Too long":                  Field("name", "Too long"),
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	if f := Field("name", "Too long"); f.Kind != Unprocessable || f.Field != "name" {
		t.Errorf("%+v", f)
	}
}
