package iam

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
)

// Where ECS and Lambda put what a process needs to call AWS. The SDK's own search also looks through files, single
// sign-on and instance metadata; a process here has one of these two or nothing, and does not link the rest.
const (
	envContainer    = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	envContainerURL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	envAccessKey    = "AWS_ACCESS_KEY_ID"
	envSecretKey    = "AWS_SECRET_ACCESS_KEY"
	envSessionToken = "AWS_SESSION_TOKEN"
	envRegion       = "AWS_REGION"
	envEndpoint     = "AWS_ENDPOINT_URL"
)

// metadata is where the ECS agent answers for the tasks of a host.
const metadata = "http://169.254.170.2"

// early is how long before its end a credential is renewed, so that no request is signed with one that ends under way.
const early = 5 * time.Minute

// Config is how this process calls AWS: region "" means the one that its environment names. An endpoint in
// AWS_ENDPOINT_URL stands for all of AWS. Credentials are fetched when they are first needed.
func Config(region string, getenv func(string) string) (aws.Config, error) {
	if region == "" {
		region = getenv(envRegion)
	}
	if region == "" {
		return aws.Config{}, errors.New("region: is stated neither in FLEET_REGION nor in " + envRegion)
	}
	provider, err := provider(getenv)
	if err != nil {
		return aws.Config{}, err
	}
	config := aws.Config{
		Region:      region,
		Credentials: aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = early }),
		HTTPClient:  &http.Client{Timeout: callTimeout},
		RetryMode:   aws.RetryModeAdaptive,
	}
	if endpoint := getenv(envEndpoint); endpoint != "" {
		config.BaseEndpoint = &endpoint
	}
	return config, nil
}

// callTimeout bounds one try of a call: none of those made here takes a second.
const callTimeout = 10 * time.Second

func provider(getenv func(string) string) (aws.CredentialsProvider, error) {
	container := getenv(envContainerURL)
	if path := getenv(envContainer); path != "" {
		container = metadata + path
	}
	switch key, secret := getenv(envAccessKey), getenv(envSecretKey); {
	case key != "" && secret != "":
		return credentials.NewStaticCredentialsProvider(key, secret, getenv(envSessionToken)), nil
	case container != "":
		return endpointcreds.New(container), nil
	default:
		return nil, fmt.Errorf("credentials: neither %s nor %s is there; a task needs a task role", envContainer, envAccessKey)
	}
}

// retrieve gets the credentials that sign tokens.
func retrieve(ctx context.Context, config aws.Config) (aws.Credentials, error) {
	c, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return c, fmt.Errorf("get credentials: %w", err)
	}
	return c, nil
}
