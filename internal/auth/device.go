package auth

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/audit"
	"github.com/mcp-gateway/mcp-gateway/internal/fault"
	"github.com/mcp-gateway/mcp-gateway/internal/limit"
	"github.com/mcp-gateway/mcp-gateway/internal/store"
)

// deviceLife is how long a browser is known after a sign-in.
const deviceLife = 180 * 24 * time.Hour

// guessLimit is a bucket of attempts at an account (contract 14, 15.2 A17).
type guessLimit struct {
	bucket string
	kind   string // says what the key is, for the record
	rate   limit.Rate
}

// limitFromAddress bounds what one address tries at one account over all
// routes and slugs. It is taken first, so that one address alone does not
// spend what the account has.
func limitFromAddress() guessLimit {
	return guessLimit{"login:address", "account and ip", limit.PerMinute(10)}
}

// limitOfAccount bounds what all addresses together try at one account.
func limitOfAccount() guessLimit {
	return guessLimit{"login:account", "account", limit.PerMinute(100)}
}

// limitOfDevice bounds what one known device tries once the others are spent.
func limitOfDevice() guessLimit {
	return guessLimit{"login:device", "device", limit.PerMinute(10)}
}

// admitAttempt counts the attempt and returns the accounts that it may try. When
// strangers have spent the limits of the e-mail, a known device may still try
// the accounts that it is known for, and no other: anybody can have an account
// with the same e-mail in an organisation of their own.
func (a *Authenticator) admitAttempt(ctx context.Context, at Attempt, found []store.LoginCandidate) ([]store.LoginCandidate, error) {
	err := a.countAttempt(ctx, at)
	if !fault.Is(err, fault.RateLimited) {
		return found, err
	}
	var admitted []store.LoginCandidate
	for _, account := range found {
		device := a.knownDevice(at.Cookies, account.User)
		if device == "" {
			continue
		}
		taken := a.takeGuess(ctx, at, limitOfDevice(), device)
		switch {
		case taken == nil:
			admitted = append(admitted, account)
		case !fault.Is(taken, fault.RateLimited):
			return nil, taken
		}
		err = taken
	}
	if len(admitted) > 0 {
		return admitted, nil
	}
	return nil, err
}

// countAttempt counts an attempt from anywhere.
func (a *Authenticator) countAttempt(ctx context.Context, at Attempt) error {
	address, err := netip.ParseAddr(at.Client.IP)
	if err == nil {
		err = a.takeGuess(ctx, at, limitFromAddress(), at.Email+"\n"+limit.ClientKey(address))
		if err != nil {
			return err
		}
	}
	return a.takeGuess(ctx, at, limitOfAccount(), at.Email)
}

func (a *Authenticator) takeGuess(ctx context.Context, at Attempt, l guessLimit, key string) error {
	d, err := a.cfg.Limits.Take(ctx, l.bucket, key, l.rate)
	if err != nil || d.Allowed {
		return err
	}
	if d.FirstRefusal {
		err := a.cfg.Audit.Record(ctx, audit.Event{
			Name: "ratelimit.hit", IP: at.Client.IP, RequestID: at.Client.RequestID, At: a.cfg.Now(),
			Metadata: map[string]any{"route": "login", "limit": d.Rate.String(), "key": l.kind, "email": at.Email},
		})
		if err != nil {
			return err
		}
	}
	return d.Err()
}

// RememberDevice gives the browser, whose user has just proved themselves with a
// password, a cookie to be known by. It is no credential: all that it opens is
// a bucket of attempts of its own. It ends with the user's epoch, since whoever
// knew an old password could have collected any number.
func (a *Authenticator) RememberDevice(w http.ResponseWriter, u store.User) {
	body := strconv.FormatInt(a.cfg.Now().Unix(), 10) + "." + randomText()
	mac, _ := a.cfg.Keys.Hash(deviceText(u, body))
	http.SetCookie(w, &http.Cookie{
		Name: a.deviceCookie(u), Value: body + "." + mac, Path: "/", MaxAge: int(deviceLife.Seconds()),
		HttpOnly: true, Secure: a.cfg.URLs.secure(), SameSite: http.SameSiteLaxMode,
	})
}

// knownDevice returns the name of the device among the devices of the user, ""
// when no cookie shows that it is one.
func (a *Authenticator) knownDevice(cookies []*http.Cookie, u store.User) string {
	name := a.deviceCookie(u)
	i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return c.Name == name })
	if i < 0 {
		return ""
	}
	value := cookies[i].Value
	dot := strings.LastIndexByte(value, '.')
	if dot < 0 {
		return ""
	}
	body, mac := value[:dot], value[dot+1:]
	genuine := slices.ContainsFunc(a.cfg.Keys.Hashes(deviceText(u, body)), func(hash string) bool {
		return subtle.ConstantTimeCompare([]byte(hash), []byte(mac)) == 1
	})
	if !genuine {
		return ""
	}
	issued, _, _ := strings.Cut(body, ".")
	seconds, err := strconv.ParseInt(issued, 10, 64)
	if err != nil || !a.cfg.Now().Before(time.Unix(seconds, 0).Add(deviceLife)) {
		return ""
	}
	return string(u.ID) + "\n" + body
}

// deviceText is what the cookie of a device vouches for. It begins as no other
// text that is hashed with SECRET_KEY does.
func deviceText(u store.User, body string) string {
	return strings.Join([]string{"known device", string(u.Tenant), string(u.ID), strconv.FormatInt(u.Epoch, 10), body}, "\n")
}

// deviceCookie tells the accounts of one browser apart.
func (a *Authenticator) deviceCookie(u store.User) string {
	name := "mgw_device_" + hashToken("device of " + string(u.ID))[:16]
	if a.cfg.URLs.secure() {
		return "__Host-" + name
	}
	return name
}
