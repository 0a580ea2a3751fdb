package sizing

// HoursPerMonth is what AWS's own monthly figures use.
const HoursPerMonth = 730

// BaselinePerUserUSD is the published cost of the queue-claim baseline, USD a user and month, at 100,000 users.
const BaselinePerUserUSD = 1.61

// reservedDiscount of a 1-year EC2 Instance Savings Plan without upfront payment: a planning figure from memory (fact
// sp.1y.nu), bracketed by 38 % (1 year, all upfront, r6i and r7g in us-east-1) and 26 % (convertible).
const reservedDiscount = 0.34

// Line is one line of a bill.
type Line struct {
	Item     string  `json:"item"`
	Quantity float64 `json:"quantity"`
	Per      string  `json:"per"` // what one unit price buys
	UnitUSD  float64 `json:"unitUSD"`
	Monthly  float64 `json:"monthlyUSD"`
	Source   string  `json:"source"` // id in Facts
	Verified bool    `json:"verified"`
}

// Hourly is the line's share of an hour.
func (l Line) Hourly() float64 { return l.Monthly / HoursPerMonth }

// Cost is what a plan costs: everything at its peak count in every hour, on demand.
type Cost struct {
	Lines            []Line
	MonthlyUSD       float64
	PerUserUSD       float64
	WorkerHourlyUSD  float64 // a host's hour, divided by its planned workers
	Calendar         float64 // monthly, when worker hosts leave outside market hours
	ReservedQuantity int     // hosts worth reserving: those that run more than two thirds of the hours; 0 below 5,000 users
	Reserved         float64 // monthly as MonthlyUSD, with that many hosts reserved for a year
}

// HourlyUSD is the same bill for an hour.
func (c Cost) HourlyUSD() float64 { return c.MonthlyUSD / HoursPerMonth }

// VerifiedShare is the part of the bill whose unit prices were read in a source.
func (c Cost) VerifiedShare() float64 {
	read := 0.0
	for _, l := range c.Lines {
		if l.Verified {
			read += l.Monthly
		}
	}
	return read / c.MonthlyUSD
}

// cost prices a plan. Quantities that nobody configures follow from the named assumptions in usage.go.
func cost(p Plan) Cost {
	c := Cost{Lines: lines(p), WorkerHourlyUSD: p.Workers.Type.HourUSD / float64(p.Workers.PerHost)}
	for _, l := range c.Lines {
		c.MonthlyUSD += l.Monthly
	}
	c.PerUserUSD = c.MonthlyUSD / float64(p.Users)
	w, a := p.Workers, p.API
	away := float64(w.Instances-w.MinInstances) * (HoursPerMonth - peakHours)
	c.Calendar = c.MonthlyUSD - away*w.Type.HourUSD
	c.Reserved = c.MonthlyUSD
	if p.Features.ReservedInstances {
		c.ReservedQuantity = w.MinInstances + a.Instances
		reserved := float64(w.MinInstances)*w.Type.HourUSD + float64(a.Instances)*a.Type.HourUSD
		c.Reserved -= reservedDiscount * reserved * HoursPerMonth
	}
	return c
}

// hourly is a line of things that are paid for by the hour, in every hour.
func hourly(item string, quantity float64, id string) Line {
	l := monthly(item, quantity, id)
	l.Monthly *= HoursPerMonth
	return l
}

// monthly is a line of a quantity counted in a month.
func monthly(item string, quantity float64, id string) Line {
	f := fact(id)
	return Line{item, quantity, f.Per, f.USD, quantity * f.USD, id, f.Verified}
}

func lines(p Plan) []Line {
	w, a, db := p.Workers, p.API, p.Database
	all := []Line{
		hourly("worker hosts", float64(w.Instances), w.Type.fact),
		hourly("API hosts", float64(a.Instances), a.Type.fact),
	}
	all = append(all, valkeyLines(p)...)
	all = append(all,
		hourly("database instances", float64(db.Instances), db.Class.fact),
		hourly("database proxy, vCPU", float64(db.Instances*db.Class.VCPU), "rdsproxy.price"),
	)
	all = append(all, storageLines(p)...)
	all = append(all, networkLines(p)...)
	all = append(all, operationLines(p)...)
	return all
}

func valkeyLines(p Plan) []Line {
	var all []Line
	if p.Valkey.Mode != Serverless {
		all = append(all, hourly("Valkey nodes", float64(p.Valkey.Nodes()), cacheNode(p.Valkey.NodeType).fact))
	}
	if p.Valkey.Mode != Cluster {
		millionPerHour := float64(p.Pool.ECPUPerSecond) * 3600 / 1e6
		all = append(all,
			hourly("Valkey storage, full", float64(p.Valkey.StorageGB), "ec.sls.price.sg.storage"),
			hourly("Valkey ECPU, as at the open", millionPerHour, "ec.sls.price.sg.ecpu"))
	}
	return all
}
