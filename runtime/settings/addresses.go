package settings

import (
	"errors"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Nothing here wraps the errors of package url: they repeat the URL, and a URL may hold a password.

// errPasswordParameter keeps passwords in the one place that [redacted] blots out.
var errPasswordParameter = errors.New("has a parameter password; a password stands before the @")

// ValkeyAddress is where Valkey stands.
type ValkeyAddress struct {
	// URL is redis[s]://[user[:password]@]host[:port][/database], or unix:///path, as go-redis parses it.
	URL string
	// Cluster says that the server speaks the cluster protocol. In the variable it is the parameter cluster=1, which
	// go-redis refuses, so it is no part of URL.
	Cluster bool
}

func (a *ValkeyAddress) parse(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Fragment != "" || !(u.Scheme == "unix" && u.Host == "" && path.IsAbs(u.Path)) &&
		((u.Scheme != "redis" && u.Scheme != "rediss") || u.Hostname() == "") {
		return errors.New("is not a URL redis://HOST:PORT, rediss://USER@HOST:PORT or unix:///PATH")
	}
	if u.Query().Has("password") {
		return errPasswordParameter
	}
	parameters := strings.Split(u.RawQuery, "&")
	cluster := slices.Contains(parameters, "cluster=1")
	parameters = slices.DeleteFunc(parameters, func(p string) bool { return p == "cluster=1" || p == "cluster=0" || p == "" })
	if slices.ContainsFunc(parameters, func(p string) bool { return p == "cluster" || strings.HasPrefix(p, "cluster=") }) {
		return errors.New("has a parameter cluster that is neither 1 nor 0")
	}
	base, _, _ := strings.Cut(text, "?")
	a.URL, a.Cluster = base, cluster
	if len(parameters) > 0 {
		a.URL += "?" + strings.Join(parameters, "&")
	}
	return nil
}

func (a ValkeyAddress) text() string {
	switch {
	case !a.Cluster:
		return a.URL
	case strings.Contains(a.URL, "?"):
		return a.URL + "&cluster=1"
	default:
		return a.URL + "?cluster=1"
	}
}

// String is the address without its password.
func (a ValkeyAddress) String() string { return redacted(a.text()) }

func (a ValkeyAddress) signIn() (user string, password, tls bool) {
	u, err := url.Parse(a.URL)
	if err != nil {
		return "", false, false
	}
	secret, _ := u.User.Password()
	return u.User.Username(), secret != "", u.Scheme == "rediss"
}

// ValkeyCache is what an IAM token signs in to: the id of a replication group, or serverless:NAME.
type ValkeyCache string

// serverless marks the name of a serverless cache, whose tokens say what kind it is.
const serverless = "serverless:"

// ServerlessCache names a serverless cache as FLEET_VALKEY_CACHE does.
func ServerlessCache(name string) string { return serverless + name }

func (c *ValkeyCache) parse(text string) error {
	if name := strings.TrimPrefix(text, serverless); name == "" || strings.ContainsAny(name, ":/?&= ") {
		return errors.New("is not the id of a replication group or serverless:NAME")
	}
	*c = ValkeyCache(text)
	return nil
}

// Name is the cache's name, and whether it is a serverless one.
func (c ValkeyCache) Name() (name string, isServerless bool) {
	return strings.CutPrefix(string(c), serverless)
}

// DatabaseURL is postgres://[user[:password]@]host[:port]/database[?parameters], as pgx parses it.
type DatabaseURL string

func (d *DatabaseURL) parse(text string) error {
	if file, ok := strings.CutPrefix(text, sqliteFile); ok {
		*d = DatabaseURL(text)
		return absolute(file)
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Opaque != "" {
		return errors.New("is not a URL postgres://USER@HOST:PORT/DATABASE")
	}
	if u.Query().Has("password") {
		return errPasswordParameter
	}
	*d = DatabaseURL(text)
	return nil
}

// sqliteFile marks a file of this machine that stands in for PostgreSQL.
const sqliteFile = "sqlite:"

// File is the SQLite file that stands in for PostgreSQL on this machine; false where PostgreSQL is meant.
func (d DatabaseURL) File() (path string, ok bool) { return strings.CutPrefix(string(d), sqliteFile) }

// String is the URL without its password.
func (d DatabaseURL) String() string { return redacted(string(d)) }

// refuseIAM says why an IAM token cannot be sent to this address. Without sslmode pgx tries TLS and then goes on without
// it, which would send the token in the clear.
func (d DatabaseURL) refuseIAM(name string) []Problem {
	u, err := url.Parse(string(d))
	if err != nil {
		return nil // parse has said so
	}
	secret, _ := u.User.Password()
	if u.User.Username() == "" || secret != "" || u.Hostname() == "" {
		return []Problem{{name, "with " + EnvDatabaseAuth + "=iam must be postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full, without a password"}}
	}
	if mode := u.Query().Get("sslmode"); mode != "require" && mode != "verify-ca" && mode != "verify-full" {
		return []Problem{{name, "with " + EnvDatabaseAuth + "=iam needs the parameter sslmode; allowed: require, verify-ca, verify-full"}}
	}
	return nil
}

// WebURL is an absolute https URL. http is for this machine only, where tests stand in for AWS.
type WebURL string

func (w *WebURL) parse(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return errors.New("is not a URL https://HOST/…, without user and fragment")
	}
	local := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return errors.New("is not a URL https://HOST/… (http is allowed to this machine only)")
	}
	*w = WebURL(text)
	return nil
}

// Address is [host]:port to listen on; port 0 takes any free one.
type Address string

func (a *Address) parse(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return errors.New("is not an address HOST:PORT or :PORT")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("has no port from 0 to 65535")
	}
	*a = Address(text)
	return nil
}

// FilePath is the absolute path of a file.
type FilePath string

func (f *FilePath) parse(text string) error {
	*f = FilePath(text)
	return absolute(text)
}

func absolute(file string) error {
	if !path.IsAbs(file) || path.Clean(file) != file || file == "/" {
		return errors.New("is not an absolute path, with neither . nor .. in it")
	}
	return nil
}

// SocketPath is the absolute path of a unix socket.
type SocketPath string

// maxSocketPath is what fits into sockaddr_un's 108 bytes beside the closing zero (unix(7)).
const maxSocketPath = 107

func (s *SocketPath) parse(text string) error {
	if !path.IsAbs(text) || path.Clean(text) != text || text == "/" || len(text) > maxSocketPath {
		return errors.New("is not an absolute path, without . and .., of at most 107 bytes")
	}
	*s = SocketPath(text)
	return nil
}

func redacted(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "[not a URL]"
	}
	return u.Redacted()
}
