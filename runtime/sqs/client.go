package sqs

import (
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// callLimit bounds one call with its repetitions, which the SDK paces by what SQS answers: longer than three tries take
// that are refused at once, shorter than anybody waits for a queue.
const callLimit = 10 * time.Second

// longestPoll is how long one receive waits at most, below what a process lets any call to AWS take.
const longestPoll = 5 * time.Second

// client calls the endpoint at which the queue's URL stands, unless all of AWS is stood in for.
func client(config aws.Config, queueURL string) (*sqs.Client, error) {
	u, err := url.Parse(queueURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("queue: %q is not a URL; allowed: https://HOST/ACCOUNT/NAME", queueURL)
	}
	return sqs.NewFromConfig(config, func(o *sqs.Options) {
		if o.BaseEndpoint == nil {
			o.BaseEndpoint = aws.String(u.Scheme + "://" + u.Host)
		}
	}), nil
}
