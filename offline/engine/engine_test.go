package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// program is the built command: the engine starts it as its provider, as it does for a user.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "workerfleet-offline-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "offline")
	if output, err := exec.Command("go", "build", "-o", path, "workerfleet/offline").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the command: %w\n%s", err, output)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// bench is an engine with a home of its own, and what it printed.
type bench struct {
	Engine
	out, progress bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	root, err := FindRoot(dir)
	require.NoError(t, err)
	executable, err := program()
	require.NoError(t, err)
	b := &bench{Engine: Engine{Root: root, Home: t.TempDir(), Executable: executable}}
	b.Out, b.Progress = &b.out, &b.progress
	return b
}

// plan previews as JSON and reads it.
func (b *bench) plan(t *testing.T, name, from string) plan {
	t.Helper()
	b.out.Reset()
	require.NoError(t, b.Preview(t.Context(), name, from, true), "%s", &b.progress)
	var p plan
	require.NoError(t, json.Unmarshal(b.out.Bytes(), &p), "stdout holds more than JSON: %s", &b.out)
	return p
}

// checksums are those of the committed stack files.
func checksums(t *testing.T, root string) map[string][32]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "Pulumi*.yaml"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 8)
	sums := map[string][32]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		sums[file] = sha256.Sum256(text)
	}
	return sums
}

// definitionType is the one type of which a move makes another: every change of a task definition is a new revision.
const definitionType = "aws:ecs/taskDefinition:TaskDefinition"

// The real engine takes a stack through its whole life: it is applied, a preview then shows no change, a move to the
// next tier shows what changes and replaces nothing stateful, and a destroy leaves nothing. No committed file changes.
// The provider is simulated: that AWS would do the same is beyond this test.
func TestLifeOfAStack(t *testing.T) {
	b := newBench(t)
	before := checksums(t, b.Root)

	require.NoError(t, b.Up(t.Context(), "tier-100"), "%s", &b.progress)
	require.Contains(t, b.out.String(), "Resources by component")
	require.Contains(t, b.out.String(), nothingCreated)
	require.NotContains(t, b.progress.String(), "warning")
	require.FileExists(t, filepath.Join(b.Home, "state", ".pulumi", "stacks", "workerfleet", "tier-100.json"))

	again := b.plan(t, "tier-100", "")
	require.Empty(t, again.Diff, "a second run would change something")
	require.Greater(t, len(again.Resources), 50)

	// Moves up and down change everything that carries the tier's tag, in place. The second is of the stack that is
	// applied here: its own state is another matter and stays as it is.
	for to, from := range map[string]string{"tier-500": "tier-100", "100": "tier-500"} {
		move := b.plan(t, to, from)
		require.Greater(t, len(move.Diff), 50, "to %s", to)
		for _, step := range move.Diff {
			if step.Op == "replace" && strings.HasSuffix(step.URN[:strings.LastIndex(step.URN, "::")], definitionType) {
				continue // a new revision, beside which the old one stays
			}
			require.Equal(t, "update", step.Op, "%s because of %v", step.URN, step.Replaces)
		}
	}
	require.Empty(t, b.plan(t, "100", "").Diff, "the move touched the stack's own state")

	require.NoError(t, b.Destroy(t.Context(), "tier-100"), "%s", &b.progress)
	require.NoFileExists(t, filepath.Join(b.Home, "state", ".pulumi", "stacks", "workerfleet", "tier-100.json"))
	require.Equal(t, before, checksums(t, b.Root))
}

// Two first previews print the same, to the byte: names that the provider makes up depend on nothing but the plan.
func TestPreviewsAreTheSame(t *testing.T) {
	one, two := newBench(t), newBench(t)
	one.plan(t, "1k", "")
	two.plan(t, "tier-1k", "")
	require.Equal(t, one.out.String(), two.out.String())
}

// Two runs at once take turns, and neither breaks the other.
func TestTwoRunsAtOnce(t *testing.T) {
	one, two := newBench(t), newBench(t)
	two.Home = one.Home
	ended := make(chan error, 2)
	for _, b := range []*bench{one, two} {
		go func() { ended <- b.Up(t.Context(), "tier-500") }()
	}
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	require.Contains(t, one.progress.String()+two.progress.String(), "another run works on this state; waiting for it")
	require.Empty(t, one.plan(t, "tier-500", "").Diff)
}

// A protected stack is refused as a whole and stays as it was.
func TestDestroyRefusesProtected(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Up(t.Context(), "tier-1k"), "%s", &b.progress)
	require.ErrorContains(t, b.Destroy(t.Context(), "tier-1k"), "protected resources: set protection to relaxed")
	require.Empty(t, b.plan(t, "tier-1k", "").Diff)
}

// badQueue is a program with one mistake that mocks and compilers accept.
func badQueue(ctx *pulumi.Context) error {
	account, err := aws.NewProvider(ctx, "workerfleet", &aws.ProviderArgs{Region: pulumi.String("ap-southeast-1")})
	if err != nil {
		return err
	}
	_, err = sqs.NewQueue(ctx, "orders", &sqs.QueueArgs{VisibilityTimeoutSeconds: pulumi.Int(50_000)}, pulumi.Provider(account))
	return err
}

const refusal = "InvalidParameterValue: Value 50000 for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200, if provided. (rule aws-4)"

// What AWS would refuse is refused before the engine starts, with the resource, the property, AWS's words and the
// rule's number; and the engine's provider refuses it too, should it come that far.
func TestRulesRefuseAStack(t *testing.T) {
	b := newBench(t)
	b.Program = badQueue
	err := b.Up(t.Context(), "tier-100")
	require.ErrorIs(t, err, ErrRefused)
	require.ErrorContains(t, err, `aws:sqs/queue:Queue "orders", property visibilityTimeoutSeconds: AWS would say: `+refusal)
	require.NoDirExists(t, filepath.Join(b.Home, "state"), "the engine was started")

	file, err := b.Read("tier-100")
	require.NoError(t, err)
	_, err = b.apply(t.Context(), file.Name, file)
	require.ErrorContains(t, err, refusal)
}

// Bad input ends with one clear report: an unknown stack, and every problem of a stack file at once.
func TestBadInput(t *testing.T) {
	b := newBench(t)
	require.ErrorContains(t, b.Up(t.Context(), "tier-7"), `STACK: there is no stack "tier-7"; allowed: tier-100, tier-100k`)

	root := t.TempDir()
	text, err := os.ReadFile(filepath.Join(b.Root, "Pulumi.tier-100.yaml"))
	require.NoError(t, err)
	broken := strings.Replace(string(text), "users: 100\n", "users: 100\n    usres: 3\n    broker: tarot\n", 1)
	require.NoError(t, os.WriteFile(filepath.Join(root, "Pulumi.broken.yaml"), []byte(broken), 0o644))
	b.Root = root
	err = b.Preview(t.Context(), "broken", "", false)
	require.ErrorIs(t, err, ErrRefused)
	require.ErrorContains(t, err, "usres")
	require.ErrorContains(t, err, "broker")
	noRegion := strings.Replace(string(text), "aws:region: ap-southeast-1", "aws:profile: mine", 1)
	require.NoError(t, os.WriteFile(filepath.Join(root, "Pulumi.broken.yaml"), []byte(noRegion), 0o644))
	err = b.Preview(t.Context(), "broken", "", false)
	require.ErrorIs(t, err, ErrRefused)
	require.ErrorContains(t, err, "aws:region")
	_, err = FindRoot(t.TempDir())
	require.ErrorContains(t, err, "no Pulumi.yaml")
}
