package sqs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fifo"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/queue/queuetest"
	"workerfleet/runtime/sqs"
)

func config() aws.Config {
	return aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMode: aws.RetryModeAdaptive}
}

const visibility, receives = 2 * time.Second, 3

// bench is the adapter on the queue at a URL.
func bench(t *testing.T, url string) queuetest.Bench {
	t.Helper()
	sender, err := sqs.NewSender(config(), map[queue.Name]string{queue.WorkerControl: url})
	require.NoError(t, err)
	source, err := sqs.NewSource(config(), url)
	require.NoError(t, err)
	dead, err := source.Dead(t.Context())
	require.NoError(t, err)
	return queuetest.Bench{
		Name: queue.WorkerControl, Sender: sender, Queue: source, Dead: dead, Visibility: visibility, Receives: receives, Redrive: source.Redrive,
	}
}

// serve runs package fifo's server with one pair of queues, and returns the first one's URL.
func serve(t *testing.T) string {
	t.Helper()
	var queues http.Handler
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { queues.ServeHTTP(w, r) }))
	t.Cleanup(listener.Close)
	s, err := fifo.New(listener.URL, fifo.Config{Name: "dead.fifo"}, fifo.Config{Name: "work.fifo", Visibility: visibility, Dead: "dead.fifo", MaxReceives: receives})
	require.NoError(t, err)
	queues = s
	return s.URL("work.fifo")
}

// The platform's own queues keep every law, seen through AWS's own client.
func TestFIFO(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Bench { return bench(t, serve(t)) }, nil)
}

// motoQueue makes a pair of queues as components/queues does.
func motoQueue(t *testing.T, base string, n int64) string {
	t.Helper()
	admin := awssqs.NewFromConfig(config(), func(o *awssqs.Options) { o.BaseEndpoint = &base })
	create := func(name string, more map[string]string) (url, arn string) {
		attributes := map[string]string{"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
		for k, v := range more {
			attributes[k] = v
		}
		made, err := admin.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String(fmt.Sprintf("%s-%d.fifo", name, n)), Attributes: attributes})
		require.NoError(t, err)
		got, err := admin.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: made.QueueUrl, AttributeNames: []types.QueueAttributeName{"QueueArn"}})
		require.NoError(t, err)
		return *made.QueueUrl, got.Attributes["QueueArn"]
	}
	_, dead := create("dead", nil)
	url, _ := create("work", map[string]string{
		"VisibilityTimeout": fmt.Sprint(visibility.Seconds()), "RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, dead, receives),
	})
	return url
}

// The adapter's calls are understood by an implementation of SQS that nobody here wrote, and its answers by the adapter.
// Where moto 5.2 is no SQS the law is left out here; package fifo's server is held to it above.
func TestMoto(t *testing.T) {
	running, err := server.Moto(t.Context(), partstest.Need(t, parts.Moto))
	require.NoError(t, err)
	t.Cleanup(running.Stop)
	var n atomic.Int64
	queuetest.Run(t, func(t *testing.T) queuetest.Bench { return bench(t, motoQueue(t, running.URL, n.Add(1))) }, map[string]string{
		"the old receipt of what came again is dead":            "moto settles a message by any of its receipts",
		"a repetition comes once, though the first was deleted": "moto forgets a deduplication id with its message",
		"the dead come back in order when they are redriven":    "moto has no StartMessageMoveTask",
	})
}

// faulty stands before a queue and fails entries of its batches.
type faulty struct {
	*testing.T
	url string
	// fails says for an entry, by what its body holds, whether it fails and whose fault that is; so often for each.
	fails func(body string) (fail, sender bool)
	calls atomic.Int64
	most  atomic.Int64 // entries of one group in one call
}

func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Target") != "AmazonSQS.SendMessageBatch" {
		return http.DefaultTransport.RoundTrip(r)
	}
	f.calls.Add(1)
	text, err := io.ReadAll(r.Body)
	require.NoError(f, err)
	var in struct {
		QueueUrl string
		Entries  []map[string]any
	}
	require.NoError(f, json.Unmarshal(text, &in))
	groups := map[any]int64{}
	var kept []map[string]any
	var failed []string
	for _, e := range in.Entries {
		groups[e["MessageGroupId"]]++
		f.most.Store(max(f.most.Load(), groups[e["MessageGroupId"]]))
		if fail, sender := f.fails(e["MessageBody"].(string)); fail {
			failed = append(failed, fmt.Sprintf(`{"Id":%q,"Code":"InternalError","Message":"refused","SenderFault":%v}`, e["Id"], sender))
			continue
		}
		kept = append(kept, e)
	}
	answer := []byte(`{"Successful":[],"Failed":[]}`)
	if len(kept) > 0 {
		in.Entries = kept
		text, err = json.Marshal(in)
		require.NoError(f, err)
		passed, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(text))
		require.NoError(f, err)
		passed.Header = r.Header
		got, err := http.DefaultTransport.RoundTrip(passed)
		require.NoError(f, err)
		answer, err = io.ReadAll(got.Body)
		require.NoError(f, err)
		require.NoError(f, got.Body.Close())
	}
	answer = bytes.Replace(answer, []byte(`"Failed":[]`), []byte(`"Failed":[`+strings.Join(failed, ",")+`]`), 1)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(bytes.NewReader(answer)), Request: r}, nil
}

