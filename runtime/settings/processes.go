package settings

// Process is any of the structs that a process of the platform, or a tool of its people, reads at its start.
type Process interface {
	API | Keeper | Agent | Worker | Function | Migrate | Operator
}

// API is what the HTTPS API reads. It claims workers on the hot path, so it seals credentials and knows the lease.
type API struct {
	Stack
	Metrics
	Valkey
	Database
	Queues
	Lease
	Sealing
	Sessions
	TLS
	Identity
	Listen       Address `env:"FLEET_LISTEN" default:":8443"`
	RateLimiting bool    `env:"FLEET_RATE_LIMITING,optional"` // on from tier 1k
	// OrdersPerDay is how many orders a user may have accepted in a day of UTC; absent, any number.
	OrdersPerDay Count `env:"FLEET_ORDERS_PER_DAY,optional"`
}

// Keeper is what the keeper reads. It runs every pass, so it launches workers and seals credentials.
type Keeper struct {
	Stack
	Metrics
	Valkey
	Database
	Queues
	Lease
	Sealing
	Cluster
	Launching
	Pool
	Sessions
	Market
}

// Agent is what the agent of a worker host reads: it alone on its host may reach Valkey.
type Agent struct {
	Stack
	Metrics
	Valkey
	Lease
	Socket
	// Host names the host; absent, it is the container instance that ECS runs the agent on.
	Host string `env:"FLEET_HOST,optional"`
}

// Worker is what a worker reads. It holds one user's credentials and knows no address but its agent's socket.
type Worker struct {
	Lease
	Socket
	// Worker names the worker; absent, it is the task's ARN.
	Worker string `env:"FLEET_WORKER,optional"`
	Broker Broker `env:"FLEET_BROKER"`
	// Recycle says how a worker begins its next life; after MaxLives of them its process ends, which bounds what a slow
	// leak can hold.
	Recycle  Recycle `env:"FLEET_RECYCLE" default:"exec"`
	MaxLives Count   `env:"FLEET_MAX_LIVES" default:"100"`
	// BrokerURL is the exchange that the paper brokers of one machine share; absent, each has one of its own.
	BrokerURL WebURL `env:"FLEET_BROKER_URL,optional"`
}

// Function is what each of the five functions reads. A group with a handlers tag is read by those handlers only; to the
// others its variables do not exist.
type Function struct {
	Stack
	Handler Handler `env:"FLEET_HANDLER"`
	Valkey
	Database
	Lease
	Queues    `handlers:"control,orders,pool,maintenance"`
	Sealing   `handlers:"claim"`
	Cluster   `handlers:"control,pool,maintenance"`
	Launching `handlers:"pool,maintenance"`
	Pool      `handlers:"pool,maintenance"`
	Market    `handlers:"pool,maintenance"`
	Sessions  `handlers:"maintenance"`
}

// Migrate is what the one-off migration reads. It signs in as the database's owner, to create the role that the other
// processes use.
type Migrate struct {
	Stack
	Database
	// Password comes from the owner's secret; absent, the URL or the server's own rules must do.
	Password Secret `env:"FLEET_DATABASE_PASSWORD,optional"`
	// RoleSecret is the ARN of the secret that the proxy signs in with: the password of [DatabaseRole] is kept
	// there, and drawn where there is none. Absent, the role is made without a password.
	RoleSecret string `env:"FLEET_DATABASE_ROLE_SECRET,optional"`
	Switching
}

// Operator is what the fleet tool reads where a stack's outputs are not given: how people reach the index.
type Operator struct {
	Stack
	Valkey
}
