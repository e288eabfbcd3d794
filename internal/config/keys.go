package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files in DATA_DIR that hold what was generated (contract 11.1).
const (
	secretKeyFile     = "secret.key"
	encryptionKeyFile = "encryption.key"
	registrationFile  = "registration.token"
)

// Keys are the keys in force.
type Keys struct {
	Secret        Secret
	SecretOld     []Secret
	Encryption    Secret
	EncryptionOld []Secret

	// Registration is the token that POST /tenants/ asks for, empty when no
	// token is needed or registration is closed.
	Registration Secret
	// RegistrationIsNew tells the one start that generated the token to
	// print it.
	RegistrationIsNew bool
}

// EnsureKeys returns the keys in force. On loopback missing ones are generated
// into DATA_DIR; anywhere else they must be given, because a generated key that
// is lost with a container's disk takes every sealed secret with it. Weak keys
// are refused everywhere (contract 11.1, 15.2 A6).
func EnsureKeys(c *Config) (Keys, error) {
	k := Keys{Secret: c.SecretKey, SecretOld: c.SecretKeysOld, Encryption: c.EncryptionKey, EncryptionOld: c.EncryptionKeysOld}
	errs := []error{
		c.ensureKey("SECRET_KEY", secretKeyFile, &k.Secret),
		c.ensureKey("ENCRYPTION_KEY", encryptionKeyFile, &k.Encryption),
		checkOldKeys("SECRET_KEYS_OLD", k.SecretOld),
		checkOldKeys("ENCRYPTION_KEYS_OLD", k.EncryptionOld),
	}
	if k.Secret != "" && k.Secret == k.Encryption {
		errs = append(errs, errors.New("ENCRYPTION_KEY: must differ from SECRET_KEY"))
	}
	if err := errors.Join(errs...); err != nil {
		return Keys{}, err
	}
	// Last, so that a refused start makes no token that nobody is shown.
	if err := c.ensureRegistration(&k); err != nil {
		return Keys{}, err
	}
	return k, nil
}

// CheckKeys reports what [EnsureKeys] would refuse, creating nothing: it lets
// it generate into a folder that is thrown away.
func CheckKeys(c *Config) error {
	dir, err := os.MkdirTemp("", "mcp-gateway-check")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	elsewhere := *c
	elsewhere.DataDir = dir
	_, err = EnsureKeys(&elsewhere)
	return err
}

func (c *Config) ensureKey(name, file string, key *Secret) error {
	if *key == "" && !c.Base.Loopback {
		return fmt.Errorf("%s must be set (make one with: openssl rand -hex 32)", name)
	}
	if *key == "" {
		made, _, err := loadOrCreate(filepath.Join(c.DataDir, file))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*key = made
	}
	return checkKey(name, *key)
}

func checkKey(name string, key Secret) error {
	if why := weakness(key.Reveal(), minKeyLength); why != "" {
		return fmt.Errorf("%s: %s (make one with: openssl rand -hex 32)", name, why)
	}
	return nil
}

// checkOldKeys holds retired keys to the same rule: whoever knows one can
// still forge what it verifies.
func checkOldKeys(name string, keys []Secret) error {
	for _, key := range keys {
		if err := checkKey(name, key); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) ensureRegistration(k *Keys) (err error) {
	if !c.RegistrationNeedsToken() {
		return nil
	}
	if c.RegistrationToken != "" {
		k.Registration = c.RegistrationToken
		if why := weakness(k.Registration.Reveal(), minTokenLength); why != "" {
			return fmt.Errorf("REGISTRATION_TOKEN: %s (make one with: openssl rand -hex 32)", why)
		}
		return nil
	}
	k.Registration, k.RegistrationIsNew, err = loadOrCreate(filepath.Join(c.DataDir, registrationFile))
	if err != nil {
		return fmt.Errorf("REGISTRATION_TOKEN: %w", err)
	}
	return nil
}

// loadOrCreate returns the secret in the file, generating it when there is
// none. Of several processes that start together, one creates the file and
// all return its content.
func loadOrCreate(path string) (key Secret, created bool, err error) {
	key, err = readKey(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", false, err
	}
	err = createKey(path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", false, err
	}
	created = err == nil
	key, err = readKey(path)
	return key, created, err
}

func readKey(path string) (Secret, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(b))
	if key == "" {
		return "", fmt.Errorf("%s is empty; restore it from a backup, or remove it to generate a new one", path)
	}
	return Secret(key), nil
}

// createKey writes a new secret beside path and links it into place. The link
// fails with fs.ErrExist when another process was faster, and nobody ever
// sees half a file.
func createKey(path string) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	random := make([]byte, 32)
	if _, err = rand.Read(random); err != nil {
		return errors.Join(err, tmp.Close())
	}
	_, err = tmp.WriteString(hex.EncodeToString(random) + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err = os.Link(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the new name survive a power cut: losing an encryption key
// after the first secret was sealed with it would lose the secret.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
