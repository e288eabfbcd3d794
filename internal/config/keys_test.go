package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	goodKey  = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	otherKey = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
)

func TestLoopbackGeneratesKeysOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	c := mustLoad(t, "DATA_DIR="+dir)
	first, err := EnsureKeys(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Secret) != 64 || first.Secret == first.Encryption {
		t.Error("the generated keys are not two different 32 byte keys")
	}
	if first.Registration != "" || first.RegistrationIsNew {
		t.Error("loopback made a registration token")
	}
	second, err := EnsureKeys(c)
	if err != nil || second.Secret != first.Secret || second.Encryption != first.Encryption {
		t.Errorf("the second start has other keys (%v)", err)
	}
	for _, name := range []string{"secret.key", "encryption.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSimultaneousStartsAgree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	const starts = 16
	keys, created := make([]Secret, starts), make([]bool, starts)
	var wg sync.WaitGroup
	for i := range starts {
		wg.Go(func() {
			var err error
			if keys[i], created[i], err = loadOrCreate(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	makers := 0
	for i := range starts {
		if keys[i] != keys[0] || keys[i] == "" {
			t.Fatal("two starts have different keys")
		}
		if created[i] {
			makers++
		}
	}
	if makers != 1 {
		t.Errorf("%d starts say that they made the key", makers)
	}
}

func TestPublicAddressNeedsKeys(t *testing.T) {
	dir := t.TempDir()
	// Keys that an earlier loopback start left are not picked up silently.
	mustWrite(t, filepath.Join(dir, "secret.key"), goodKey)
	_, err := EnsureKeys(mustLoad(t, "DATA_DIR="+dir, "BASE_URL=https://gw.example.com"))
	want := "SECRET_KEY must be set (make one with: openssl rand -hex 32)\nENCRYPTION_KEY must be set (make one with: openssl rand -hex 32)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRegistrationToken(t *testing.T) {
	base := []string{"BASE_URL=https://gw.example.com", "SECRET_KEY=" + goodKey, "ENCRYPTION_KEY=" + otherKey, "DATA_DIR=" + t.TempDir()}
	ensure := func(more ...string) Keys {
		t.Helper()
		k, err := EnsureKeys(mustLoad(t, append(more, base...)...))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if k := ensure("TENANT_REGISTRATION=open"); k.Registration != "" {
		t.Error("open registration made a token")
	}
	first, second := ensure(), ensure()
	if !first.RegistrationIsNew || second.RegistrationIsNew || first.Registration != second.Registration {
		t.Error("the token must be new once and stay the same")
	}
	if k := ensure("REGISTRATION_TOKEN=Zq8-kd93_mPx71vB"); k.Registration.Reveal() != "Zq8-kd93_mPx71vB" || k.RegistrationIsNew {
		t.Error("the operator's token is not used")
	}
	_, err := EnsureKeys(mustLoad(t, append(base, "REGISTRATION_TOKEN=letmein")...))
	if err == nil || !strings.HasPrefix(err.Error(), "REGISTRATION_TOKEN: must have at least 16") {
		t.Errorf("a short token: %v", err)
	}
}

func TestWeakKeysAreRefused(t *testing.T) {
	for key, want := range map[string]string{
		"change-me-in-production":                     "is a sample value",
		"CHANGE_THIS_in-production-0123456789abcdef":  "is a sample value",
		"your-secret-key-here-at-least-32-characters": "is a sample value",
		"short":                                        "must have at least 32 characters",
		goodKey[:31]:                                   "must have at least 32 characters",
		strings.Repeat("a", 64):                        "is too predictable",
		strings.Repeat("ab12", 16):                     "is too predictable",
		"0123456789abcdef0123456789abcdef":             "is too predictable",
		"abcdefghijklmnopqrstuvwxyz0123456789":         "is too predictable",
		"q7Zk2mX9" + strings.Repeat("q7Zk2mX9", 4):     "is too predictable",
		"00112233445566778899aabbccddeeff00112233aabb": "is too predictable",
		goodKey:                             "",
		goodKey[:32]:                        "",
		"vJ8dYc0s1mQm7cZkTq2yUeW4nB6hRfXa=": "",
		"corréct horse båttery stäple wind": "",
	} {
		if got := weakness(key, minKeyLength); got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}

func TestEnsureKeysRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want string
	}{
		"weak":          {[]string{"SECRET_KEY=change-me-in-production", "ENCRYPTION_KEY=" + goodKey}, "SECRET_KEY: is a sample value"},
		"equal":         {[]string{"SECRET_KEY=" + goodKey, "ENCRYPTION_KEY=" + goodKey}, "ENCRYPTION_KEY: must differ from SECRET_KEY"},
		"weak old":      {[]string{"SECRET_KEY=" + goodKey, "ENCRYPTION_KEY=" + otherKey, "SECRET_KEYS_OLD=secret"}, "SECRET_KEYS_OLD: must have"},
		"weak old seal": {[]string{"SECRET_KEY=" + goodKey, "ENCRYPTION_KEY=" + otherKey, "ENCRYPTION_KEYS_OLD=secret"}, "ENCRYPTION_KEYS_OLD: must have"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := EnsureKeys(mustLoad(t, append(tc.env, "DATA_DIR="+t.TempDir())...))
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestDamagedKeyFileStops(t *testing.T) {
	dir := t.TempDir()
	mustWrite(t, filepath.Join(dir, "secret.key"), " \n")
	_, err := EnsureKeys(mustLoad(t, "DATA_DIR="+dir))
	if err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("an emptied key file: %v", err)
	}
	blocked := filepath.Join(dir, "file")
	mustWrite(t, blocked, "")
	_, err = EnsureKeys(mustLoad(t, "DATA_DIR="+filepath.Join(blocked, "data")))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("DATA_DIR below a file: %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	c := mustLoad(t, "SECRET_KEY="+goodKey, "DATABASE_URL=postgresql://u:hunter2@db/g?password=hunter2", "REDIS_URL=redis://:hunter2@r:6379",
		"SECRET_KEYS_OLD=hunter2,hunter2", "ANTHROPIC_API_KEY=hunter2", "METRICS_TOKEN=hunter2", "POSTGRES_PASSWORD=hunter2")
	printed := fmt.Sprintf("%v %+v %#v %v", *c, *c, c.SecretKey, c.Effective())
	if strings.Contains(printed, "hunter2") || strings.Contains(printed, goodKey) {
		t.Errorf("a secret is printed: %s", printed)
	}
}
