package limit

import "context"

// Nested is a budget of each key that is also part of one for all keys, so
// that many tenants together do not take the memory of the process. In the
// outer budget the keys are the members.
type Nested struct {
	Keys  *Budget
	Whole *Budget
}

// Acquire is [Budget.Acquire] in both budgets. It waits for the key's own
// first: a key that waits for itself holds nothing of the others'.
func (n Nested) Acquire(ctx context.Context, key, member string, bytes int) (release func(), err error) {
	own, err := n.Keys.Acquire(ctx, key, member, bytes)
	if err != nil {
		return nil, err
	}
	whole, err := n.Whole.Acquire(ctx, "", key, bytes)
	if err != nil {
		own()
		return nil, err
	}
	return func() { whole(); own() }, nil
}
