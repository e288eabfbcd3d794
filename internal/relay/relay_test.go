package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/relay"
)

func TestEventsReachTheOtherInstanceInOrder(t *testing.T) {
	onEveryServer(t, func(t *testing.T, w wire) {
		one, two := pair(t, w)
		one.run(t)
		two.run(t)
		const n = 200
		for i := range n {
			if err := one.Publish(t.Context(), "news", fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := one.Publish(t.Context(), "other topic", nil); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if got := <-two.heard; got != fmt.Sprint(i) {
				t.Fatalf("event %d is %q", i, got)
			}
		}
		// What comes back shows that everything before it has been heard.
		if err := two.Publish(t.Context(), "news", []byte("back")); err != nil {
			t.Fatal(err)
		}
		if got := <-one.heard; got != "back" {
			t.Errorf("the sender heard %q, its own event", got)
		}
	})
}

func TestQuestions(t *testing.T) {
	onEveryServer(t, func(t *testing.T, w wire) {
		one, two := pair(t, w)
		two.Answer("upper", func(_ context.Context, p []byte) []byte { return bytes.ToUpper(p) })
		two.Answer("panic", func(context.Context, []byte) []byte { panic("no") })
		one.run(t)
		two.run(t)
		long := strings.Repeat("a\nb\x00ö", 1<<18)
		for _, text := range []string{"", "short", long} {
			reply, err := one.Ask(t.Context(), two.Instance(), "upper", []byte(text))
			if err != nil || string(reply) != strings.ToUpper(strings.ReplaceAll(text, "ö", "Ö")) {
				t.Errorf("question of %d bytes: %d bytes, %v", len(text), len(reply), err)
			}
		}
		for _, topic := range []string{"panic", "unheard of"} {
			if _, err := one.Ask(t.Context(), two.Instance(), topic, nil); !errors.Is(err, relay.ErrFailed) {
				t.Errorf("%s: %v", topic, err)
			}
		}
	})
}

// TestLostConnection: who loses its connection hears so, and is reachable
// again afterwards.
func TestLostConnection(t *testing.T) {
	onEveryServer(t, func(t *testing.T, w wire) {
		one, two := pair(t, w)
		two.Answer("same", func(_ context.Context, p []byte) []byte { return p })
		one.run(t)
		two.run(t)
		w.cut(t)
		<-one.missed
		<-two.missed
		reply, err := twice(func() ([]byte, error) {
			return one.Ask(t.Context(), two.Instance(), "same", []byte("there?"))
		})
		if err != nil || string(reply) != "there?" {
			t.Errorf("= %q, %v", reply, err)
		}
		_, err = twice(func() ([]byte, error) { return nil, two.Publish(t.Context(), "news", []byte("again")) })
		if err != nil {
			t.Fatal(err)
		}
		if got := <-one.heard; got != "again" {
			t.Errorf("heard %q", got)
		}
	})
}

// twice tries again after a failure: the first message after a cut may be
// given to a connection of the pool that is cut and does not know it yet.
func twice(send func() ([]byte, error)) ([]byte, error) {
	if reply, err := send(); err == nil {
		return reply, nil
	}
	return send()
}

// TestPatience: an instance that is at work is waited for, one that is silent
// is not.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, ring := &hub{}, newRing(t)
		one := newInstance(t, relay.Config{Transport: bus, Seal: ring})
		two := newInstance(t, relay.Config{Transport: bus, Seal: ring})
		two.Answer("slow", func(context.Context, []byte) []byte {
			time.Sleep(time.Hour)
			return []byte("done")
		})
		one.run(t)
		two.run(t)
		if reply, err := one.Ask(t.Context(), two.Instance(), "slow", nil); err != nil || string(reply) != "done" {
			t.Errorf("= %q, %v", reply, err)
		}
		began := time.Now()
		if _, err := one.Ask(t.Context(), strings.Repeat("0", 16), "slow", nil); !errors.Is(err, relay.ErrNobody) {
			t.Errorf("nobody: %v", err)
		}
		if waited := time.Since(began); waited != 5*time.Second { // of the bubble's clock
			t.Errorf("waited %v for nobody", waited)
		}
	})
}

// TestWithdrawnQuestion: when who asked gives up, the work on it ends.
func TestWithdrawnQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, ring := &hub{}, newRing(t)
		one := newInstance(t, relay.Config{Transport: bus, Seal: ring})
		two := newInstance(t, relay.Config{Transport: bus, Seal: ring})
		ended := make(chan struct{})
		ctx, giveUp := context.WithCancel(t.Context())
		two.Answer("wait", func(ctx context.Context, _ []byte) []byte {
			giveUp()
			<-ctx.Done()
			close(ended)
			return nil
		})
		one.run(t)
		two.run(t)
		if _, err := one.Ask(ctx, two.Instance(), "wait", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("= %v", err)
		}
		<-ended
	})
}

// TestSilentConnection: a connection that carries nothing, although it looks
// alive, is replaced.
func TestSilentConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := &hub{mute: true}
		var log bytes.Buffer
		one := newInstance(t, relay.Config{Transport: bus, Seal: newRing(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- one.Run(ctx) }()
		for range 3 {
			<-one.missed
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if bus.listens != 3 || !strings.Contains(log.String(), "did not come back") {
			t.Errorf("listened %d times and said:\n%s", bus.listens, log.String())
		}
	})
}

// TestForeignMessages: what was not sealed by this gateway changes nothing.
func TestForeignMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, ring := &hub{}, newRing(t)
		one := newInstance(t, relay.Config{Transport: bus, Seal: ring})
		two := newInstance(t, relay.Config{Transport: bus, Seal: ring})
		stranger := newInstance(t, relay.Config{Transport: bus, Seal: newRing(t)})
		one.run(t)
		two.run(t)
		if err := stranger.Publish(t.Context(), "news", []byte("forged")); err != nil {
			t.Fatal(err)
		}
		// A message for one is not one for all, though the seal is good.
		tap := &hubListener{channels: []string{"mcpgw_" + two.Instance()}, texts: make(chan [2]string, 10)}
		bus.mu.Lock()
		bus.listeners[tap] = true
		bus.mu.Unlock()
		go func() { _, _ = one.Ask(t.Context(), two.Instance(), "news", []byte("question")) }()
		copied := <-tap.texts
		if err := bus.Send(t.Context(), "mcpgw_all", copied[1]); err != nil {
			t.Fatal(err)
		}
		if err := bus.Send(t.Context(), "mcpgw_all", "not sealed at all"); err != nil {
			t.Fatal(err)
		}
		if err := one.Publish(t.Context(), "news", []byte("true")); err != nil {
			t.Fatal(err)
		}
		if got := <-two.heard; got != "true" {
			t.Errorf("heard %q", got)
		}
	})
}

func TestEventsAreShort(t *testing.T) {
	one := newInstance(t, relay.Config{Transport: &hub{}, Seal: newRing(t)})
	if err := one.Publish(t.Context(), "news", make([]byte, 4<<10+1)); err == nil {
		t.Error("no error")
	}
}

// TestOnlyInstance: a gateway of one works without a bus.
func TestOnlyInstance(t *testing.T) {
	alone := newInstance(t, relay.Config{})
	if err := alone.Run(t.Context()); err != nil {
		t.Error(err)
	}
	<-alone.Connected()
	if err := alone.Publish(t.Context(), "news", []byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := alone.Ask(t.Context(), "0011223344556677", "any", nil); !errors.Is(err, relay.ErrNobody) {
		t.Errorf("Ask: %v", err)
	}
}
