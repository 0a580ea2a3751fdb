package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// spent is what has been computed and committed so far. CPU times are seconds.
type spent struct {
	at                         time.Time
	process, database, storage float64
	idle, all                  float64 // of the whole machine, in ticks
	commits                    int64
}

// spent reads all counters. What cannot be read stays 0.
func (s *servers) spent(ctx context.Context, client redis.UniversalClient) spent {
	u := spent{at: time.Now(), storage: cpuSeconds(ctx, client), commits: commits(ctx, string(s.settings.Database.URL))}
	u.process = processCPU()
	if s.databasePID != 0 {
		u.database = familyCPU(s.databasePID)
	}
	u.idle, u.all = machineTicks()
	return u
}

// processCPU is what this process has computed, in seconds; 0 where the kernel does not say.
func processCPU() float64 {
	var own syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &own) != nil {
		return 0
	}
	return time.Duration(own.Utime.Nano() + own.Stime.Nano()).Seconds()
}

// spent: see [servers.spent].
func (f *simulated) spent(ctx context.Context) spent { return f.servers.spent(ctx, f.path.Client) }

func (p *population) spent(ctx context.Context) spent { return p.servers.spent(ctx, p.path.Client) }

// machineTicks is what all cores have counted together, from the first line of /proc/stat: user, nice, system, idle, waiting
// for a disk, interrupts, soft ones, and what a hypervisor gave to others (proc_stat(5)). 0 where there is none.
func machineTicks() (idle, all float64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line) {
		n, _ := strconv.ParseFloat(field, 64)
		if i >= 1 && i <= 8 {
			all += n
		}
		if i == 4 || i == 5 {
			idle += n
		}
	}
	return idle, all
}

// Fields of /proc/PID/stat after the name, from 0 (proc_pid_stat(5)).
const (
	statParent         = 1
	statUser           = 11
	statChildrenSystem = 14
)

// ticks is how many of the kernel's clock ticks a second has on every architecture that Go runs on.
const ticks = 100

// familyCPU is what a process, its children and those that it has waited for have computed: PostgreSQL has a process for
// each connection.
func familyCPU(pid int) float64 {
	sum := 0
	for _, p := range processes() {
		if p.pid == pid || p.parent == pid {
			sum += p.ticks
		}
	}
	return float64(sum) / ticks
}

// childrenCPU is what this process's children of one name have computed, in seconds: by the scheduler's nanoseconds, because
// an idle worker takes less than a tick.
func childrenCPU(name string) float64 {
	self, sum := os.Getpid(), 0.0
	for _, p := range processes() {
		if p.parent != self || p.name != name {
			continue
		}
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/schedstat", p.pid))
		for _, path := range threads {
			var nanoseconds float64
			if text, err := os.ReadFile(path); err == nil {
				_, _ = fmt.Sscan(string(text), &nanoseconds) // 0 of a thread that has ended
				sum += nanoseconds / 1e9
			}
		}
	}
	return sum
}

// running is one of the machine's processes, and what it and those that it has waited for have computed, in ticks.
type running struct {
	pid, parent int
	name        string
	ticks       int
}

func processes() (all []running) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		head, tail, _ := strings.Cut(string(text), " (")
		end := strings.LastIndexByte(tail, ')')
		if end < 0 {
			continue
		}
		fields := strings.Fields(tail[end+1:])
		if len(fields) <= statChildrenSystem {
			continue
		}
		p := running{name: tail[:end]}
		p.pid, _ = strconv.Atoi(head)
		p.parent, _ = strconv.Atoi(fields[statParent])
		for _, field := range fields[statUser : statChildrenSystem+1] {
			n, _ := strconv.Atoi(field)
			p.ticks += n
		}
		all = append(all, p)
	}
	return all
}

// commits counts the database's transactions. Its backends tell of theirs once a second.
func commits(ctx context.Context, url string) (n int64) {
	if !strings.HasPrefix(url, "postgres") {
		return 0
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close(ctx) }()
	_ = conn.QueryRow(ctx, `SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()`).Scan(&n)
	return n
}

// shares are what was used of the processors in between, in percent of one core; idle is of all of them.
type shares struct {
	ProcessCPUPercent  float64 `json:"processCPUPercent"`
	DatabaseCPUPercent float64 `json:"databaseCPUPercent"` // 0 where it is not this process's
	ServerCPUPercent   float64 `json:"serverCPUPercent"`
	IdlePercent        float64 `json:"idlePercent"` // of all cores, whoever uses the rest
	CommitsPerSecond   float64 `json:"commitsPerSecond"`
}

// shares compares with an earlier reading.
func (s spent) shares(before spent) shares {
	took := s.at.Sub(before.at).Seconds()
	u := shares{
		ProcessCPUPercent: 100 * (s.process - before.process) / took, DatabaseCPUPercent: 100 * (s.database - before.database) / took,
		ServerCPUPercent: 100 * (s.storage - before.storage) / took, CommitsPerSecond: float64(s.commits-before.commits) / took,
	}
	if all := s.all - before.all; all > 0 {
		u.IdlePercent = 100 * (s.idle - before.idle) / all
	}
	return u
}

func (u shares) String() string {
	return fmt.Sprintf("this process %.0f %%, database %.0f %%, store %.0f %% of one; %.0f %% of all were idle; %.0f commits a second",
		u.ProcessCPUPercent, u.DatabaseCPUPercent, u.ServerCPUPercent, u.IdlePercent, u.CommitsPerSecond)
}
