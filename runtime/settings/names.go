package settings

// The names of the variables, for those who write values that are not known before an apply. A test proves that the
// tags of the structs and this list agree.
const (
	EnvTier          = "FLEET_TIER"
	EnvRegion        = "FLEET_REGION"
	EnvListen        = "FLEET_LISTEN"
	EnvMetricsListen = "FLEET_METRICS_LISTEN"

	EnvValkeyURL          = "FLEET_VALKEY_URL"
	EnvValkeyAuth         = "FLEET_VALKEY_AUTH"
	EnvValkeyCache        = "FLEET_VALKEY_CACHE"
	EnvDatabaseURL        = "FLEET_DATABASE_URL"
	EnvDatabaseReaderURL  = "FLEET_DATABASE_READER_URL"
	EnvDatabaseAuth       = "FLEET_DATABASE_AUTH"
	EnvDatabasePassword   = "FLEET_DATABASE_PASSWORD"
	EnvDatabaseRoleSecret = "FLEET_DATABASE_ROLE_SECRET"
	EnvKMSKey             = "FLEET_KMS_KEY"

	EnvQueueWorkerControl   = "FLEET_QUEUE_WORKER_CONTROL"
	EnvQueueOrderTasks      = "FLEET_QUEUE_ORDER_TASKS"
	EnvQueuePoolClaim       = "FLEET_QUEUE_POOL_CLAIM"
	EnvQueueBackgroundTasks = "FLEET_QUEUE_BACKGROUND_TASKS"
	EnvBackgroundTasks      = "FLEET_BACKGROUND_TASKS"

	EnvCluster              = "FLEET_CLUSTER"
	EnvWorkerTaskDefinition = "FLEET_WORKER_TASK_DEFINITION"
	EnvCapacityProvider     = "FLEET_CAPACITY_PROVIDER"

	EnvBeat  = "FLEET_BEAT"
	EnvTTL   = "FLEET_TTL"
	EnvGuard = "FLEET_GUARD"

	EnvAgentSocket = "FLEET_AGENT_SOCKET"
	EnvHost        = "FLEET_HOST"
	EnvWorker      = "FLEET_WORKER"
	EnvBroker      = "FLEET_BROKER"
	EnvBrokerURL   = "FLEET_BROKER_URL"
	EnvRecycle     = "FLEET_RECYCLE"
	EnvMaxLives    = "FLEET_MAX_LIVES"

	EnvTLSCertificate    = "FLEET_TLS_CERTIFICATE"
	EnvTLSKey            = "FLEET_TLS_KEY"
	EnvDevelopmentSecret = "FLEET_DEVELOPMENT_SECRET"

	EnvPoolPeak        = "FLEET_POOL_PEAK"
	EnvPoolPerHost     = "FLEET_POOL_PER_HOST"
	EnvPoolMinHosts    = "FLEET_POOL_MIN_HOSTS"
	EnvPoolMaxHosts    = "FLEET_POOL_MAX_HOSTS"
	EnvPoolBuffer      = "FLEET_POOL_BUFFER"
	EnvPoolCanaryShare = "FLEET_POOL_CANARY_SHARE"

	EnvOIDCIssuer   = "FLEET_OIDC_ISSUER"
	EnvOIDCAudience = "FLEET_OIDC_AUDIENCE"
	EnvRateLimiting = "FLEET_RATE_LIMITING"
	EnvOrders       = "FLEET_ORDERS"
	EnvOrdersUser   = "FLEET_ORDERS_USER"
	EnvOrdersReason = "FLEET_ORDERS_REASON"
	EnvOrdersPerDay = "FLEET_ORDERS_PER_DAY"
	EnvSessionIdle  = "FLEET_SESSION_IDLE"
	EnvHandler      = "FLEET_HANDLER"

	EnvMarketTimeZone = "FLEET_MARKET_TIME_ZONE"
	EnvMarketOpen     = "FLEET_MARKET_OPEN"
	EnvMarketClose    = "FLEET_MARKET_CLOSE"
	EnvMarketHolidays = "FLEET_MARKET_HOLIDAYS"
)

// prefix marks the variables that are the platform's: one that no process knows is a typing error.
const prefix = "FLEET_"

// CredentialsContext is the name in the encryption context of every use of the credentials key; its value is the user's
// id. The key's policy denies a use without it, and the claim path names each user by it.
const CredentialsContext = "user"

// DatabaseRole is the role that processes sign in to the database as; a migration makes it and gives it its rights.
const DatabaseRole = "fleet"
