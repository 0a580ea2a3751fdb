package ecs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/ecs"
	"workerfleet/runtime/ecs/emulator"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/pool"
)

// The calls are understood by an implementation of ECS that nobody here wrote, and its answers by the adapter. It goes
// no further: moto 5.2 writes a container's CPU as a number, which readable mends; it ignores client tokens, capacity providers and placement, leaves out why a task did not fit and
// when one was made, answers an unknown task with a failure of its own, and answers lists in one page. These are tested
// on package emulator.
func TestMoto(t *testing.T) {
	running, err := server.Moto(t.Context(), partstest.Need(t, parts.Moto))
	require.NoError(t, err)
	t.Cleanup(running.Stop)
	host := motoCluster(t, running.URL)
	p := provider(t, readable(t, running.URL), func(c *ecs.Config) { c.TaskDefinition = "worker:1" })

	first, err := p.Launch(t.Context(), pool.Batch{Key: "first", Count: 3})
	require.NoError(t, err)
	require.Len(t, first, 3)
	second, err := p.Launch(t.Context(), pool.Batch{Key: "second", Count: 2, Image: 2})
	require.NoError(t, err)
	require.Len(t, second, 2)
	require.NoError(t, p.Stop(t.Context(), first[0]))
	tasks, err := p.List(t.Context())
	require.NoError(t, err)
	for i := range tasks {
		tasks[i].Launched = pool.Task{}.Launched
	}
	require.ElementsMatch(t, []pool.Task{
		{Worker: first[1], Host: host, Image: 1, Key: "first"}, {Worker: first[2], Host: host, Image: 1, Key: "first"},
		{Worker: second[0], Host: host, Image: 2, Key: "second"}, {Worker: second[1], Host: host, Image: 2, Key: "second"},
	}, tasks)

	// The host's 4,096 CPU units hold 16 workers of 256, and four are there.
	for i := range 2 {
		workers, err := p.Launch(t.Context(), pool.Batch{Key: fmt.Sprint("more", i), Count: 10})
		if i == 0 {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, pool.ErrNoCapacity)
		require.Len(t, workers, 2, "what fits was started")
	}
	_, err = p.Launch(t.Context(), pool.Batch{Key: "unknown", Count: 1, Image: 9})
	require.ErrorContains(t, err, "ClientException")
	require.False(t, isA(err, pool.ErrNoCapacity) || isA(err, pool.ErrThrottled), err)
}

// motoCluster makes a cluster of one host and two revisions of the worker. Tasks there would end after a few looks.
func motoCluster(t *testing.T, url string) fleet.Host {
	t.Helper()
	motoCall(t, url+"/moto-api/state-manager/set-transition", "moto", `{"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1000}}`)
	client := awsecs.NewFromConfig(config(url))
	_, err := client.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("fleet")})
	require.NoError(t, err)
	for range 2 {
		_, err = client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
			Family:               aws.String("worker"),
			ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("worker"), Image: aws.String("worker"), Cpu: 256, Memory: aws.Int32(64)}},
		})
		require.NoError(t, err)
	}
	registered, err := client.RegisterContainerInstance(t.Context(), &awsecs.RegisterContainerInstanceInput{
		Cluster: aws.String("fleet"), InstanceIdentityDocument: aws.String(`{"instanceId": "` + motoInstance(t, url) + `"}`),
	})
	require.NoError(t, err)
	return fleet.Host(*registered.ContainerInstance.ContainerInstanceArn)
}

// readable stands before moto and writes what is a text in AWS's model as one: the SDK refuses a whole answer otherwise.
func readable(t *testing.T, url string) string {
	t.Helper()
	target, err := neturl.Parse(url)
	require.NoError(t, err)
	numbers := regexp.MustCompile(`"(cpu|memory)": ?(\d+)`)
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			answer, err := io.ReadAll(r.Body)
			if err := errors.Join(err, r.Body.Close()); err != nil {
				return err
			}
			answer = numbers.ReplaceAll(answer, []byte(`"$1": "$2"`))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
			r.Header.Set("Content-Length", fmt.Sprint(len(answer)))
			return nil
		},
	})
	t.Cleanup(front.Close)
	return front.URL
}

// motoInstance starts an instance of EC2, which a host of ECS must be: one call in EC2's own protocol saves its SDK.
func motoInstance(t *testing.T, url string) string {
	t.Helper()
	answer := motoCall(t, url, "ec2", "Action=RunInstances&Version=2016-11-15&ImageId=ami-12c6146b&MinCount=1&MaxCount=1")
	found := regexp.MustCompile(`<instanceId>(i-[0-9a-f]+)</instanceId>`).FindStringSubmatch(answer)
	require.NotNil(t, found, answer)
	return found[1]
}

// motoCall posts a body. Which service is meant moto reads from the signature, which it does not check.
func motoCall(t *testing.T, url, service, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+emulator.Region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, errors.Join(err, response.Body.Close()))
	require.Equal(t, http.StatusOK, response.StatusCode/100*100, string(answer))
	return string(answer)
}
