// Package secrets keeps passwords in AWS Secrets Manager, in the form in which RDS Proxy reads them.
package secrets

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// SignIn is a user of the database and its password.
type SignIn struct {
	User     string `json:"username"`
	Password string `json:"password"`
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
