package gate_test

import (
	"slices"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/gate"
)

// TestChangesOfOtherInstances: a change here is told to the others, one from
// there is not told back, and missed ones wake everybody.
func TestChangesOfOtherInstances(t *testing.T) {
	c := gate.NewCatalog(nil, overrides{})
	var told []identity.TenantID
	c.TellOthers(func(t identity.TenantID) { told = append(told, t) })
	one, stopOne := c.Watch("t1")
	defer stopOne()
	two, stopTwo := c.Watch("t2")
	defer stopTwo()
	c.Changed("t1")
	<-one
	c.ChangedElsewhere("t1")
	<-one
	select {
	case <-two:
		t.Error("told of another tenant's change")
	default:
	}
	c.ChangesMissed()
	<-one
	<-two
	if want := []identity.TenantID{"t1"}; !slices.Equal(told, want) {
		t.Errorf("told the others of %v, want %v", told, want)
	}
}
