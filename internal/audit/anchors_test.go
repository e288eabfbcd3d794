package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

// marks remembers in memory.
type marks map[string]int64

func (m marks) RememberAuditAnchors(_ context.Context, file string, number int64) error {
	m[file] = max(m[file], number)
	return nil
}

func (m marks) AuditAnchorMark(_ context.Context, file string) (int64, error) { return m[file], nil }

// anchorRig is an anchor file with a clock that stands until it is moved.
type anchorRig struct {
	path   string
	now    time.Time
	marks  marks
	log    bytes.Buffer
	signer *seal.Signer
}

func newAnchorRig(t *testing.T) *anchorRig {
	t.Helper()
	signer, err := seal.NewSigner("first-9f8e7d6c5b4a39281706f5e4d3c2b1a0", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &anchorRig{
		path: filepath.Join(t.TempDir(), "made", audit.AnchorFileName), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		marks: marks{}, signer: signer,
	}
}

func (r *anchorRig) open() *audit.AnchorFile {
	return audit.NewAnchorFile(audit.AnchorFileConfig{
		Path: r.path, Signer: r.signer, Marks: r.marks, Log: slog.New(slog.NewTextHandler(&r.log, nil)), Now: func() time.Time { return r.now },
	})
}

func (r *anchorRig) read(t *testing.T) audit.AnchorSet {
	t.Helper()
	set, err := audit.ReadAnchors(r.path, r.signer)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func mustAnchor(t *testing.T, s audit.Sink, heads ...audit.Head) {
	t.Helper()
	if err := s.Anchor(t.Context(), heads); err != nil {
		t.Fatal(err)
	}
}

func headAt(tenant string, seq int64) audit.Head {
	return audit.Head{Tenant: identity.TenantID(tenant), Seq: seq, Hash: fmt.Sprintf("hash of %s %d", tenant, seq)}
}

func TestAnchorsGoOnAfterARestart(t *testing.T) {
	r := newAnchorRig(t)
	first := r.open()
	mustAnchor(t, first, headAt("a", 1), headAt("b", 7))
	mustAnchor(t, first, headAt("a", 1)) // has not moved
	mustAnchor(t, first, headAt("a", 5))
	if info, err := os.Stat(r.path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v", info.Mode(), err)
	}
	if err := appendText(r.path, `{"file":"cut sho`); err != nil {
		t.Fatal(err)
	}
	mustAnchor(t, r.open(), headAt("a", 5), headAt("b", 9))
	set := r.read(t)
	var got []string
	for i, a := range set.Anchors {
		got = append(got, fmt.Sprint(a.Tenant, a.Seq))
		if i > 0 && (a.Number <= set.Anchors[i-1].Number || a.File != set.Anchors[0].File) {
			t.Errorf("anchor %d does not follow: %+v", i, a)
		}
	}
	if strings.Join(got, " ") != "a1 b7 a5 b9" || len(set.Bad) > 0 {
		t.Errorf("anchors %v, bad %v", got, set.Bad)
	}
	if r.marks[set.Anchors[0].File] != set.Anchors[3].Number || r.log.Len() > 0 {
		t.Errorf("marks %v, log %s", r.marks, &r.log)
	}
}

func appendText(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func TestEditedAnchorsAreTold(t *testing.T) {
	r := newAnchorRig(t)
	mustAnchor(t, r.open(), headAt("a", 1), headAt("a", 2), headAt("b", 3))
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(text), `"seq":2`, `"seq":9`, 1)
	edited = strings.Replace(edited, `"tenant":"b"`, `"tenant":"c"`, 1) + "garbage\n"
	if err := os.WriteFile(r.path, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if set := r.read(t); len(set.Anchors) != 1 || strings.Join(set.Bad, ", ") != "line 2 was edited, line 3 was edited, line 4 was edited" {
		t.Errorf("anchors %+v, bad %v", set.Anchors, set.Bad)
	}
	other, err := seal.NewSigner("second-0a1b2c3d4e5f60718293a4b5c6d7e8f9", nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := audit.ReadAnchors(r.path, other)
	if err != nil || len(set.Anchors) != 0 || !strings.Contains(set.Bad[0], "no longer configured") {
		t.Errorf("under another key: %+v, %v", set, err)
	}
}

// TestACutAnchorFileStaysCut takes anchors away, of a gateway that runs and of
// one that starts again: what is remembered elsewhere is not caught up with.
func TestACutAnchorFileStaysCut(t *testing.T) {
	for name, restart := range map[string]bool{"running": false, "restarted": true} {
		for change, keep := range map[string]int{"cut": 1, "emptied": 0} {
			t.Run(name+" "+change, func(t *testing.T) {
				r := newAnchorRig(t)
				file := r.open()
				for seq := range int64(4) {
					mustAnchor(t, file, headAt("a", seq+1))
				}
				before := r.read(t)
				text, err := os.ReadFile(r.path)
				if err != nil {
					t.Fatal(err)
				}
				lines := bytes.SplitAfter(text, []byte("\n"))
				if err := os.WriteFile(r.path, bytes.Join(lines[:keep], nil), 0o600); err != nil {
					t.Fatal(err)
				}
				if restart {
					file = r.open()
				}
				r.now = r.now.Add(time.Hour)
				mustAnchor(t, file, headAt("a", 9))
				end := int64(0)
				for _, a := range r.read(t).Anchors {
					if a.File == before.Anchors[0].File {
						end = a.Number
					}
				}
				if mark := r.marks[before.Anchors[0].File]; end >= mark {
					t.Errorf("the file ends at %d, remembered is %d", end, mark)
				}
			})
		}
	}
}

func TestErrorsOfTheAnchorFileShowNoPath(t *testing.T) {
	r := newAnchorRig(t)
	if err := os.WriteFile(filepath.Dir(r.path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := r.open().Anchor(t.Context(), []audit.Head{headAt("a", 1)})
	if err == nil || strings.Contains(err.Error(), filepath.Dir(r.path)) {
		t.Errorf("error %v", err)
	}
}

func TestAShorterChainIsLoggedAndKept(t *testing.T) {
	r := newAnchorRig(t)
	file := r.open()
	mustAnchor(t, file, headAt("a", 100))
	mustAnchor(t, file, headAt("a", 40))
	if !strings.Contains(r.log.String(), "shorter than it was") || !strings.Contains(r.log.String(), "anchored_seq=100") {
		t.Errorf("log %s", &r.log)
	}
	if n := len(r.read(t).Anchors); n != 2 {
		t.Errorf("%d anchors", n)
	}
}

// TestAnchorFileStaysSmall anchors a chain every ten seconds for 40 days, and
// lets it become shorter once.
func TestAnchorFileStaysSmall(t *testing.T) {
	r := newAnchorRig(t)
	// One that was cut short long ago, written line by line to be fast.
	var text bytes.Buffer
	encode := json.NewEncoder(&text)
	start, seq := r.now, int64(0)
	for ; r.now.Before(start.Add(4 * 24 * time.Hour)); r.now = r.now.Add(10 * time.Second) {
		if seq += 3; seq == 3*8640 {
			seq -= 1000
		}
		a := audit.Anchor{File: "f", Number: r.now.UnixMicro(), Tenant: "a", Seq: seq, Hash: fmt.Sprint(seq), KeyID: r.signer.KeyID()}
		a.MAC = r.signer.Message("audit anchor").Texts(a.File, string(a.Tenant), a.Hash).Numbers(a.Number, a.Seq).Sign()
		if err := encode.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(r.path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	file := r.open()
	for range 4 {
		mustAnchor(t, file, headAt("a", seq+1))
		seq, r.now = seq+1, r.now.Add(10*time.Second)
	}
	set := r.read(t)
	info, err := os.Stat(r.path)
	if err != nil || info.Size() > 64<<10 || len(set.Bad) > 0 {
		t.Errorf("%d bytes after %d, %v, bad %v", info.Size(), text.Len(), err, set.Bad)
	}
	kept := map[int64]bool{}
	for _, a := range set.Anchors {
		kept[a.Seq] = true
	}
	if !kept[seq] || !kept[3] || !kept[3*8639] {
		t.Errorf("the newest, the first or the one before the cut is gone: %v", kept)
	}
}

// headsOf is a store with two chains.
type headsOf struct {
	all, moved []audit.Head
	err        error
}

func (h *headsOf) AuditHeads(context.Context) ([]audit.Head, error) { return h.all, h.err }

func (h *headsOf) MovedAuditHeads() []audit.Head {
	moved := h.moved
	h.moved = nil
	return moved
}

// failingSink refuses while err is set.
type failingSink struct {
	err error
	got [][]audit.Head
}

func (s *failingSink) Anchor(_ context.Context, heads []audit.Head) error {
	if s.err == nil {
		s.got = append(s.got, heads)
	}
	return s.err
}

func TestAnchorsThatCouldNotBeWrittenAreWrittenLater(t *testing.T) {
	source := &headsOf{all: []audit.Head{headAt("a", 1), headAt("b", 1)}, moved: []audit.Head{headAt("a", 2)}}
	sink := &failingSink{err: errors.New("disk full")}
	anchors := audit.NewAnchors(source, sink)
	told := 0
	for range 61 {
		if anchors.Write(t.Context()) != nil {
			told++
		}
	}
	if told != 2 {
		t.Errorf("61 failures in a row were told %d times", told)
	}
	sink.err, source.moved = nil, []audit.Head{headAt("c", 1)}
	for range 2 {
		if err := anchors.Write(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := fmt.Sprint(sink.got); len(sink.got) != 1 || len(sink.got[0]) != 3 || sink.got[0][0].Seq != 2 {
		t.Errorf("written %s", got)
	}
}
