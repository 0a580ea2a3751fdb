package names

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Kind is a sort of name with limits of its own.
type Kind int

// The kinds of names that the platform's resources have.
const (
	Alarm        Kind = iota // CloudWatch alarm
	Alias                    // KMS key alias
	Bucket                   // S3 bucket
	Cluster                  // ECS cluster
	Family                   // ECS task definition family
	Group                    // Auto Scaling group
	Cache                    // ElastiCache serverless cache or replication group
	Database                 // Aurora cluster or instance
	FIFOQueue                // SQS queue that ends .fifo
	Function                 // Lambda function
	LoadBalancer             // load balancer or target group
	LogGroup                 // CloudWatch log group
	Proxy                    // RDS proxy
	Queue                    // SQS standard queue
	Repository               // ECR repository
	Role                     // IAM role
	Rule                     // EventBridge rule
	Topic                    // SNS topic
	WebACL                   // WAF web ACL
)

// form is what AWS allows in names of one kind (AWS API references of the services).
type form struct {
	says           string
	longest        int // characters, prefix and suffix included
	prefix, suffix string
	lower          bool
}

func (k Kind) form() form {
	switch k {
	case Alarm:
		return form{says: "an alarm", longest: 255}
	case Alias:
		return form{says: "a key alias", longest: 256, prefix: "alias/"}
	case Bucket:
		return form{says: "a bucket", longest: 63, lower: true}
	case Cluster:
		return form{says: "a cluster", longest: 255}
	case Family:
		return form{says: "a task definition family", longest: 255}
	case Group:
		return form{says: "an Auto Scaling group", longest: 255}
	case Cache:
		return form{says: "a cache", longest: 40, lower: true}
	case Database:
		return form{says: "a database", longest: 63, lower: true}
	case FIFOQueue:
		return form{says: "a FIFO queue", longest: 80, suffix: ".fifo"}
	case Function:
		return form{says: "a function", longest: 64}
	case LoadBalancer:
		return form{says: "a load balancer or target group", longest: 32}
	case LogGroup:
		return form{says: "a log group", longest: 512}
	case Proxy:
		return form{says: "a database proxy", longest: 60, lower: true}
	case Queue:
		return form{says: "a queue", longest: 80}
	case Repository:
		return form{says: "an image repository", longest: 256, lower: true}
	case Role:
		return form{says: "a role", longest: 64}
	case Rule:
		return form{says: "an event rule", longest: 64}
	case Topic:
		return form{says: "a topic", longest: 256}
	case WebACL:
		return form{says: "a web ACL", longest: 128}
	default:
		panic(fmt.Sprintf("names: kind %d is not one of this package", int(k)))
	}
}

const (
	// providerSuffix is what the provider adds to a logical name: a hyphen and seven digits.
	providerSuffix = 8
	// digits tell apart names that had to be shortened or cleaned: 2³² of them.
	digits = 8
)

// Join makes a logical name of its parts: a child's name is Join(parent's name, suffix).
func Join(parts ...string) string { return strings.Join(parts, "-") }

// Fits says whether the physical name that the provider will make of a logical one is one that AWS takes. The error
// names the limit.
func Fits(kind Kind, logical string) error {
	f := kind.form()
	longest := f.longest - len(f.prefix) - len(f.suffix) - providerSuffix
	switch {
	case len(logical) == 0 || len(logical) > longest:
		return fmt.Errorf("name: %q has %d characters; allowed for %s: 1 to %d", logical, len(logical), f.says, longest)
	case clean(logical, f.lower) != logical:
		return fmt.Errorf("name: %q is not allowed for %s; allowed: %s, inner hyphens, a letter first", logical, f.says, letters(f.lower))
	}
	return nil
}

// Stated makes a physical name of parts, of which the first is the stack's name. It is within the kind's limit and
// letters whatever the parts are; where it had to change or shorten them it ends in a digest of them, so that different
// parts give different names.
func Stated(kind Kind, parts ...string) string {
	f := kind.form()
	joined := Join(parts...)
	room := f.longest - len(f.prefix) - len(f.suffix)
	name := clean(joined, f.lower)
	if name != joined || len(name) > room {
		sum := sha256.Sum256([]byte(joined))
		head := name[:min(len(name), room-digits-1)]
		name = strings.TrimRight(head, "-") + "-" + hex.EncodeToString(sum[:])[:digits]
	}
	return f.prefix + name + f.suffix
}

// clean keeps what every kind of name allows: letters, digits and single inner hyphens, a letter first.
func clean(text string, lower bool) string {
	if lower {
		text = strings.ToLower(text)
	}
	var b strings.Builder
	for _, r := range text {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		switch {
		case letter, '0' <= r && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	cleaned := strings.TrimRight(b.String(), "-")
	if cleaned == "" {
		return "w"
	}
	return cleaned
}

func letters(lower bool) string {
	if lower {
		return "lower-case letters, digits"
	}
	return "letters, digits"
}
