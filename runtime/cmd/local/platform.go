package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/cmd/internal/running"
	"workerfleet/runtime/fifo"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/httpapi"
	"workerfleet/runtime/paper"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/process"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/settings"
)

// platform is everything that runs: the servers, the programs as they ship, and the workers, which this process
// launches for the keepers as ECS does elsewhere.
type platform struct {
	options
	*servers
	begun    release // what runs at the start; a roll brings the next
	dir      string
	path     *claimpath.Parts // this process's own eyes on the pool
	provider *process.Provider
	crew     crew
	launcher *http.Server
	accounts *accounts
	exchange *paper.Exchange
	// brokerURL is where the exchange is served.
	brokerURL settings.WebURL
	secrets   secrets
	tokens    httpapi.Development
	trust     string // file of the certificate that the APIs show
	key       string
	urls      []string // of the APIs

	apis, keepers, agents []*program
	metricsAt             map[string]string // addresses of the programs whose growth is watched
	lambdas               *lambdas          // nil without functions
}

// startPlatform starts everything below dir. The caller stops it.
func startPlatform(ctx context.Context, o options, dir string) (started *platform, err error) {
	p := &platform{options: o, begun: o.first(), crew: crew{all: map[fleet.Worker]member{}}, dir: dir, metricsAt: map[string]string{}, accounts: newAccounts(), tokens: httpapi.Development{Secret: []byte(rand.Text())}}
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	if p.servers, err = startServers(ctx, dir, o); err != nil {
		return nil, err
	}
	if err = p.startExchange(); err != nil {
		return nil, err
	}
	if err = p.writeCertificate(); err != nil {
		return nil, err
	}
	if err = p.migrate(ctx, p.begun, settings.Switching{}); err != nil {
		return nil, err
	}
	if err = p.look(ctx); err != nil {
		return nil, err
	}
	if err = p.startPrograms(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// look opens this process's own eyes.
func (p *platform) look(ctx context.Context) (err error) {
	p.path, err = claimpath.Open(ctx, claimpath.Settings{
		Stack: p.stack(), Valkey: p.valkey, Database: p.database, Sealing: p.sealing(), Lease: p.lease(),
	}, os.Getenv)
	return err
}

// startPrograms starts whatever is no server.
func (p *platform) startPrograms(ctx context.Context) error {
	starts := []func() error{p.startLauncher, p.startAgents}
	if !p.noKeepers {
		starts = append(starts, p.startKeepers)
	}
	if p.functions {
		starts = append(starts, p.startFunctions)
	}
	for _, start := range append(starts, func() error { return p.startAPIs(ctx) }) {
		if err := start(); err != nil {
			return err
		}
	}
	return nil
}

func (p *platform) stack() settings.Stack { return settings.Stack{Tier: settings.Here} }
func (p *platform) sealing() settings.Sealing {
	return settings.Sealing{KMSKey: "file:" + filepath.Join(p.dir, "key")}
}
func (p *platform) lease() settings.Lease {
	return settings.Lease{Beat: p.beat, TTL: p.ttl, Guard: p.guard}
}

func (p *platform) queueURLs() settings.Queues {
	url := func(name queue.Name) settings.WebURL { return settings.WebURL(p.servers.queues.URL(fifoName(name))) }
	q := settings.Queues{
		WorkerControl: url(queue.WorkerControl), OrderTasks: url(queue.OrderTasks), PoolClaim: url(queue.PoolClaim),
		BackgroundTasks: url(queue.BackgroundTasks), Background: settings.BackgroundInline,
	}
	if p.functions {
		q.Background = settings.BackgroundQueue // somebody is there to do it
	}
	return q
}

// outputs are what a stack's outputs would say of this platform, for the fleet tool.
func (p *platform) outputs() running.Outputs {
	o := running.Outputs{Operator: running.Operator{Region: fifo.Region, ValkeyURL: p.valkey.Address.URL}, QueueURLs: map[queue.Name]string{}}
	for _, name := range []queue.Name{queue.WorkerControl, queue.OrderTasks, queue.PoolClaim} {
		o.QueueURLs[name] = p.servers.queues.URL(fifoName(name))
	}
	return o
}

// What keepers and functions launch by: as many workers are kept as there are places.
func (p *platform) cluster() settings.Cluster {
	return settings.Cluster{Name: "http://" + p.launcher.Addr}
}
func (p *platform) launching(r release) settings.Launching {
	return settings.Launching{TaskDefinition: r.taskDefinition(), CapacityProvider: "this machine"}
}
func (p *platform) pool() settings.Pool {
	return settings.Pool{
		Peak: settings.Count(p.workers), PerHost: settings.Count(p.perHost()), MinHosts: settings.Count(p.hosts), MaxHosts: settings.Count(p.hosts),
		Buffer: settings.Count(p.workers),
	}
}
func alwaysOpen() settings.Market {
	return settings.Market{TimeZone: "UTC", Open: "00:00", Close: "24:00"}
}

// anyPort takes any free port.
const anyPort settings.Address = "127.0.0.1:0"

// migrate runs the program that brings the database to a release's version, and turns the operators' switches.
func (p *platform) migrate(ctx context.Context, r release, switching settings.Switching) error {
	command := exec.CommandContext(ctx, r.path("migrate"))
	variables, err := r.environment("migrate", settings.Write(settings.Migrate{Stack: p.stack(), Database: p.database, Switching: switching}))
	if err != nil {
		return err
	}
	command.Env = append([]string{"TMPDIR=" + p.dir}, variables...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("migrate: %w\n%s", err, output)
	}
	return nil
}

// perHost is how many workers each host holds.
func (p *platform) perHost() int { return (p.workers + p.hosts - 1) / p.hosts }

// startLauncher plays the cluster's part: it starts worker processes for whoever asks on this machine.
func (p *platform) startLauncher() error {
	hosts := make([]process.Host, p.hosts)
	for i := range hosts {
		hosts[i] = process.Host{Name: p.host(i), Room: p.perHost(), Socket: p.socket(i)}
	}
	log, err := p.workersLog()
	if err != nil {
		return err
	}
	p.provider, err = process.New(process.Config{
		Binary: p.begun.path("worker"), Image: p.begun.image, Binaries: p.images(), Hosts: hosts, Directory: filepath.Join(p.dir, "workers"), Output: log,
		Variables: func(worker fleet.Worker, host process.Host, image int64) ([]string, error) {
			r := p.imaged(image)
			p.crew.note(worker, member{host.Name, r.name})
			return r.environment("worker", settings.Write(settings.Worker{
				Lease: p.lease(), Socket: settings.Socket{Path: settings.SocketPath(host.Socket)}, Worker: string(worker), Broker: settings.BrokerPaper,
				BrokerURL: p.brokerURL,
			}))
		},
	})
	if err != nil {
		return err
	}
	provider := p.provider
	p.accounts.launchedBy(func(worker string) bool {
		tasks, err := provider.List(context.Background())
		return err != nil || slices.ContainsFunc(tasks, func(t pool.Task) bool { return string(t.Worker) == worker })
	})
	listener, err := net.Listen("tcp", string(anyPort))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	p.launcher = &http.Server{Addr: listener.Addr().String(), Handler: process.Serve(p.provider), ReadHeaderTimeout: time.Second}
	go func() { _ = p.launcher.Serve(listener) }() // ends with the platform
	return nil
}

func (p *platform) host(i int) fleet.Host { return fleet.Host("host-" + strconv.Itoa(i+1)) }
func (p *platform) socket(i int) string   { return filepath.Join(p.dir, strconv.Itoa(i+1), "agent.sock") }

func (p *platform) startAgents() error {
	for i := range p.hosts {
		name := string(p.host(i))
		called := "agent-of-" + name
		metrics, err := p.metrics(called, i)
		if err != nil {
			return err
		}
		agent, err := p.startProgram("agent", called, alike(settings.Agent{
			Stack: p.stack(), Metrics: metrics, Valkey: p.valkey, Lease: p.lease(),
			Socket: settings.Socket{Path: settings.SocketPath(p.socket(i))}, Host: name,
		}))
		if err != nil {
			return err
		}
		p.agents = append(p.agents, agent)
	}
	return nil
}

// metrics says where a program shows its metrics: anywhere, but for the first of each kind while its growth is watched.
func (p *platform) metrics(name string, place int) (settings.Metrics, error) {
	if p.watching == 0 || place > 0 {
		return settings.Metrics{Listen: anyPort}, nil
	}
	port, err := server.FreePort()
	if err != nil {
		return settings.Metrics{}, err
	}
	p.metricsAt[name] = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return settings.Metrics{Listen: settings.Address(p.metricsAt[name])}, nil
}

// startKeepers starts two, both active.
func (p *platform) startKeepers() error {
	for i := range 2 {
		called := "keeper-" + strconv.Itoa(i+1)
		metrics, err := p.metrics(called, i)
		if err != nil {
			return err
		}
		keeper, err := p.startProgram("keeper", called, func(r release) []settings.Variable {
			return settings.Write(settings.Keeper{
				Stack: p.stack(), Metrics: metrics, Valkey: p.valkey, Database: p.database, Queues: p.queueURLs(),
				Lease: p.lease(), Sealing: p.sealing(), Sessions: settings.Sessions{Idle: p.idle}, Cluster: p.cluster(),
				Launching: p.launching(r), Pool: p.pool(), Market: alwaysOpen(),
			})
		})
		if err != nil {
			return err
		}
		p.keepers = append(p.keepers, keeper)
	}
	return nil
}

// startAPIs starts two, and waits until both answer.
func (p *platform) startAPIs(ctx context.Context) error {
	for i := range 2 {
		port, err := server.FreePort()
		if err != nil {
			return err
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		called := "api-" + strconv.Itoa(i+1)
		metrics, err := p.metrics(called, i)
		if err != nil {
			return err
		}
		api, err := p.startProgram("api", called, alike(settings.API{
			Stack: p.stack(), Metrics: metrics, Valkey: p.valkey, Database: p.database, Queues: p.queueURLs(),
			Lease: p.lease(), Sealing: p.sealing(), Sessions: settings.Sessions{Idle: p.idle}, Listen: settings.Address(address),
			TLS:      settings.TLS{Certificate: settings.FilePath(p.trust), Key: settings.FilePath(p.key)},
			Identity: settings.Identity{Development: settings.Secret(p.tokens.Secret)},
		}))
		if err != nil {
			return err
		}
		p.apis, p.urls = append(p.apis, api), append(p.urls, "https://"+address)
	}
	client := p.client()
	defer client.CloseIdleConnections()
	for i, url := range p.urls {
		for began := time.Now(); !answers(ctx, client, url+"/readyz"); time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > patience || ctx.Err() != nil {
				return fmt.Errorf("the API does not answer\n%s", p.apis[i].obituary())
			}
		}
	}
	return nil
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// programs are all processes that are started again when they end.
func (p *platform) programs() []*program {
	all := append([]*program{}, p.apis...)
	return append(append(all, p.keepers...), p.agents...)
}

// stop ends everything and waits for it, the servers last.
func (p *platform) stop() {
	p.stopPrograms()
	if p.path != nil {
		p.path.Close()
	}
	if p.servers != nil {
		p.servers.stop()
	}
}

// stopPrograms ends whatever is no server: who launches first, then the workers, while their agents are there to hear of
// it.
func (p *platform) stopPrograms() {
	closeAll(p.keepers)
	if p.lambdas != nil {
		p.lambdas.stop()
	}
	if p.launcher != nil {
		_ = p.launcher.Close()
	}
	if p.provider != nil {
		p.provider.Close()
	}
	closeAll(append(append([]*program{}, p.apis...), p.agents...))
	p.keepers, p.lambdas, p.launcher, p.provider, p.apis, p.urls, p.agents = nil, nil, nil, nil, nil, nil, nil
}

// trouble is what went wrong in the programs, for whoever wonders about the numbers.
func (p *platform) trouble() string {
	var lines []string
	for _, g := range p.programs() {
		g.mu.Lock()
		if g.err != nil {
			lines = append(lines, g.err.Error())
		}
		g.mu.Unlock()
	}
	return strings.Join(lines, "\n")
}
