package stacks

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"workerfleet/runtime/settings"

	"github.com/stretchr/testify/require"
)

// Every malformed configuration is refused with exactly these lines: the field, what was found, what is allowed. Cases
// state the object without its braces; users are 10,000 unless a case states them.
func TestMalformed(t *testing.T) {
	for _, c := range malformed() {
		_, err := Decode([]byte(c.text()), singapore)
		require.EqualError(t, err, c.says, c.text())
		require.IsType(t, Problems{}, err)
	}
}

// malformedCase is what a stack file states and everything that is wrong with it.
type malformedCase struct{ stated, says string }

func (c malformedCase) text() string {
	if strings.Contains(c.stated, `"users"`) {
		return "{" + c.stated + "}"
	}
	return `{"users":10000,` + c.stated + "}"
}

func malformed() []malformedCase {
	const (
		x86Workers = "r6i.large, r6i.xlarge, r6i.2xlarge, r6i.4xlarge, r6i.8xlarge"
		holidays   = `dates and half days with their close, in quotes, as "2027-01-01" and "2026-12-24=12:30"`
		commercial = `, because the platform's policies name resources of the commercial partition (arn:aws:…); ` +
			"allowed: a commercial region, as ap-southeast-1"
	)
	return []malformedCase{
		// users and architecture
		{`"users":0`, `users: 0 is not allowed; allowed: 1 to 1000000`},
		{`"users":1000001`, `users: 1000001 is not allowed; allowed: 1 to 1000000`},
		{`"users":1.5`, `users: found the number 1.5, expected a whole number`},
		{`"users":"ten"`, `users: found the text "ten", expected a whole number`},
		{`"users":null`, `users: found no value, expected a whole number`},
		{`"users":1e400`, `users: found the number 1e400, expected a whole number`},
		{`"architecture":"arm"`, `architecture: "arm" is not allowed; allowed: x86_64, arm64`},
		{`"architecture":64`, `architecture: found the number 64, expected a text`},
		// unknown keys
		{`"worker":{}`, `worker: unknown key, did you mean workers?; allowed: users, architecture, workers, api, images, account, ` +
			`delivery, backup, identity, broker, lambda, valkey, database, features, network, edge, market, alarms, ` +
			`protection, monthlyBudgetUSD`},
		{`"lambda":{"concurency":5}`, `lambda.concurency: unknown key, did you mean concurrency?; allowed: concurrency`},
		{`"alarms":{"phone":"1"}`, `alarms.phone: unknown key; allowed: email`},
		{`"database":{"multiAZ":true}`, `database.multiAZ: unknown key, did you mean multiAz?; allowed: instanceClass, multiAz, readReplicas`},
		{`"images":{"web":"a"}`, `images.web: unknown key; allowed: api, keeper, agent, worker, migrate, log-router`},
		// wrong types
		{`"workers":[]`, `workers: found a list, expected an object`},
		{`"workers":null`, `workers: found no value, expected an object`},
		{`"features":{"rateLimiting":"yes"}`, `features.rateLimiting: found the text "yes", expected true or false`},
		{`"market":{"holidays":"2027-01-01"}`, `market.holidays: found the text "2027-01-01", expected a list of texts`},
		{`"market":{"holidays":[1]}`, `market.holidays[0]: found the number 1, expected a text`},
		{`"images":"all"`, `images: found the text "all", expected an object of texts`},
		{`"workers":{"canaryShare":true}`, `workers.canaryShare: found true, expected a number`},
		// words and ranges
		{`"protection":"none"`, `protection: "none" is not allowed; allowed: strict, relaxed`},
		{`"broker":"ib"`, `broker: "ib" is not allowed; allowed: paper, alpaca`},
		{`"workers":{"recycle":"reboot"}`, `workers.recycle: "reboot" is not allowed; allowed: exec, replace`},
		{`"workers":{"canaryShare":1.5}`, `workers.canaryShare: 1.5 is not allowed; allowed: 0 to 1`},
		{`"features":{"backgroundTasks":"sqs"}`, `features.backgroundTasks: "sqs" is not allowed; allowed: inline, partial, queue`},
		{`"account":{"guardDuty":"on"}`, `account.guardDuty: "on" is not allowed; allowed: adopt, create, off`},
		{`"valkey":{"mode":"redis"}`, `valkey.mode: "redis" is not allowed; allowed: serverless, cluster, both`},
		{`"valkey":{"storageGB":5001}`, `valkey.storageGB: 5001 is not allowed; allowed: 1 to 5000`},
		{`"valkey":{"ecpu":999}`, `valkey.ecpu: 999 is not allowed; allowed: 1000 to 15000000`},
		{`"lambda":{"concurrency":9}`, `lambda.concurrency: 9 is not allowed; allowed: 10 to 100000`},
		{`"monthlyBudgetUSD":0`, `monthlyBudgetUSD: 0 is not allowed; allowed: 1 to 100000000`},
		// formats
		{`"account":{"id":"12345"}`, `account.id: "12345" is not allowed; allowed: twelve digits`},
		{`"network":{"cidr":"10.20.0.1/16"}`, cidrSays("10.20.0.1/16")},
		{`"network":{"cidr":"10.0.0.0/8"}`, cidrSays("10.0.0.0/8")},
		{`"network":{"cidr":"172.17.128.0/20"}`, cidrSays("172.17.128.0/20")},
		{`"network":{"cidr":"fd00::/20"}`, cidrSays("fd00::/20")},
		{`"market":{"timeZone":"Asia/Singapur"}`, `market.timeZone: "Asia/Singapur" is not allowed; allowed: a zone of the IANA database, as Asia/Singapore`},
		{`"market":{"timeZone":"Local"}`, `market.timeZone: "Local" is not allowed; allowed: a zone of the IANA database, as Asia/Singapore`},
		{`"market":{"open":"9:00"}`, `market.open: "9:00" is not allowed; allowed: a time of day in quotes, 00:00 to 24:00, as "09:00"`},
		{`"market":{"holidays":["2027-02-30"]}`, `market.holidays[0]: "2027-02-30" is not allowed; allowed: ` + holidays},
		{`"market":{"holidays":["2026-12-24=noon"]}`, `market.holidays[0]: "2026-12-24=noon" is not allowed; allowed: ` + holidays},
		{`"market":{"holidays":["2026-12-24,2026-12-25"]}`, `market.holidays[0]: "2026-12-24,2026-12-25" is not allowed; allowed: ` + holidays},
		{`"market":{"holidays":[""]}`, `market.holidays[0]: "" is not allowed; allowed: ` + holidays},
		{`"alarms":{"email":"Ops <ops@x.io>"}`, `alarms.email: "Ops <ops@x.io>" is not allowed; allowed: one e-mail address, as oncall@example.org`},
		{`"backup":{"region":"tokyo"}`, `backup.region: "tokyo" is not allowed; allowed: an AWS region, as ap-southeast-1`},
		{`"backup":{"region":"cn-north-1"}`, `backup.region: "cn-north-1" is not allowed` + commercial},
		{`"edge":{"certificateArn":"arn:aws-cn:acm:cn-north-1:123456789012:certificate/ab-c"}`, `edge.certificateArn: ` +
			`"arn:aws-cn:acm:cn-north-1:123456789012:certificate/ab-c" is not allowed; allowed: the ARN of an ACM certificate, ` +
			`as arn:aws:acm:ap-southeast-1:123456789012:certificate/…`},
		{`"identity":{"issuer":"http://id"}`, `identity.issuer: "http://id" is not allowed; allowed: an address that starts with https://`},
		{`"edge":{"domain":"Fleet.io"}`, `edge.domain: "Fleet.io" is not allowed; allowed: a lower-case domain name, as fleet.example.org`},
		{`"delivery":{"repository":"acme/fleet"}`, `account.githubOidc: "off" leaves delivery.repository nobody to trust; allowed: adopt, create`},
		{`"delivery":{"repository":"fleet"}`, `delivery.repository: "fleet" is not allowed; allowed: owner/name on GitHub`},
		{`"images":{"api":"r/api:1.2"}`, `images.api: "r/api:1.2" has no digest, and from 1000 users on a tag is no promise; allowed: registry/name@sha256:…`},
		{`"images":{"api":"r api"}`, `images.api: "r api" is not allowed; allowed: a container image reference, as registry/name@sha256:…`},
		{`"workers":{"ami":"latest"}`, `workers.ami: "latest" is not allowed; allowed: a release of the ECS-optimized Amazon Linux 2023 image, as 2023.0.20261113`},
		// values that do not go together
		{`"workers":{"instances":14}`, `workers.instances: 14 × r6i.4xlarge hold 3360 workers, 10000 users need 3500 at peak; allowed: 15 to 4999`},
		{`"workers":{"minInstances":16}`, `workers.minInstances: 16 is more than workers.instances; allowed: 1 to 15`},
		{`"workers":{"maxInstances":15}`, `workers.maxInstances: 15 leaves no host above the 15 of workers.instances for a roll; allowed: 16 to 5000`},
		{`"workers":{"memorySoft":1025}`, "workers.memorySoft: 1025 is more than workers.memoryHard; allowed: 6 to 1024\n" +
			`workers.memorySoft: 1025 × 240 planned workers exceed the 130560 MiB of r6i.4xlarge; allowed: 6 to 544`},
		{`"workers":{"cpu":65}`, `workers.cpu: 65 × 240 planned workers exceed the 15360 units of r6i.4xlarge; allowed: 64`},
		{`"workers":{"cpu":63}`, `workers.cpu: 63 lets 243 workers on a host planned for 240; allowed: 64`},
		{`"workers":{"cpu":32}`, `workers.cpu: 32 lets 340 workers on a host planned for 240; allowed: 64`},
		{`"users":100,"workers":{"cpu":61}`, `workers.cpu: 61 lets 31 workers on a host planned for 30; allowed: 62 to 64`},
		{`"workers":{"cpu":0}`, `workers.cpu: 0 is not allowed; allowed: 1 to 4096`},
		{`"workers":{"memorySoft":0}`, `workers.memorySoft: 0 is not allowed; allowed: 6 to 262144`},
		{`"workers":{"instanceType":"r7g.4xlarge"}`, `workers.instanceType: "r7g.4xlarge" is not allowed with architecture x86_64; allowed: ` + x86Workers},
		{`"architecture":"arm64","workers":{"instanceType":"r6i.4xlarge"}`, `workers.instanceType: "r6i.4xlarge" is not allowed ` +
			`with architecture arm64; allowed: r7g.large, r7g.xlarge, r7g.2xlarge, r7g.4xlarge, r7g.8xlarge`},
		{`"workers":{"instanceType":"t3.micro"}`, `workers.instanceType: "t3.micro" is not allowed with architecture x86_64; allowed: ` + x86Workers},
		{`"workers":{"fallbackType":"r5.2xlarge"}`, `workers.fallbackType: "r5.2xlarge" is not allowed; allowed: r6a.4xlarge, r5.4xlarge, r7i.4xlarge`},
		{`"api":{"instanceType":"r6i.large"}`, `api.instanceType: "r6i.large" is not allowed with architecture x86_64; allowed: ` +
			strings.ReplaceAll(x86Workers, "r6i", "m6i")},
		{`"database":{"instanceClass":"db.m5.large"}`, `database.instanceClass: "db.m5.large" is not allowed; allowed: db.t3.large, ` +
			`db.r6g.large, db.r6g.xlarge, db.r6g.2xlarge, db.r6g.4xlarge, db.r6g.8xlarge, db.r6g.16xlarge`},
		{`"api":{"instances":29}`, `api.instances: 29 × m6i.xlarge have 116 vCPU, 10000 users need 120; allowed: 30 to 5000`},
		{`"api":{"instanceType":"m6i.large"}`, `api.instances: 30 × m6i.large have 60 vCPU, 10000 users need 120; allowed: 60 to 5000`},
		{`"lambda":{"concurrency":499}`, `lambda.concurrency: 499 is less than 10000 users need; allowed: 500 to 100000`},
		{`"valkey":{"storageGB":9,"ecpu":99999}`, "valkey.ecpu: 99999 is less than 10000 users need; allowed: 100000 to 15000000\n" +
			`valkey.storageGB: 9 is less than 10000 users need; allowed: 10 to 5000`},
		{`"valkey":{"mode":"cluster","shards":3,"nodeType":"cache.t2.micro"}`, `valkey.nodeType: "cache.t2.micro" is not allowed; allowed: ` + cacheNodes},
		{`"users":100000,"valkey":{"shards":5}`, `valkey.shards: 5 × cache.r7g.large hold 65.35 GB, 100000 users need 78.42; allowed: 6 to 250`},
		{`"users":100000,"valkey":{"shards":2,"nodeType":"cache.r7g.xlarge"}`, `valkey.shards: 2 × cache.r7g.xlarge hold 52.64 GB, ` +
			`100000 users need 78.42; allowed: 3 to 250`},
		{`"database":{"instanceClass":"db.r6g.large"}`, `database.instanceClass: db.r6g.large has 16 GB, 10000 users need 32; allowed: ` +
			`db.r6g.xlarge, db.r6g.2xlarge, db.r6g.4xlarge, db.r6g.8xlarge, db.r6g.16xlarge`},
		{`"database":{"multiAz":false}`, `database.readReplicas: 1 need database.multiAz, which is false; allowed: 0, or multiAz: true`},
		{`"valkey":{"mode":"cluster"}`, "valkey.nodeType: must be stated with mode cluster; allowed: " + cacheNodes + "\n" +
			`valkey.shards: must be stated with mode cluster; allowed: 1 to 250`},
		{`"users":50000,"valkey":{"mode":"both","storageGB":38}`, "valkey.ecpu: must be stated with mode both; allowed: 500000 to 15000000\n" +
			`valkey.storageGB: 38 is less than 50000 users need; allowed: 39 to 5000`},
		{`"network":{"cidr":"10.20.0.0/24"}`, `network.cidr: 10.20.0.0/24 is too small for the 214 addresses of this stack at its maximum; allowed: /16 to /23`},
		{`"users":100,"workers":{"maxInstances":5000},"network":{"cidr":"10.20.0.0/20"}`, `network.cidr: 10.20.0.0/20 is too small ` +
			`for the 10126 addresses of this stack at its maximum; allowed: /16 to /17`},
		{`"users":1000000,"network":{"natPerZone":false}`, `network.natPerZone: false needs 13 public addresses on a NAT gateway, which takes 8; allowed: true`},
		{`"market":{"holidays":["2026-12-24=17:00"]}`, `market.holidays: a half day does not close during trading; allowed: a close after 09:00 and before 17:00`},
		{`"market":{"open":"17:00"}`, `market.close: "17:00" is not after market.open "17:00"; allowed: a later time of the same day`},
		{`"features":{"crossRegionBackup":true},"backup":{"region":"ap-southeast-1"}`, `backup.region: ap-southeast-1 is the stack's own region; allowed: another region`},
		{`"edge":{"certificateArn":"arn:aws:acm:us-east-1:123456789012:certificate/ab-c"}`, `edge.certificateArn: the certificate is in us-east-1; allowed: one in ap-southeast-1`},
		{`"edge":{"certificateArn":"arn:aws:acm:ap-southeast-1:123456789012:certificate/ab-c","hostedZoneId":"Z0123456789ABCDEFGHIJ"}`,
			`edge.certificateArn: is stated beside edge.hostedZoneId, which brings a certificate of its own; allowed: one of them`},
	}
}

