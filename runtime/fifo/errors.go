package fifo

import "fmt"

// refusal is an error as SQS answers it: in the JSON protocol by the shape's name, and beside it by the code that the
// older protocol had, which clients still test for.
type refusal struct {
	shape, code, says string
}

func (r *refusal) Error() string { return r.code + ": " + r.says }

func refuse(code, format string, args ...any) *refusal {
	return &refusal{shape: code, code: code, says: fmt.Sprintf(format, args...)}
}

// legacy is a refusal whose code had a prefix in the older protocol.
func legacy(shape, format string, args ...any) *refusal {
	return &refusal{shape: shape, code: "AWS.SimpleQueueService." + shape, says: fmt.Sprintf(format, args...)}
}

func noQueue() *refusal {
	r := legacy("NonExistentQueue", "The specified queue does not exist.")
	r.shape = "QueueDoesNotExist"
	return r
}

// worth says of a receipt why it settles nothing; nil if it does.
func worth(h holding) *refusal {
	switch h {
	case stale:
		return refuse("InvalidParameterValue", "Value for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")
	case malformed:
		return refuse("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	return nil
}
