package settings

import (
	"fmt"
	"time"
)

// Stack says which stack a process belongs to: tier-10k, or local.
type Stack struct {
	Tier string `env:"FLEET_TIER"`
	// Region is the AWS region whose services are called; absent, it is the one of AWS_REGION, which Lambda sets for
	// functions and nobody for containers.
	Region string `env:"FLEET_REGION,optional"`
}

// Metrics is where a process answers /metrics; port 0 takes any free one.
type Metrics struct {
	Listen Address `env:"FLEET_METRICS_LISTEN" default:":9090"`
}

// Valkey is the fast index and how a process signs in to it.
type Valkey struct {
	Address ValkeyAddress `env:"FLEET_VALKEY_URL"`
	Auth    ValkeyAuth    `env:"FLEET_VALKEY_AUTH" default:"iam"`
	// Cache is what an IAM token signs in to.
	Cache ValkeyCache `env:"FLEET_VALKEY_CACHE,optional"`
}

// problems: an IAM token is a password for 15 minutes, so it is sent under TLS only, by a user whose name is known.
func (v Valkey) problems() []Problem {
	user, password, tls := v.Address.signIn()
	switch {
	case v.Auth == ValkeyIAM && (user == "" || password || !tls):
		return []Problem{{EnvValkeyURL, "with " + EnvValkeyAuth + "=iam must be rediss://USER@HOST:PORT, without a password"}}
	case v.Auth == ValkeyIAM && v.Cache == "":
		return []Problem{{EnvValkeyCache, "is required with " + EnvValkeyAuth + "=iam"}}
	case v.Auth == ValkeyPassword && !password:
		return []Problem{{EnvValkeyURL, "has no password, which " + EnvValkeyAuth + "=password needs"}}
	case v.Auth == ValkeyNone && password:
		return []Problem{{EnvValkeyURL, "has a password, which " + EnvValkeyAuth + "=none would not send"}}
	}
	return nil
}

// Database is where PostgreSQL stands – on AWS the proxy's endpoints – and how a process signs in to it.
type Database struct {
	URL DatabaseURL `env:"FLEET_DATABASE_URL"`
	// Reader is where reads may go that bear a replica's lag; absent, they go to URL.
	Reader DatabaseURL  `env:"FLEET_DATABASE_READER_URL,optional"`
	Auth   DatabaseAuth `env:"FLEET_DATABASE_AUTH" default:"iam"`
}

func (d Database) problems() []Problem {
	if d.Auth != DatabaseIAM {
		return nil
	}
	found := d.URL.refuseIAM(EnvDatabaseURL)
	if d.Reader != "" {
		found = append(found, d.Reader.refuseIAM(EnvDatabaseReaderURL)...)
	}
	return found
}

// Queues are the addresses that a process sends to, and what of its background work goes there.
type Queues struct {
	WorkerControl   WebURL `env:"FLEET_QUEUE_WORKER_CONTROL"`
	OrderTasks      WebURL `env:"FLEET_QUEUE_ORDER_TASKS"`
	PoolClaim       WebURL `env:"FLEET_QUEUE_POOL_CLAIM"`
	BackgroundTasks WebURL `env:"FLEET_QUEUE_BACKGROUND_TASKS,optional"`
	// Background is inline below tier 5k, partial there, queue from 10k on.
	Background Background `env:"FLEET_BACKGROUND_TASKS" default:"inline"`
}

func (q Queues) problems() []Problem {
	if q.Background == BackgroundInline || q.BackgroundTasks != "" {
		return nil
	}
	return []Problem{{EnvQueueBackgroundTasks, "is required unless " + EnvBackgroundTasks + " is inline"}}
}

// Sealing is the key that opens users' stored credentials, so that they can be sealed to a worker.
type Sealing struct {
	KMSKey string `env:"FLEET_KMS_KEY"`
}

// Cluster is the ECS cluster whose tasks a process stops or asks about.
type Cluster struct {
	Name string `env:"FLEET_CLUSTER"`
}

// Launching is what RunTask needs beside the cluster.
type Launching struct {
	TaskDefinition   string `env:"FLEET_WORKER_TASK_DEFINITION"`
	CapacityProvider string `env:"FLEET_CAPACITY_PROVIDER"`
}

// Pool is how large the fleet of workers may be.
type Pool struct {
	// Peak is how many workers serve at once on the busiest day.
	Peak Count `env:"FLEET_POOL_PEAK"`
	// PerHost is how many a host holds.
	PerHost  Count `env:"FLEET_POOL_PER_HOST"`
	MinHosts Count `env:"FLEET_POOL_MIN_HOSTS"`
	MaxHosts Count `env:"FLEET_POOL_MAX_HOSTS"`
	// Buffer is how many idle workers there are at any time; absent, 5 % of the peak.
	Buffer Count `env:"FLEET_POOL_BUFFER,optional"`
	// CanaryShare is the share of workers that run a new image until it is proven.
	CanaryShare Share `env:"FLEET_POOL_CANARY_SHARE,optional"`
}

func (p Pool) problems() []Problem {
	if p.MinHosts > p.MaxHosts {
		return []Problem{{EnvPoolMinHosts, "is more than " + EnvPoolMaxHosts}}
	}
	return nil
}