const cacheNodes = "cache.r6g.large, cache.r7g.large, cache.r6g.xlarge, cache.r7g.xlarge, cache.r7g.2xlarge, cache.r7g.4xlarge, cache.r7g.8xlarge"

func cidrSays(cidr string) string {
	return `network.cidr: "` + cidr + `" is not allowed; allowed: an IPv4 block of /16 to /28 whose address is its first, ` +
		`as 10.20.0.0/16, outside 172.17.0.0/16 (Docker's)`
}

// What is not one object, a missing region and missing users are refused before anything else is looked at.
func TestRefusedWhole(t *testing.T) {
	for text, says := range map[string]string{
		``:       `workerfleet:platform: is not JSON (EOF); allowed: one object`,
		`{`:      `workerfleet:platform: is not JSON (unexpected EOF); allowed: one object`,
		`[]`:     `workerfleet:platform: found a list, expected one object`,
		`null`:   `workerfleet:platform: found no value, expected one object`,
		`{} {}`:  `workerfleet:platform: holds more than one value; allowed: one object`,
		`{}`:     `users: is not stated; allowed: 1 to 1000000`,
		`"text"`: `workerfleet:platform: found the text "text", expected one object`,
	} {
		_, err := Decode([]byte(text), singapore)
		require.EqualError(t, err, says, text)
	}
	_, err := Decode([]byte(`{"users":100}`), "")
	require.EqualError(t, err, `aws:region: "" is not allowed; allowed: an AWS region, as ap-southeast-1`)
	for _, region := range []string{"cn-northwest-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1"} {
		_, err = Decode([]byte(`{"users":100}`), region)
		require.EqualError(t, err, `aws:region: "`+region+`" is not allowed, because the platform's policies name resources of `+
			`the commercial partition (arn:aws:…); allowed: a commercial region, as ap-southeast-1`)
	}
}

