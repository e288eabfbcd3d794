package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

// AnchorSet is what an anchor file holds.
type AnchorSet struct {
	Anchors []Anchor // the authentic ones, in their order
	Bad     []string // what is wrong with other lines
}

// ReadAnchors reads an anchor file. A last line without its end is one that is
// being written.
func ReadAnchors(path string, signer *seal.Signer) (AnchorSet, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return AnchorSet{}, err
	}
	return parseAnchors(text, signer), nil
}

func parseAnchors(text []byte, signer *seal.Signer) (set AnchorSet) {
	for n, line := range wholeLines(text) {
		a, err := parseAnchor(line, signer)
		switch {
		case err == nil:
			set.Anchors = append(set.Anchors, a)
		case errors.Is(err, seal.ErrKey):
			set.Bad = append(set.Bad, fmt.Sprintf("line %d is signed with key %s, which is no longer configured", n+1, a.KeyID))
		default:
			set.Bad = append(set.Bad, fmt.Sprintf("line %d was edited", n+1))
		}
	}
	return set
}

func wholeLines(text []byte) [][]byte {
	lines := bytes.Split(text, []byte{'\n'})
	return lines[:len(lines)-1]
}

func parseAnchor(line []byte, signer *seal.Signer) (a Anchor, err error) {
	if err := json.Unmarshal(line, &a); err != nil {
		return a, err
	}
	return a, a.message(signer).Verify(a.KeyID, a.MAC)
}

// thin keeps the last anchor of each file, and of each chain the newest one,
// the one with the most records, every one after which it became shorter, and
// the first of each period. Periods get longer with age: an hour in the last
// week, a day in the last year, then a month. Lines that are not authentic
// stay, because they are evidence.
func thin(text []byte, signer *seal.Signer, now time.Time) []byte {
	lines := wholeLines(text)
	keep := make([]bool, len(lines))
	last, longest, ends := map[identity.TenantID]int{}, map[identity.TenantID]int{}, map[string]int{}
	seqs, periods := make([]int64, len(lines)), map[string]bool{}
	for i, line := range lines {
		a, err := parseAnchor(line, signer)
		if err != nil {
			keep[i] = true
			continue
		}
		seqs[i] = a.Seq
		if period := fmt.Sprintf("%q %s", a.Tenant, periodOf(a.Head().At, now)); !periods[period] {
			periods[period], keep[i] = true, true
		}
		if before, ok := last[a.Tenant]; ok && seqs[before] > a.Seq {
			keep[before] = true
		}
		if before, ok := longest[a.Tenant]; !ok || seqs[before] <= a.Seq {
			longest[a.Tenant] = i
		}
		last[a.Tenant], ends[a.File] = i, i
	}
	for _, i := range ends {
		keep[i] = true
	}
	for tenant, i := range last {
		keep[i], keep[longest[tenant]] = true, true
	}
	var kept []byte
	for i, line := range lines {
		if keep[i] {
			kept = append(append(kept, line...), '\n')
		}
	}
	return kept
}

func periodOf(at, now time.Time) string {
	const day = 24 * time.Hour
	switch age := now.Sub(at); {
	case age < 7*day:
		return at.Format("2006-01-02T15")
	case age < 366*day:
		return at.Format(time.DateOnly)
	default:
		return at.Format("2006-01")
	}
}
