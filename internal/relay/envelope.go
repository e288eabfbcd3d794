package relay

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

// The kinds of messages. An instance of another version ignores those that it
// does not know.
const (
	kindEcho     = "echo"     // to the sender itself
	kindEvent    = "event"    // to everyone
	kindAsk      = "ask"      // a question
	kindWithdraw = "withdraw" // the question is no longer of interest
	kindBusy     = "busy"     // the answer is being worked on
	kindReply    = "reply"    // the answer
	kindFailed   = "failed"   // there is no answer
)

// envelope is what is said about a payload.
type envelope struct {
	Kind  string `json:"kind"`
	From  string `json:"from"` // instance
	Topic string `json:"topic,omitempty"`
	ID    string `json:"id,omitempty"` // of the question
}

var errForm = errors.New("relay: not a message")

// wrap seals a message for a channel: one line of JSON, then the payload. It
// is readable for instances of this gateway only, and in no other channel.
func (b *Bus) wrap(channel string, e envelope, payload []byte) string {
	head, err := json.Marshal(e)
	if err != nil {
		panic(err) // four strings
	}
	text := make([]byte, 0, len(head)+1+len(payload))
	text = append(append(text, head...), '\n')
	return b.cfg.Seal.Seal(string(append(text, payload...)), place(channel))
}

func (b *Bus) unwrap(channel, sealed string) (e envelope, payload []byte, err error) {
	text, err := b.cfg.Seal.Open(sealed, place(channel))
	if err != nil {
		return e, nil, err
	}
	head, payload, ok := bytes.Cut([]byte(text), []byte{'\n'})
	if !ok {
		return e, nil, errForm
	}
	return e, payload, json.Unmarshal(head, &e)
}

func place(channel string) seal.Place { return seal.Place{Table: "relay", Row: channel} }