// Words and formats of values that end up in a process's environment are those that its reader takes: every word of a
// tag is read, and half days and a market that closes at midnight pass.
func TestProcessesTakeWhatIsAllowed(t *testing.T) {
	refused := func(err error, variable string) bool {
		var problems settings.Problems
		return errors.As(err, &problems) &&
			slices.ContainsFunc(problems.Found, func(p settings.Problem) bool { return p.Name == variable })
	}
	words := func(of any, field string) []string {
		f, found := reflect.TypeOf(of).FieldByName(field)
		require.True(t, found, field)
		return strings.Split(f.Tag.Get("words"), "|")
	}
	for variable, allowed := range map[string][]string{
		settings.EnvBroker: words(Config{}, "Broker"), settings.EnvRecycle: words(Workers{}, "Recycle"),
		settings.EnvBackgroundTasks: words(Features{}, "BackgroundTasks"),
	} {
		for _, word := range append(allowed, "no such word") {
			environment := func(name string) string { return map[string]string{variable: word}[name] }
			_, worker := settings.Read[settings.Worker](environment, nil)
			_, api := settings.Read[settings.API](environment, nil)
			require.Equal(t, word == "no such word", refused(worker, variable) || refused(api, variable), "%s=%s", variable, word)
		}
	}
	c, err := Decode([]byte(`{"users":100,"market":{"open":"00:00","close":"24:00","holidays":["2026-12-25","2026-12-24=12:30"]}}`), singapore)
	require.NoError(t, err)
	require.Equal(t, []string{"2026-12-25", "2026-12-24=12:30"}, c.Market.Holidays)
	require.Equal(t, "24:00", c.Market.Close)
}

