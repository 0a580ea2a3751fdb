package kms

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// longestPlain is the most that KMS encrypts directly, in bytes.
const longestPlain = 4096

// AWS encrypts under a key of AWS KMS.
type AWS struct {
	client *kms.Client
	key    string
	naming string
}

var _ session.Cipher = (*AWS)(nil)

// NewAWS uses the key of that ARN or id in the configured account and region. naming is the name in the encryption
// context whose value is the user; the key's policy asks for it.
func NewAWS(config aws.Config, key, naming string) *AWS {
	return &AWS{client: kms.NewFromConfig(config), key: key, naming: naming}
}

// Encrypt: see [session.Cipher].
func (a *AWS) Encrypt(ctx context.Context, user fleet.User, credentials []byte) ([]byte, error) {
	if len(credentials) == 0 || len(credentials) > longestPlain {
		return nil, fmt.Errorf("credentials: have %d bytes; allowed: 1 to %d", len(credentials), longestPlain)
	}
	answer, err := a.client.Encrypt(ctx, &kms.EncryptInput{KeyId: &a.key, Plaintext: credentials, EncryptionContext: a.context(user)})
	if err != nil {
		return nil, fmt.Errorf("encrypt under KMS: %w", err)
	}
	return answer.CiphertextBlob, nil
}

// Decrypt: see [session.Cipher]. Naming the key keeps a ciphertext of another key from being opened.
func (a *AWS) Decrypt(ctx context.Context, user fleet.User, ciphertext []byte) ([]byte, error) {
	answer, err := a.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &a.key, CiphertextBlob: ciphertext, EncryptionContext: a.context(user)})
	if err != nil {
		return nil, fmt.Errorf("decrypt under KMS: %w", err)
	}
	return answer.Plaintext, nil
}

func (a *AWS) context(user fleet.User) map[string]string {
	return map[string]string{a.naming: string(user)}
}
