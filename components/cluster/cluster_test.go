package cluster_test

import (
	"encoding/base64"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/cluster"
	"workerfleet/components/place"
	"workerfleet/components/protection"
	"workerfleet/stacks/graph"
)

var update = flag.Bool("update", false, "rewrite the scripts in testdata")

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func standard() cluster.Args {
	return cluster.Args{
		Place: here, VPC: pulumi.String("vpc-1"), CIDR: "10.20.0.0/16", Subnets: pulumi.ToStringArray([]string{"subnet-a", "subnet-b", "subnet-c"}),
		APIGroup: pulumi.String("sg-api"), Balancer: cluster.Balancer{Group: pulumi.String("sg-edge"), FirstPort: 32_768, LastPort: 65_535},
		VolumesKey: pulumi.String("volumes-key"), LogsKey: pulumi.String("logs-key"),
		Workers:  cluster.Hosts{Image: "ami-1", InstanceType: "r6i.large", Min: 2, Max: 18, VolumeGB: 50},
		API:      cluster.Hosts{Image: "ami-2", InstanceType: "m6i.large", Min: 10, Max: 15, VolumeGB: 30},
		Calendar: cluster.Calendar{TimeZone: "Asia/Singapore", Open: "09:00", Close: "17:00", Lead: time.Hour, Tail: time.Hour, Hosts: 12},
		Tags:     map[string]string{"app": "workerfleet"},
	}
}

func record(args cluster.Args) (*graph.Graph, error) {
	return graph.Record(func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		args.Topic = topic
		_, err = cluster.New(ctx, "cluster", &args)
		return err
	}, graph.Run{})
}

func recorded(t *testing.T, args cluster.Args) *graph.Graph {
	t.Helper()
	g, err := record(args)
	require.NoError(t, err)
	return g
}

