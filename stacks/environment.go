package stacks

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/postgres"
	"workerfleet/components/task"
	"workerfleet/runtime/settings"
	"workerfleet/stacks/sizing"
)

// environments builds what each process reads. What is known is written by package settings from the struct that the
// process reads; what only AWS can tell is added under the names that settings gives it.
type environments struct {
	cfg     Config
	stack   string
	data    *dataParts
	queues  map[string]pulumi.StringInput // URLs by queue
	key     pulumi.StringInput            // of the users' credentials
	cluster string
	// definition and provider are what the pool starts, and where.
	definition, provider pulumi.StringInput
}

// later are variables whose values only AWS can tell.
type later map[string]pulumi.StringInput

// written joins what is known with what comes later.
func written[T settings.Process](known T, more ...later) pulumi.StringMap {
	variables := pulumi.StringMap{}
	for _, v := range settings.Write(known) {
		variables[v.Name] = pulumi.String(v.Value)
	}
	for _, values := range more {
		for name, value := range values {
			variables[name] = value
		}
	}
	return variables
}

func (e environments) api() pulumi.StringMap {
	return written(settings.API{
		Stack: e.of(), Queues: e.background(),
		Identity:     settings.Identity{OIDCIssuer: settings.WebURL(e.cfg.Identity.Issuer), OIDCAudience: e.cfg.Identity.Audience},
		RateLimiting: e.cfg.Features.RateLimiting,
	}, e.valkey("api"), e.database(), e.urls(), e.sealing())
}

func (e environments) keeper() pulumi.StringMap {
	return written(settings.Keeper{
		Stack: e.of(), Queues: e.background(), Cluster: settings.Cluster{Name: e.cluster}, Pool: e.pool(), Market: e.market(),
	}, e.valkey("keeper"), e.database(), e.urls(), e.sealing(), e.launching())
}

func (e environments) agent() pulumi.StringMap {
	return written(settings.Agent{Stack: e.of()}, e.valkey("agent"))
}

func (e environments) worker() pulumi.StringMap {
	return written(settings.Worker{
		Broker: settings.Broker(e.cfg.Broker), Recycle: settings.Recycle(e.cfg.Workers.Recycle), MaxLives: settings.Count(e.cfg.Workers.MaxLives),
	})
}

// migrate signs in at the writer itself, as the owner, whose password comes as a secret.
func (e environments) migrate() pulumi.StringMap {
	return written(settings.Migrate{
		Stack: e.of(), Database: settings.Database{Auth: settings.DatabasePassword},
	}, later{
		settings.EnvDatabaseURL:        databaseURL(postgres.Owner, e.data.DatabaseWriterEndpoint, e.data.DatabaseName, "require"),
		settings.EnvDatabaseRoleSecret: e.data.RoleSecretARN,
	})
}

// function adds what the handler reads; settings leaves out what it does not.
func (e environments) function(handler settings.Handler) pulumi.StringMap {
	variables := written(settings.Function{
		Stack: e.of(), Handler: handler, Queues: e.background(), Cluster: settings.Cluster{Name: e.cluster}, Pool: e.pool(), Market: e.market(),
	}, e.valkey("function"), e.database(), e.urls(), e.sealing(), e.launching())
	read := map[string]bool{}
	for _, spec := range settings.Specs[settings.Function](handler) {
		read[spec.Name] = true
	}
	for name := range variables {
		if !read[name] {
			delete(variables, name)
		}
	}
	return variables
}

func (e environments) of() settings.Stack { return settings.Stack{Tier: e.stack, Region: e.cfg.Region} }

func (e environments) background() settings.Queues {
	return settings.Queues{Background: settings.Background(e.cfg.Features.BackgroundTasks)}
}

func (e environments) pool() settings.Pool {
	w := e.cfg.Workers
	return settings.Pool{
		Peak: settings.Count(e.cfg.Plan.PeakWorkers), PerHost: settings.Count(e.cfg.Plan.Workers.PerHost),
		MinHosts: settings.Count(w.MinInstances), MaxHosts: settings.Count(w.MaxInstances), CanaryShare: settings.Share(w.CanaryShare),
	}
}

func (e environments) market() settings.Market {
	m := settings.Market{
		TimeZone: settings.TimeZone(e.cfg.Market.TimeZone), Open: settings.TimeOfDay(e.cfg.Market.Open), Close: settings.TimeOfDay(e.cfg.Market.Close),
	}
	for _, day := range e.cfg.Market.Holidays {
		date, closing, _ := strings.Cut(day, "=")
		m.Holidays = append(m.Holidays, settings.Holiday{Date: date, Close: settings.TimeOfDay(closing)})
	}
	return m
}

// valkey is the cache as one process signs in to it. Both kinds of cache speak the cluster protocol.
func (e environments) valkey(process string) later {
	cache := e.data.ValkeyName
	if !e.data.ValkeyCluster {
		cache = cache.ApplyT(settings.ServerlessCache).(pulumi.StringOutput)
	}
	return later{
		settings.EnvValkeyURL:   pulumi.Sprintf("rediss://%s@%s?cluster=1", e.data.ValkeyUsers[process], e.data.ValkeyEndpoint),
		settings.EnvValkeyCache: cache,
	}
}

// database is the proxy, whose certificate public authorities have signed.
func (e environments) database() later {
	url := func(host pulumi.StringInput) pulumi.StringInput {
		return databaseURL(e.data.DatabaseRole, host, e.data.DatabaseName, "verify-full")
	}
	variables := later{settings.EnvDatabaseURL: url(e.data.DatabaseEndpoint)}
	if e.data.HasReader {
		variables[settings.EnvDatabaseReaderURL] = url(e.data.DatabaseReaderEndpoint)
	}
	return variables
}

func databaseURL(user string, host pulumi.StringInput, database, tls string) pulumi.StringInput {
	return pulumi.Sprintf("postgres://%s@%s:5432/%s?sslmode=%s", user, host, database, tls)
}

func (e environments) urls() later {
	variables := later{
		settings.EnvQueueWorkerControl: e.queues[workerControl], settings.EnvQueueOrderTasks: e.queues[orderTasks], settings.EnvQueuePoolClaim: e.queues[poolClaim],
	}
	if e.cfg.Features.BackgroundTasks != string(sizing.Inline) {
		variables[settings.EnvQueueBackgroundTasks] = e.queues[backgroundTasks]
	}
	return variables
}

func (e environments) sealing() later { return later{settings.EnvKMSKey: e.key} }

func (e environments) launching() later {
	return later{settings.EnvWorkerTaskDefinition: e.definition, settings.EnvCapacityProvider: e.provider}
}

// owner is the one password that a process is given: migrate's, from the secret that Aurora rotates.
func (e environments) owner() map[string]task.Secret {
	return map[string]task.Secret{settings.EnvDatabasePassword: {ARN: e.data.MasterSecretARN, Key: "password"}}
}