// Everything that is wrong is reported at once, sorted by field, also when the users are missing.
func TestManyProblemsAtOnce(t *testing.T) {
	_, err := Decode([]byte(`{"users":5000,"protection":"soft","workers":{"instances":3,"minInstances":4,"cpus":1},
		"valkey":{"mode":"cluster"},"database":{"multiAz":false},"market":{"open":"18:00","timeZone":"Mars"}}`), "moon")
	require.EqualError(t, err, strings.Join([]string{
		`aws:region: "moon" is not allowed; allowed: an AWS region, as ap-southeast-1`,
		`database.readReplicas: 1 need database.multiAz, which is false; allowed: 0, or multiAz: true`,
		`market.close: "17:00" is not after market.open "18:00"; allowed: a later time of the same day`,
		`market.timeZone: "Mars" is not allowed; allowed: a zone of the IANA database, as Asia/Singapore`,
		`protection: "soft" is not allowed; allowed: strict, relaxed`,
		`valkey.nodeType: must be stated with mode cluster; allowed: ` + cacheNodes,
		`valkey.shards: must be stated with mode cluster; allowed: 1 to 250`,
		`workers.cpus: unknown key, did you mean cpu?; allowed: instanceType, fallbackType, instances, minInstances, ` +
			`maxInstances, cpu, memorySoft, memoryHard, ami, recycle, maxLives, canaryShare`,
		`workers.instances: 3 × r6i.2xlarge hold 360 workers, 5000 users need 1750 at peak; allowed: 15 to 4999`,
		`workers.minInstances: 4 is more than workers.instances; allowed: 1 to 3`,
	}, "\n"))

	_, err = Decode([]byte(`{"broker":1,"valkey":{"mode":"x"}}`), singapore)
	require.EqualError(t, err, "broker: found the number 1, expected a text\nusers: is not stated; allowed: 1 to 1000000\n"+
		`valkey.mode: "x" is not allowed; allowed: serverless, cluster, both`)
}

