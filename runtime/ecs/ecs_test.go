package ecs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/ecs"
	"workerfleet/runtime/ecs/emulator"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/pool/pooltest"
)

func config(url string) aws.Config {
	return aws.Config{
		Region: emulator.Region, BaseEndpoint: &url, RetryMode: aws.RetryModeAdaptive,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
}

func provider(t *testing.T, url string, change func(*ecs.Config)) *ecs.Provider {
	t.Helper()
	c := ecs.Config{Cluster: "fleet", TaskDefinition: "worker:7", CapacityProvider: "workers", Reads: 1000}
	if change != nil {
		change(&c)
	}
	p, err := ecs.New(config(url), c)
	require.NoError(t, err)
	return p
}

func bench(t *testing.T) (*emulator.Server, *ecs.Provider) {
	t.Helper()
	server := emulator.New(t)
	return server, provider(t, server.URL, nil)
}

// The adapter keeps the contract of every provider on an ECS that is written from AWS's documentation. AWS itself is not
// asked; moto is, as far as it goes, in moto_test.go.
func TestContract(t *testing.T) {
	pooltest.Run(t, func(t *testing.T) *pooltest.Bench {
		server, p := bench(t)
		server.Room(25)
		return &pooltest.Bench{
			Provider: p, Images: [2]int64{7, 8}, Patience: time.Second,
			Leave: func(_ pooltest.TB, n int) { server.Room(n) },
			Throttle: func(_ pooltest.TB, on bool) {
				code := ""
				if on {
					code = "ThrottlingException"
				}
				server.Refuse(code, "Rate exceeded")
			},
		}
	})
}

// A launch says everything that placement and repetition depend on.
func TestRequest(t *testing.T) {
	server, p := bench(t)
	_, err := p.Launch(t.Context(), pool.Batch{Key: "KEY1", Count: 2, Image: 9})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"cluster": "fleet", "taskDefinition": "worker:9", "count": 2.0, "clientToken": "KEY1", "startedBy": "KEY1",
		"capacityProviderStrategy": []any{map[string]any{"capacityProvider": "workers", "weight": 1.0}},
		"placementConstraints":     []any{map[string]any{"type": "memberOf", "expression": "attribute:fleet.closed not_exists"}},
		"placementStrategy": []any{
			map[string]any{"type": "spread", "field": "attribute:ecs.availability-zone"}, map[string]any{"type": "binpack", "field": "cpu"},
		},
	}, server.Calls("RunTask")[0].Input)

	arn := "arn:aws:ecs:eu-west-1:111122223333:task-definition/worker:7"
	p = provider(t, server.URL, func(c *ecs.Config) { c.TaskDefinition = arn })
	for image, want := range map[int64]string{0: arn, 12: "arn:aws:ecs:eu-west-1:111122223333:task-definition/worker:12"} {
		workers, err := p.Launch(t.Context(), pool.Batch{Key: fmt.Sprint("IMAGE", image), Count: 1, Image: image})
		require.NoError(t, err)
		calls := server.Calls("RunTask")
		require.Equal(t, want, calls[len(calls)-1].Input["taskDefinition"])
		require.NoError(t, p.Stop(t.Context(), workers[0]))
	}
	require.Equal(t, "retired by the pool", server.Calls("StopTask")[0].Input["reason"])
	tasks, err := p.List(t.Context())
	require.NoError(t, err)
	require.Len(t, tasks, 2, "a family is listed by its name, whatever form the task definition has")
}

