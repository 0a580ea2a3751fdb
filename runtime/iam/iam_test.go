package iam

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var lambda = map[string]string{
	"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "AWS_SESSION_TOKEN": "session",
}

func env(of map[string]string) func(string) string {
	return func(name string) string { return of[name] }
}

// signature computes AWS's signature version 4 of a presigned GET by hand, as its documentation describes it: what the
// SDK signs is held to it.
func signature(t *testing.T, address *url.URL, service, secret string) string {
	t.Helper()
	query := address.Query()
	query.Del("X-Amz-Signature")
	date := query.Get("X-Amz-Date")
	sum := func(text string) string { s := sha256.Sum256([]byte(text)); return hex.EncodeToString(s[:]) }
	canonical := strings.Join([]string{"GET", "/", strings.ReplaceAll(query.Encode(), "+", "%20"), "host:" + address.Host + "\n", "host", sum("")}, "\n")
	scope := strings.Join([]string{date[:8], "eu-west-1", service, "aws4_request"}, "/")
	key := []byte("AWS4" + secret)
	for _, part := range append(strings.Split(scope, "/"), strings.Join([]string{"AWS4-HMAC-SHA256", date, scope, sum(canonical)}, "\n")) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// A token names cache, kind and user, ends after a quarter of an hour, and is signed with the process's credentials.
func TestCacheToken(t *testing.T) {
	config, err := Config("", env(lambda))
	require.NoError(t, err)
	for _, c := range []Cache{{"Fleet-1", true}, {"fleet-2", false}} {
		token, err := CacheToken(t.Context(), config, c, "agent")
		require.NoError(t, err)
		require.NotContains(t, token, "http://")
		address, err := url.Parse("http://" + token)
		require.NoError(t, err)
		require.Equal(t, strings.ToLower(c.Name), address.Host)
		query := address.Query()
		require.Equal(t, "connect", query.Get("Action"))
		require.Equal(t, "agent", query.Get("User"))
		require.Equal(t, "900", query.Get("X-Amz-Expires"))
		require.Equal(t, "session", query.Get("X-Amz-Security-Token"))
		require.Equal(t, c.Serverless, query.Get("ResourceType") == "ServerlessCache")
		require.Equal(t, signature(t, address, "elasticache", "wJalrXUtnFEMI"), query.Get("X-Amz-Signature"))
	}
}

// A token for the database names its endpoint and user, and is signed likewise.
func TestDatabaseToken(t *testing.T) {
	config, err := Config("", env(lambda))
	require.NoError(t, err)
	token, err := DatabaseToken(t.Context(), config, "proxy:5432", "fleet")
	require.NoError(t, err)
	address, err := url.Parse("https://" + token)
	require.NoError(t, err)
	require.Equal(t, "proxy:5432", address.Host)
	require.Equal(t, "fleet", address.Query().Get("DBUser"))
	address.Path = "/"
	require.Equal(t, signature(t, address, "rds-db", "wJalrXUtnFEMI"), address.Query().Get("X-Amz-Signature"))
	_, err = DatabaseToken(t.Context(), config, "proxy", "fleet")
	require.ErrorContains(t, err, "sign in to proxy")
}

// A task's credentials come from the ECS agent, and are asked for again before they end.
func TestTaskCredentials(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		require.Equal(t, "/v2/credentials/1", r.URL.Path)
		ends := time.Now().Add(early - time.Second).UTC().Format(time.RFC3339)
		_, _ = w.Write([]byte(`{"AccessKeyId":"AKID","SecretAccessKey":"secret","Token":"token","Expiration":"` + ends + `"}`))
	}))
	defer server.Close()
	config, err := Config("eu-west-1", env(map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL + "/v2/credentials/1"}))
	require.NoError(t, err)
	require.Zero(t, asked, "nothing is asked before it is needed")
	for range 2 {
		_, err = CacheToken(t.Context(), config, Cache{Name: "fleet"}, "agent")
		require.NoError(t, err)
	}
	require.Equal(t, 2, asked, "what is about to end is fetched anew")
	server.Close()
	_, err = CacheToken(t.Context(), config, Cache{Name: "fleet"}, "agent")
	require.ErrorContains(t, err, "get credentials")

	relative, err := provider(env(map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1"}))
	require.NoError(t, err)
	require.NotNil(t, relative)
}

// What is missing is named.
func TestConfigRefuses(t *testing.T) {
	_, err := Config("", env(nil))
	require.ErrorContains(t, err, "region: ")
	_, err = Config("eu-west-1", env(nil))
	require.ErrorContains(t, err, "a task needs a task role")
	config, err := Config("eu-west-1", env(map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}))
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:5000", *config.BaseEndpoint)
}