// TLS is the certificate that a process shows; absent, it makes one for itself at its start.
type TLS struct {
	Certificate FilePath `env:"FLEET_TLS_CERTIFICATE,optional"`
	Key         FilePath `env:"FLEET_TLS_KEY,optional"`
}

func (t TLS) problems() []Problem {
	if (t.Certificate == "") != (t.Key == "") {
		return []Problem{{EnvTLSKey, "and " + EnvTLSCertificate + " belong together: state both or neither"}}
	}
	return nil
}

// Identity is who tells users from one another: an identity provider, or on this machine alone a secret under which
// development tokens are signed.
type Identity struct {
	OIDCIssuer   WebURL `env:"FLEET_OIDC_ISSUER,optional"`
	OIDCAudience string `env:"FLEET_OIDC_AUDIENCE,optional"`
	Development  Secret `env:"FLEET_DEVELOPMENT_SECRET,optional"`
}

func (i Identity) problems() []Problem {
	switch {
	case i.Development != "" && i.OIDCIssuer != "":
		return []Problem{{EnvDevelopmentSecret, "stands beside " + EnvOIDCIssuer + ": state one of them"}}
	case i.Development == "" && i.OIDCIssuer == "":
		return []Problem{{EnvOIDCIssuer, "is required"}}
	case i.OIDCIssuer != "" && i.OIDCAudience == "":
		return []Problem{{EnvOIDCAudience, "is required"}}
	}
	return nil
}

// Socket is where a host's agent meets its workers.
type Socket struct {
	Path SocketPath `env:"FLEET_AGENT_SOCKET" default:"/run/fleet/agent.sock"`
}

// Sessions says when a session without client, open order or strategy ends.
type Sessions struct {
	Idle time.Duration `env:"FLEET_SESSION_IDLE" default:"30m"`
}

// Switching is for a run that an operator asks for: after the migration it turns the operators' switch for orders.
type Switching struct {
	Orders Orders `env:"FLEET_ORDERS,optional"`
	// User is whose orders are meant; absent, everybody's.
	User string `env:"FLEET_ORDERS_USER,optional"`
	// Reason stands with the switch, for operators.
	Reason string `env:"FLEET_ORDERS_REASON,optional"`
}

func (s Switching) problems() []Problem {
	switch {
	case s.Orders == "" && s.User+s.Reason != "":
		return []Problem{{EnvOrders, "is missing; " + EnvOrdersUser + " and " + EnvOrdersReason + " belong to it"}}
	case s.Orders == OrdersRecover && s.User != "":
		return []Problem{{EnvOrdersUser, "stands beside " + EnvOrders + "=recover, which is about the whole ledger"}}
	}
	return nil
}

// Lease is how long a worker may act without hearing from the store:
//
//	sent ──── TTL − Guard ────► the worker starts no broker call
//	 └─────── TTL + Guard ─────────────► the store may give its user away
//
// Between the two are twice the guard: for a beat's period, and for the beats that an index may lose in a failover. One that
// was deaf for longer than the guard notices it, and waits: see claim.
type Lease struct {
	Beat  time.Duration `env:"FLEET_BEAT" default:"2s"`
	TTL   time.Duration `env:"FLEET_TTL" default:"15s"`
	Guard time.Duration `env:"FLEET_GUARD" default:"2s"`
}

// maxReap is what the platform promises: a dead worker is noticed within a minute.
const maxReap = time.Minute

// Trust is how long after the sending of a confirmed beat a worker may start calls to its broker.
func (l Lease) Trust() time.Duration { return l.TTL - l.Guard }

// Reap is how long after the last beat the store may declare a worker dead.
func (l Lease) Reap() time.Duration { return l.TTL + l.Guard }

// problems: two beats fit into the trusted time, so that one lost beat stops nobody. The store counts milliseconds, so
// a finer duration would mean different times to the worker and to the store.
func (l Lease) problems() []Problem {
	var found []Problem
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{EnvBeat, l.Beat}, {EnvTTL, l.TTL}, {EnvGuard, l.Guard}} {
		if d.value%time.Millisecond != 0 {
			found = append(found, Problem{d.name, "must be whole milliseconds"})
		}
	}
	if l.TTL > maxReap || l.Guard > maxReap || l.Reap() > maxReap {
		found = append(found, Problem{EnvTTL, fmt.Sprintf("plus %s is more than %v, within which a dead worker must be noticed", EnvGuard, maxReap)})
	}
	switch {
	case l.Beat > l.Trust()/2: // compared by division: twice a long beat would overflow
		found = append(found, Problem{EnvBeat, fmt.Sprintf("is %v; allowed: up to half of %s − %s (%v − %v), so that one lost beat stops no worker",
			l.Beat, EnvTTL, EnvGuard, l.TTL, l.Guard)})
	case l.Beat > l.Guard:
		found = append(found, Problem{EnvBeat, fmt.Sprintf("is %v; allowed: up to %s (%v), so that the two guards cover a beat and what an index may lose unnoticed",
			l.Beat, EnvGuard, l.Guard)})
	}
	return found
}