func named(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name && r.Custom {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

// The cluster measures itself without a series for each task, writes interactive sessions down, knows both providers,
// and has no default strategy that a daemon would inherit.
func TestCluster(t *testing.T) {
	g := recorded(t, standard())
	made := named(t, g, "cluster-ecs")
	require.Equal(t, "tier-1k-cluster", made.Text("name"))
	require.Equal(t, []any{map[string]any{"name": "containerInsights", "value": "enabled"}}, made.Value("settings"))
	require.Equal(t, "OVERRIDE", made.Text("configuration.executeCommandConfiguration.logging"))
	require.Equal(t, "logs-key", made.Text("configuration.executeCommandConfiguration.kmsKeyId"))
	log := named(t, g, "cluster-exec")
	require.Equal(t, log.PhysicalName(), made.Text("configuration.executeCommandConfiguration.logConfiguration.cloudWatchLogGroupName"))
	require.Equal(t, map[string]any{"kmsKeyId": "logs-key", "retentionInDays": 365.0}, log.Inputs)
	providers := named(t, g, "cluster-providers")
	require.Equal(t, []any{named(t, g, "cluster-workers-provider").PhysicalName(), named(t, g, "cluster-api-provider").PhysicalName()},
		providers.Value("capacityProviders"))
	require.NotContains(t, providers.Inputs, "defaultCapacityProviderStrategies")
}

// Both groups scale by their tasks, lose only hosts that are empty, and drain what they lose; the workers' keeps hosts
// ahead of its tasks.
func TestCapacity(t *testing.T) {
	g := recorded(t, standard())
	for name, want := range map[string]struct{ target, min, max float64 }{"workers": {90, 2, 18}, "api": {100, 10, 15}} {
		group, provider := named(t, g, "cluster-"+name+"-group"), named(t, g, "cluster-"+name+"-provider")
		require.Equal(t, want.min, group.Value("minSize"))
		require.Equal(t, want.max, group.Value("maxSize"))
		require.NotContains(t, group.Inputs, "desiredCapacity")
		require.Equal(t, []string{"desiredCapacity"}, group.Options.IgnoreChanges)
		require.True(t, group.Flag("protectFromScaleIn"))
		require.False(t, group.Flag("forceDelete"))
		require.Len(t, group.Value("vpcZoneIdentifiers"), 3)
		require.Contains(t, group.Value("tags"), map[string]any{"key": "app", "value": "workerfleet", "propagateAtLaunch": true})
		require.Contains(t, group.Value("tags"), map[string]any{"key": "AmazonECSManaged", "value": "true", "propagateAtLaunch": true})
		template := named(t, g, "cluster-"+name+"-template")
		require.Equal(t, map[string]any{"id": template.Outputs["id"], "version": "1"}, group.Value("launchTemplate"))
		of := provider.Inputs["autoScalingGroupProvider"].(map[string]any)
		require.Equal(t, group.Outputs["arn"], of["autoScalingGroupArn"])
		require.Equal(t, "ENABLED", of["managedDraining"])
		require.Equal(t, "ENABLED", of["managedTerminationProtection"])
		require.Equal(t, want.target, provider.Value("autoScalingGroupProvider.managedScaling.targetCapacity"))
		require.Equal(t, "ENABLED", provider.Value("autoScalingGroupProvider.managedScaling.status"))
	}
	relaxed := standard()
	relaxed.Protection = protection.Relaxed
	require.True(t, named(t, recorded(t, relaxed), "cluster-workers-group").Flag("forceDelete"))
}

// A new template reaches API hosts at once and worker hosts only as they come: a refresh would end sessions. A worker
// host that is to end is held back for as long as a container may take to stop.
func TestRollout(t *testing.T) {
	g := recorded(t, standard())
	workers, api := named(t, g, "cluster-workers-group"), named(t, g, "cluster-api-group")
	require.NotContains(t, workers.Inputs, "instanceRefresh")
	require.Equal(t, []any{"AZRebalance"}, workers.Value("suspendedProcesses"))
	require.Equal(t, "Refresh", api.Text("instanceRefresh.preferences.scaleInProtectedInstances"))
	require.Equal(t, 100.0, api.Value("instanceRefresh.preferences.minHealthyPercentage"))
	hook := g.OfType("aws:autoscaling/lifecycleHook:LifecycleHook")
	require.Len(t, hook, 1)
	require.Equal(t, workers.PhysicalName(), hook[0].Text("autoscalingGroupName"))
	require.Equal(t, "autoscaling:EC2_INSTANCE_TERMINATING", hook[0].Text("lifecycleTransition"))
	require.Equal(t, float64(cluster.DrainSeconds), hook[0].Value("heartbeatTimeout"))
}

// A fallback of the same size is used on demand while the first type has no capacity.
func TestFallback(t *testing.T) {
	args := standard()
	args.Workers.FallbackType = "r6a.large"
	group := named(t, recorded(t, args), "cluster-workers-group")
	require.NotContains(t, group.Inputs, "launchTemplate")
	require.Equal(t, []any{map[string]any{"instanceType": "r6i.large"}, map[string]any{"instanceType": "r6a.large"}},
		group.Value("mixedInstancesPolicy.launchTemplate.overrides"))
	require.Equal(t, map[string]any{"onDemandAllocationStrategy": "prioritized", "onDemandPercentageAboveBaseCapacity": 100.0},
		group.Value("mixedInstancesPolicy.instancesDistribution"))
}

// A host keeps its metadata to itself, has encrypted volumes, no key pair and no public address; its role joins the
// cluster and does nothing else.
func TestHosts(t *testing.T) {
	g := recorded(t, standard())
	for name, security := range map[string]any{"workers": named(t, g, "cluster-workers-hosts").Outputs["id"], "api": "sg-api"} {
		template := named(t, g, "cluster-"+name+"-template")
		require.Equal(t, map[string]any{"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1.0}, template.Value("metadataOptions"))
		require.Equal(t, []any{security}, template.Value("vpcSecurityGroupIds"))
		require.NotContains(t, template.Inputs, "keyName")
		require.NotContains(t, template.Inputs, "networkInterfaces")
		require.Equal(t, true, template.Value("monitoring.enabled"))
		volume := template.Value("blockDeviceMappings").([]any)[0].(map[string]any)["ebs"].(map[string]any)
		require.Equal(t, "gp3", volume["volumeType"])
		require.Equal(t, "true", volume["encrypted"])
		require.Equal(t, "volumes-key", volume["kmsKeyId"])
		profile := named(t, g, "cluster-"+name+"-host-profile")
		require.Equal(t, profile.Outputs["arn"], template.Value("iamInstanceProfile.arn"))
		require.Equal(t, "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", named(t, g, "cluster-"+name+"-host-managed-1").Text("policyArn"))
		policy := named(t, g, "cluster-"+name+"-host-policy").Text("policy")
		require.Contains(t, policy, "arn:aws:ecs:ap-southeast-1:111122223333:container-instance/tier-1k-cluster/*")
		for _, never := range []string{"ecs:RunTask", "ecs:StopTask", "ecr:", "logs:", "s3:", "ecs:*", "iam:"} {
			require.NotContains(t, policy, never)
		}
	}
}

// The load balancer alone calls API hosts. Nobody calls a worker host, and it calls brokers and AWS by HTTPS only.
func TestWorkerHostsGroup(t *testing.T) {
	g := recorded(t, standard())
	in := g.OfType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
	require.Len(t, in, 1)
	require.Equal(t, map[string]any{
		"securityGroupId": "sg-api", "referencedSecurityGroupId": "sg-edge", "ipProtocol": "tcp", "fromPort": 32_768.0, "toPort": 65_535.0,
		"description": "The load balancer, on the ports that hosts give tasks",
	}, in[0].Inputs)
	rules := g.OfType("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
	require.Len(t, rules, 1)
	require.Equal(t, 443.0, rules[0].Value("toPort"))
	require.Equal(t, named(t, g, "cluster-workers-hosts").Outputs["id"], rules[0].Value("securityGroupId"))
}

// Whatever must go first on a destroy depends on what goes after it: providers list → provider → group → cluster.
func TestDestroyOrder(t *testing.T) {
	g := recorded(t, standard())
	for _, name := range []string{"workers", "api"} {
		group, provider := named(t, g, "cluster-"+name+"-group"), named(t, g, "cluster-"+name+"-provider")
		require.Contains(t, group.Options.DependsOn, named(t, g, "cluster-ecs").URN)
		require.Contains(t, provider.Options.DependsOn, group.URN)
		require.Contains(t, named(t, g, "cluster-providers").Options.DependsOn, provider.URN)
	}
}

// The calendar acts an hour before the open and an hour after the close, in the market's time zone.
func TestCalendar(t *testing.T) {
	g := recorded(t, standard())
	group := named(t, g, "cluster-workers-group").PhysicalName()
	require.Equal(t, map[string]any{
		"scheduledActionName": "open", "autoscalingGroupName": group, "recurrence": "0 8 * * 1-5", "timeZone": "Asia/Singapore",
		"minSize": 12.0, "maxSize": 18.0, "desiredCapacity": -1.0,
	}, named(t, g, "cluster-workers-open").Inputs)
	closing := named(t, g, "cluster-workers-close")
	require.Equal(t, "0 18 * * 1-5", closing.Text("recurrence"))
	require.Equal(t, 2.0, closing.Value("minSize"))
}

// Around midnight the weekdays move: an action before it falls on the day before, one after it on the day after.
func TestCalendarAroundMidnight(t *testing.T) {
	for _, day := range []struct {
		open, shut      string
		raised, lowered string
	}{
		{"00:30", "08:00", "30 23 * * 0-4", "0 9 * * 1-5"},
		{"01:00", "23:00", "0 0 * * 1-5", "0 0 * * 2-6"},
		{"09:30", "24:00", "30 8 * * 1-5", "0 1 * * 2-6"},
	} {
		args := standard()
		args.Calendar.Open, args.Calendar.Close = day.open, day.shut
		if day.open == "01:00" {
			args.Calendar.Tail = 59 * time.Minute // a full day between both would never lower
			day.lowered = "59 23 * * 1-5"
		}
		g := recorded(t, args)
		require.Equal(t, day.raised, named(t, g, "cluster-workers-open").Text("recurrence"), day.open)
		require.Equal(t, day.lowered, named(t, g, "cluster-workers-close").Text("recurrence"), day.shut)
	}
}

// The hosts' scripts are the reviewed ones, and a shell can read them. What they do on a real host is not shown here.
func TestScripts(t *testing.T) {
	g := recorded(t, standard())
	for group, role := range map[string]string{"workers": "worker", "api": "api"} {
		text, err := base64.StdEncoding.DecodeString(named(t, g, "cluster-"+group+"-template").Text("userData"))
		require.NoError(t, err)
		path := filepath.Join("testdata", role+"-host.sh")
		if *update {
			require.NoError(t, os.WriteFile(path, text, 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), string(text), "go test ./components/cluster -run Scripts -update rewrites it")
		said, err := exec.Command("bash", "-n", path).CombinedOutput()
		require.NoError(t, err, string(said))
		require.Less(t, len(text), 16_384, "EC2's limit of user data")
	}
}

// The rules of the wall: metadata is closed on every host; on worker hosts the VPC, other containers and the host itself
// are closed too, but for the DNS cache and the task metadata; API hosts reach the VPC, where their stores are.
func TestWall(t *testing.T) {
	worker, err := cluster.Script{Cluster: "c", Role: cluster.WorkerHost, VPC: "10.20.0.0/16"}.Text()
	require.NoError(t, err)
	api, err := cluster.Script{Cluster: "c", Role: cluster.APIHost, VPC: "10.20.0.0/16"}.Text()
	require.NoError(t, err)
	lines := strings.Split(worker, "\n")
	at := func(part string) int {
		return slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, part) })
	}
	for _, script := range []string{worker, api} {
		require.Contains(t, script, "-A FLEET-FORWARD -d 169.254.169.254/32 -j DROP")
		require.Contains(t, script, "Requires=fleet-wall.service")
		require.NotContains(t, script, "169.254.170.2/32 -j DROP")
	}
	require.Contains(t, worker, "-A FLEET-FORWARD -d 10.20.0.0/16 -j DROP")
	require.NotContains(t, api, "10.20.0.0/16")
	require.Positive(t, at("-p udp --dport 53 -j ACCEPT"))
	require.Less(t, at("-p udp --dport 53 -j ACCEPT"), at("-A FLEET-INPUT -j DROP"))
	require.Contains(t, worker, "DNSStubListenerExtra=172.17.0.1")
	require.Contains(t, worker, "d /run/fleet 0770 10001 10001 -")
	require.Contains(t, worker, `ECS_INSTANCE_ATTRIBUTES={"fleet.role":"worker"}`)
	require.Contains(t, api, `ECS_INSTANCE_ATTRIBUTES={"fleet.role":"api"}`)
	require.NotContains(t, api, "/run/fleet ")
}

// Hosts that do not come, are ill, or can be no more are told of.
func TestAlarms(t *testing.T) {
	g := recorded(t, standard())
	for _, name := range []string{"workers", "api"} {
		group := named(t, g, "cluster-"+name+"-group")
		full := named(t, g, "cluster-"+name+"-full")
		require.Equal(t, group.PhysicalName(), full.Text("dimensions.AutoScalingGroupName"))
		require.Equal(t, group.Value("maxSize").(float64)-1, full.Value("threshold"))
		require.Equal(t, "StatusCheckFailed", named(t, g, "cluster-"+name+"-ill").Text("metricName"))
		require.Equal(t, named(t, g, "cluster-"+name+"-provider").PhysicalName(), named(t, g, "cluster-"+name+"-short").Text("dimensions.CapacityProviderName"))
		require.Contains(t, named(t, g, "cluster-"+name+"-refused").Text("eventPattern"), group.PhysicalName())
	}
}

// Every wrong argument is named at once, and nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := cluster.New(ctx, "cluster", &cluster.Args{
			Place: here, Protection: "none", Workers: cluster.Hosts{InstanceType: "large", FallbackType: "r6a.xlarge", Min: 3, Max: 2},
			Calendar: cluster.Calendar{TimeZone: "Mars/Olympus"},
		})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		`cluster.Cluster "cluster": `, "vpc, cidr and apiGroup: one is missing", "balancer: ports 0 to 0, with or without a group", "subnets: 0 are not allowed; allowed: 2 or more",
		"volumesKey and logsKey: one is missing", "topic: is missing", `protection: "none" is not allowed`,
		`workers.image: "" is not allowed`, "workers.min: 3 with max 2 is not allowed", "workers.volumeGB: 0 is not allowed; allowed: 30 or more",
		`workers.instanceType: "large" is not allowed`, `workers.fallbackType: "r6a.xlarge" is not allowed`,
		`calendar.timeZone: "Mars/Olympus" is not allowed; allowed: an IANA name such as Asia/Singapore`,
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())

	args := standard()
	for want, change := range map[string]func(*cluster.Calendar){
		`calendar.open: "9" is not allowed; allowed: HH:MM`:                                                         func(c *cluster.Calendar) { c.Open = "9" },
		`calendar.close: "08:00" is not allowed`:                                                                    func(c *cluster.Calendar) { c.Close = "08:00" },
		"calendar.hosts: 19 is not allowed; allowed: workers.min to workers.max, 2 to 18":                           func(c *cluster.Calendar) { c.Hosts = 19 },
		"calendar: from 15h0m0s before the open to 1h0m0s after the close is not allowed; allowed: less than a day": func(c *cluster.Calendar) { c.Lead = 15 * time.Hour },
	} {
		wrong := args
		change(&wrong.Calendar)
		_, err := record(wrong)
		require.ErrorContains(t, err, want)
	}
}

// The account's defaults are made by the stack that is told to, and say what every cluster of the account inherits.
func TestSettings(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := cluster.NewSettings(ctx, "ecs-settings")
		return err
	}, graph.Run{})
	require.NoError(t, err)
	values := map[string]string{}
	for _, setting := range g.OfType("aws:ecs/accountSettingDefault:AccountSettingDefault") {
		require.Equal(t, "ecs-settings-"+setting.Text("name"), setting.Name)
		values[setting.Text("name")] = setting.Text("value")
	}
	require.Equal(t, map[string]string{"containerInsights": "enabled", "defaultLogDriverMode": "non-blocking", "tagResourceAuthorization": "on"}, values)
}
