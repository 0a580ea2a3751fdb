package iam

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
)

// Cache is what a token for Valkey signs in to.
type Cache struct {
	// Name is the serverless cache's, or the replication group's id.
	Name       string
	Serverless bool
}

// tokenSeconds is how long a token for Valkey is good at most
// (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html).
const tokenSeconds = "900"

// CacheToken is the password of a user of the cache: a presigned request without its scheme. AWS asks for lower-case
// names.
func CacheToken(ctx context.Context, config aws.Config, c Cache, user string) (string, error) {
	keys, err := retrieve(ctx, config)
	if err != nil {
		return "", err
	}
	query := url.Values{"Action": {"connect"}, "User": {user}, "X-Amz-Expires": {tokenSeconds}}
	if c.Serverless {
		query.Set("ResourceType", "ServerlessCache")
	}
	address := url.URL{Scheme: "http", Host: strings.ToLower(c.Name), Path: "/", RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return "", fmt.Errorf("sign in to %s: %w", c.Name, err)
	}
	nothing := sha256.Sum256(nil)
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, keys, request, hex.EncodeToString(nothing[:]), "elasticache", config.Region, time.Now())
	if err != nil {
		return "", fmt.Errorf("sign in to %s: %w", c.Name, err)
	}
	return strings.TrimPrefix(signed, "http://"), nil
}

// DatabaseToken is the password of a user of the database or the proxy at HOST:PORT.
func DatabaseToken(ctx context.Context, config aws.Config, endpoint, user string) (string, error) {
	token, err := auth.BuildAuthToken(ctx, endpoint, config.Region, user, config.Credentials)
	if err != nil {
		return "", fmt.Errorf("sign in to %s: %w", endpoint, err)
	}
	return token, nil
}
