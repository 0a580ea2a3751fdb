// Package secrets keeps passwords in AWS Secrets Manager, in the form in which RDS Proxy reads them.
package secrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// SignIn is a user of the database and its password.
type SignIn struct {
	User     string `json:"username"`
	Password string `json:"password"`
}

// Get reads the sign-in that a secret holds; empty while it holds none.
func Get(ctx context.Context, config aws.Config, secret string) (s SignIn, err error) {
	held, err := secretsmanager.NewFromConfig(config).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secret})
	var none *types.ResourceNotFoundException // a secret without a value answers as if there were none
	switch {
	case errors.As(err, &none):
		return SignIn{}, nil
	case err != nil:
		return SignIn{}, fmt.Errorf("get the secret: %w", err)
	}
	if err := json.Unmarshal([]byte(aws.ToString(held.SecretString)), &s); err != nil {
		return SignIn{}, errors.New("get the secret: it does not hold a sign-in {username, password}")
	}
	return s, nil
}

// Put replaces the sign-in that a secret holds
// (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-secrets-arns.html).
func Put(ctx context.Context, config aws.Config, secret string, s SignIn) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write the secret: %w", err)
	}
	_, err = secretsmanager.NewFromConfig(config).PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &secret, SecretString: aws.String(string(text)),
	})
	if err != nil {
		return fmt.Errorf("put the secret: %w", err)
	}
	return nil
}