func task(user fleet.User, epoch int) queue.Task {
	return queue.Task{Type: queue.Stop, ID: fmt.Sprint(epoch), User: user, Epoch: fleet.Epoch(epoch), At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}

// sendThrough sends tasks of three users through the fault, and returns what arrived by user, in order.
func sendThrough(t *testing.T, f *faulty) (arrived map[string][]int, err error) {
	t.Helper()
	f.T, f.url = t, serve(t)
	c := config()
	c.HTTPClient = &http.Client{Transport: f}
	sender, made := sqs.NewSender(c, map[queue.Name]string{queue.WorkerControl: f.url})
	require.NoError(t, made)
	var tasks []queue.Task
	for epoch := 1; epoch <= 4; epoch++ {
		for _, user := range []fleet.User{"ann", "bob", "cat"} {
			tasks = append(tasks, task(user, epoch))
		}
	}
	err = sender.Send(t.Context(), queue.WorkerControl, tasks...)
	source := bench(t, f.url).Queue
	arrived = map[string][]int{}
	for {
		batch, err := source.Receive(t.Context(), 10, 0)
		require.NoError(t, err)
		if len(batch) == 0 {
			break
		}
		for _, m := range batch {
			read, err := queue.Parse(queue.WorkerControl, m.Body)
			require.NoError(t, err)
			arrived[m.Group] = append(arrived[m.Group], int(read.Epoch))
		}
		require.NoError(t, source.Delete(t.Context(), batch...))
	}
	return arrived, err
}

// A part of a call that SQS could not take is sent again by itself, and what is behind it in its group waits for it.
func TestPartsAreRepeated(t *testing.T) {
	var times atomic.Int64
	f := &faulty{fails: func(body string) (bool, bool) {
		return strings.Contains(body, `"ann","epoch":"2"`) && times.Add(1) < 3, false
	}}
	arrived, err := sendThrough(t, f)
	require.NoError(t, err)
	require.Equal(t, map[string][]int{"ann": {1, 2, 3, 4}, "bob": {1, 2, 3, 4}, "cat": {1, 2, 3, 4}}, arrived)
	require.Equal(t, int64(1), f.most.Load(), "a call carries one task of a group")
}

// A part that SQS will not take is not repeated; nothing behind it in its group is sent, and all of that is told. Other
// groups lose nothing.
func TestAFailureHoldsItsGroupBack(t *testing.T) {
	for _, sender := range []bool{true, false} {
		f := &faulty{fails: func(body string) (bool, bool) { return strings.Contains(body, `"ann","epoch":"2"`), sender }}
		arrived, err := sendThrough(t, f)
		require.Equal(t, map[string][]int{"ann": {1}, "bob": {1, 2, 3, 4}, "cat": {1, 2, 3, 4}}, arrived)
		var unsent *queue.Unsent
		require.ErrorAs(t, err, &unsent)
		require.Equal(t, []queue.Task{task("ann", 2), task("ann", 3), task("ann", 4)}, unsent.Tasks)
		require.ErrorContains(t, err, "stop of ann: InternalError: refused")
	}
}

// What cannot be reached is told in time, with everything unsent; so is a queue that has no address.
func TestUnreachable(t *testing.T) {
	sender, err := sqs.NewSender(config(), map[queue.Name]string{queue.WorkerControl: "http://127.0.0.1:9/a/work.fifo", queue.PoolClaim: ""})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var unsent *queue.Unsent
	require.ErrorAs(t, sender.Send(ctx, queue.WorkerControl, task("ann", 1)), &unsent)
	require.Len(t, unsent.Tasks, 1)
	require.ErrorContains(t, sender.Send(ctx, queue.PoolClaim, task("ann", 1)), "the queue pool-claim has no address")
	_, err = sqs.NewSender(config(), map[queue.Name]string{queue.WorkerControl: "queue"})
	require.ErrorContains(t, err, `worker-control: queue: "queue" is not a URL`)
}