// What AWS would refuse, or take in another meaning, is refused before a call is spent.
func TestRefusesBatches(t *testing.T) {
	server, p := bench(t)
	for want, b := range map[string]pool.Batch{
		"key: ": {Key: "a key", Count: 1}, "allowed: 1 to 64 letters": {Key: strings.Repeat("k", 65), Count: 1}, `key: ""`: {Count: 1},
		"image: is -1": {Key: "k", Count: 1, Image: -1}, "count: is 11": {Key: "k", Count: 11},
	} {
		_, err := p.Launch(t.Context(), b)
		require.ErrorContains(t, err, want)
	}
	require.Empty(t, server.Calls("RunTask"))
	for want, c := range map[string]ecs.Config{
		"cluster: ":           {TaskDefinition: "worker:7", CapacityProvider: "w"},
		"capacity provider: ": {Cluster: "fleet", TaskDefinition: "worker:7"},
		"task definition: ":   {Cluster: "fleet", TaskDefinition: "worker", CapacityProvider: "w"},
		`"worker:x" is not`:   {Cluster: "fleet", TaskDefinition: "worker:x", CapacityProvider: "w"},
	} {
		_, err := ecs.New(aws.Config{}, c)
		require.ErrorContains(t, err, want)
	}
}

// A refusal of the whole call is told apart by AWS's words, and costs one call: repetition is the caller's.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		code, message string
		want          error
	}{
		{"ThrottlingException", "Rate exceeded", pool.ErrThrottled},
		{"ThrottlingException", "", pool.ErrThrottled},
		{"ClientException", "Rate exceeded", pool.ErrThrottled},
		{"TooManyRequestsException", "Slow down.", pool.ErrThrottled},
		{"RequestLimitExceeded", "Later.", pool.ErrThrottled},
		{"InvalidParameterException", "Request limit exceeded.", pool.ErrThrottled},
		{"ClientException", "Too many concurrent attempts to run tasks. Please try again later.", pool.ErrThrottled},
		{"InvalidParameterException", "Error retrieving security group information: Request limit exceeded. (ErrorCode: RequestLimitExceeded)", pool.ErrThrottled},
		{"ClientException", "Tasks provisioning capacity limit exceeded.", pool.ErrNoCapacity},
		{"InvalidParameterException", "No Container Instances were found in your cluster.", pool.ErrNoCapacity},
		{"ClientException", "TaskDefinition not found.", pool.ErrRejected},
		{"AccessDeniedException", "User is not authorized to perform: ecs:RunTask", pool.ErrRejected},
		{"ServerException", "Service Unavailable", nil},
		{"InvalidParameterException", "Identifier is for other. Your cluster is fleet", pool.ErrRejected},
	} {
		server, p := bench(t)
		server.Refuse(c.code, c.message)
		workers, err := p.Launch(t.Context(), pool.Batch{Key: "k", Count: 3})
		require.ErrorContains(t, err, c.message)
		require.Empty(t, workers)
		for _, refusal := range []error{pool.ErrThrottled, pool.ErrNoCapacity, pool.ErrRejected} {
			require.Equal(t, c.want != nil && refusal.Error() == c.want.Error(), isA(err, refusal), "%s: %s", c.code, c.message)
		}
		require.Len(t, server.Calls("RunTask"), 1)
		require.ErrorContains(t, p.Stop(t.Context(), fleet.Worker(emulator.Prefix+"task/fleet/1")), c.message)
		require.Len(t, server.Calls("StopTask"), 1)
	}
}

// A task that is none needs no stop, whichever way AWS says so. Package emulator knows the first two by itself.
func TestGone(t *testing.T) {
	server, p := bench(t)
	for _, id := range []string{fmt.Sprintf("%032x", 1), "1"} {
		require.NoError(t, p.Stop(t.Context(), fleet.Worker(emulator.Prefix+"task/fleet/"+id)))
	}
	server.Refuse("InvalidParameterException", "Task Identifier is invalid")
	require.NoError(t, p.Stop(t.Context(), "w"))
	server.Refuse("ClusterNotFoundException", "Cluster was not found.")
	require.Error(t, p.Stop(t.Context(), "w"), "a cluster that is none is a wrong setting")
}

