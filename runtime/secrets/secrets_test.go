package secrets_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/secrets"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// A sign-in replaces what the secret held, in the words that RDS Proxy reads, as an implementation of Secrets Manager
// that nobody here wrote understands it.
func TestPut(t *testing.T) {
	running, err := server.Moto(t.Context(), partstest.Need(t, parts.Moto))
	require.NoError(t, err)
	t.Cleanup(running.Stop)
	config := aws.Config{
		Region: "ap-southeast-1", BaseEndpoint: &running.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	client := secretsmanager.NewFromConfig(config)
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("role")})
	require.NoError(t, err)
	empty, err := secrets.Get(t.Context(), config, *made.ARN)
	require.NoError(t, err)
	require.Equal(t, secrets.SignIn{}, empty, "a secret that holds nothing yet")
	for _, password := range []string{"first", `"second"`} {
		require.NoError(t, secrets.Put(t.Context(), config, *made.ARN, secrets.SignIn{User: "fleet", Password: password}))
		kept, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: made.ARN})
		require.NoError(t, err)
		want := map[string]string{"first": `{"username":"fleet","password":"first"}`, `"second"`: `{"username":"fleet","password":"\"second\""}`}
		require.JSONEq(t, want[password], *kept.SecretString)
		held, err := secrets.Get(t.Context(), config, *made.ARN)
		require.NoError(t, err)
		require.Equal(t, secrets.SignIn{User: "fleet", Password: password}, held)
	}
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: made.ARN, SecretString: aws.String("hunter2")})
	require.NoError(t, err)
	_, err = secrets.Get(t.Context(), config, *made.ARN)
	require.ErrorContains(t, err, "does not hold a sign-in")
	require.NotContains(t, err.Error(), "hunter2")
	err = secrets.Put(t.Context(), config, "nothing", secrets.SignIn{User: "fleet", Password: "hunter2"})
	require.ErrorContains(t, err, "put the secret")
	require.NotContains(t, err.Error(), "hunter2")
}
