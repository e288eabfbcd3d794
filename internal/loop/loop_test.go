package loop

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEveryRunsAtItsIntervalUntilTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), 35*time.Minute)
		defer cancel()
		start := time.Now()
		var at []time.Duration
		g.Every(ctx, "clean-up", 10*time.Minute, 0, func(context.Context) error {
			at = append(at, time.Since(start))
			return nil
		})
		g.Wait()
		want := []time.Duration{0, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute}
		if len(at) != len(want) {
			t.Fatalf("ran at %v, want %v", at, want)
		}
		for i := range want {
			if at[i] != want[i] {
				t.Errorf("ran at %v, want %v", at, want)
			}
		}
	})
}

func TestSlowRunsDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Minute+time.Second)
		defer cancel()
		running, runs := 0, 0
		g.Every(ctx, "slow", time.Minute, 0, func(context.Context) error {
			if running++; running > 1 {
				t.Error("two runs at once")
			}
			time.Sleep(9 * time.Minute) // synctest's clock
			running--
			runs++
			return nil
		})
		g.Wait()
		if runs != 6 {
			t.Errorf("%d runs, want 6", runs)
		}
	})
}

func TestJitterStaysInItsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		last := time.Now().Add(-10 * time.Minute)
		g.Every(ctx, "jittered", 10*time.Minute, time.Minute, func(context.Context) error {
			if gap := time.Since(last); gap < 10*time.Minute || gap >= 11*time.Minute {
				t.Errorf("gap %s", gap)
			}
			last = time.Now()
			return nil
		})
		g.Wait()
	})
}

func TestFailuresAreLoggedAndDoNotEndTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := NewGroup(slog.New(slog.NewJSONHandler(&log, nil)))
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		runs := 0
		g.Every(ctx, "purge", 10*time.Second, 0, func(context.Context) error {
			switch runs++; runs {
			case 1:
				panic("broken invariant")
			case 2:
				return errors.New("disk full")
			}
			return nil
		})
		g.Wait()
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if runs != 3 || len(lines) != 2 {
			t.Fatalf("%d runs, log %q", runs, lines)
		}
		if !strings.Contains(lines[0], "panic: broken invariant") || !strings.Contains(lines[0], `"job":"purge"`) || !strings.Contains(lines[0], "loop_test.go") {
			t.Errorf("panic line %s", lines[0])
		}
		if !strings.Contains(lines[1], "disk full") {
			t.Errorf("error line %s", lines[1])
		}
	})
}

func TestWaitWaitsAndShutdownIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		g := NewGroup(slog.New(slog.NewJSONHandler(&log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		finished := false
		g.Go(ctx, "listener", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second) // a last write; synctest's clock
			finished = true
			return ctx.Err()
		})
		cancel()
		g.Wait()
		if !finished {
			t.Error("Wait returned before the job did")
		}
		if log.Len() > 0 {
			t.Errorf("shutdown was logged as a failure: %s", &log)
		}
	})
}