// What did not fit is judged by AWS's reasons, of which there may be one for each host; what was started is returned.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		reasons []string
		full    bool
	}{
		{[]string{"RESOURCE:CPU", "RESOURCE:CPU", "AGENT"}, true}, {[]string{"RESOURCE:MEMORY"}, true}, {[]string{"AGENT"}, true},
		{[]string{"Capacity is unavailable at this time."}, true}, {[]string{"ATTRIBUTE", "RESOURCE:CPU"}, true},
		{[]string{"ATTRIBUTE"}, false}, {[]string{"LOCATION"}, false},
	} {
		server, p := bench(t)
		server.Room(2, c.reasons...)
		workers, err := p.Launch(t.Context(), pool.Batch{Key: "k", Count: 5})
		require.Len(t, workers, 2)
		require.ErrorContains(t, err, "3 of the workers were not started: ")
		require.ErrorContains(t, err, c.reasons[0])
		require.Equal(t, c.full, isA(err, pool.ErrNoCapacity), c.reasons)
	}
	server, p := bench(t)
	server.Room(0, "RESOURCE:CPU", "RESOURCE:CPU", "AGENT")
	_, err := p.Launch(t.Context(), pool.Batch{Key: "k", Count: 5})
	require.ErrorContains(t, err, "AGENT ×1, RESOURCE:CPU ×2")
}

// An answer that was lost leaves the launch open, and is asked for once: the same key then gives the same workers. A
// deployment in between may have changed the request, which AWS calls a conflict and answers with the tasks.
func TestLostAnswer(t *testing.T) {
	server, p := bench(t)
	server.Lose(1)
	b := pool.Batch{Key: "lost", Count: 4, Image: 7}
	workers, err := p.Launch(t.Context(), b)
	require.Error(t, err)
	require.Empty(t, workers)
	require.False(t, isA(err, pool.ErrThrottled) || isA(err, pool.ErrNoCapacity), err)
	require.Len(t, server.Calls("RunTask"), 1, "the SDK repeated the call by itself")
	require.Equal(t, 4, server.Running())
	workers, err = p.Launch(t.Context(), b)
	require.NoError(t, err)
	require.Len(t, workers, 4)

	deployed := provider(t, server.URL, func(c *ecs.Config) { c.CapacityProvider = "others" })
	again, err := deployed.Launch(t.Context(), b)
	require.NoError(t, err)
	require.ElementsMatch(t, workers, again)
	require.Equal(t, 4, server.Running())
	_, err = p.Launch(t.Context(), pool.Batch{Key: "lost", Count: 3, Image: 7})
	require.ErrorContains(t, err, "ConflictException", "a key stands for one batch")
}

// Every call ends by its own limit, whatever its caller's context allows.
func TestLimits(t *testing.T) {
	server := emulator.New(t)
	server.Slow(time.Minute)
	p := provider(t, server.URL, func(c *ecs.Config) { c.Limit, c.ListLimit = 20*time.Millisecond, 30*time.Millisecond })
	_, err := p.Launch(t.Context(), pool.Batch{Key: "k", Count: 1})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, p.Stop(t.Context(), "w"), context.DeadlineExceeded)
	_, err = p.List(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, t.Context().Err())
}

// The stand-in's bucket refuses what the account would, as the pool tells it apart, and fills again.
func TestBucket(t *testing.T) {
	server := emulator.New(t)
	server.Bucket(2, 50)
	p := provider(t, server.URL, nil)
	launch := func(key string) error {
		_, err := p.Launch(t.Context(), pool.Batch{Key: key, Count: 1})
		return err
	}
	require.NoError(t, launch("a"))
	require.NoError(t, launch("b"))
	require.ErrorIs(t, launch("c"), pool.ErrThrottled)
	require.Equal(t, 1, server.Throttled())
	require.Eventually(t, func() bool { return launch("c") == nil }, time.Second, 10*time.Millisecond)
	require.Equal(t, 3, server.Running())
}