// Tags are literals that nothing else checks: every range parses, every format is known, every key is a JSON key.
func TestTags(t *testing.T) {
	fields := 0
	var visit func(reflect.Type)
	visit = func(of reflect.Type) {
		for i := range of.NumField() {
			field := of.Field(i)
			if field.Tag.Get("json") == "-" {
				continue
			}
			fields++
			require.NotEmpty(t, field.Tag.Get("json"), field.Name)
			if low, high, ranged := strings.Cut(field.Tag.Get("range"), ".."); ranged {
				require.Less(t, tagNumber(low), tagNumber(high), field.Name)
			} else {
				require.NotContains(t, []reflect.Kind{reflect.Int, reflect.Float64}, field.Type.Kind(), field.Name)
			}
			if format := field.Tag.Get("is"); format != "" {
				require.NotContains(t, formatAllows(format), "unknown format", field.Name)
				require.False(t, formats(format, "no such thing!"), field.Name)
			}
			if field.Type.Kind() == reflect.Struct {
				visit(field.Type)
			}
		}
	}
	visit(reflect.TypeFor[Config]())
	require.Equal(t, 71, fields)
}

// No text makes Decode panic, and it answers with a configuration or with problems that name a field, never with both.
func FuzzDecode(f *testing.F) {
	f.Add(`{"users":100}`, singapore)
	f.Add(`{"users":50000,"valkey":{"mode":"both","shards":3},"network":{"cidr":"10.0.0.0/16"}}`, "eu-west-1")
	f.Add(`{"users":1e3,"workers":{"instances":-1,"instanceType":"r","fallbackType":"."},"images":{"api":null}}`, "")
	f.Add(`{"users":9,"workers":{"cpu":0,"memorySoft":-1},"valkey":{"mode":"both","nodeType":"x"},"api":{"instances":-7}}`, "eu-west-1")
	f.Add(`{"edge":{"certificateArn":"arn:aws:acm"},"market":{"holidays":[[],{}]},"users":7}`, singapore)
	f.Fuzz(func(t *testing.T, platform, region string) {
		c, err := Decode([]byte(platform), region)
		if err == nil {
			require.GreaterOrEqual(t, c.Workers.Instances*c.Plan.Workers.PerHost, 1)
			require.Equal(t, c.Users, c.Plan.Users)
			return
		}
		require.Zero(t, c.Users)
		problems, ok := err.(Problems)
		require.True(t, ok)
		require.NotEmpty(t, problems)
		for _, p := range problems {
			require.NotEmpty(t, p.Says)
		}
		_, marshalErr := json.Marshal(problems)
		require.NoError(t, marshalErr)
	})
}
