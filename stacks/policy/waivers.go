package policy

// Waivers are the resources that a row of the baseline does not bind, each with the reason. One that covers nothing in
// any tier fails a test.
func Waivers() []Waiver {
	const (
		bridge   = "a host carries more containers than it has network interfaces: bridge networking, with instance metadata blocked for tasks and one hop away"
		trunks   = "trunked interfaces carry 60 to 120 tasks a host, and the planned density is up to 480: what is planned needs no trunks"
		oneType  = "reserved capacity and density are planned for one type; a stack file may name a fallback of the same size"
		ports    = "a group, TLS and a role's token stand before the port; another number keeps nobody out and surprises every tool"
		unsigned = "a function's code is named by its hash and comes out of the pipeline that the deploy role is bound to; a signing profile is an account's own choice"
		tags     = "without a build a simulation shows a tag that nobody pushes; an update outside a simulation refuses to start without the digests of a release"
	)
	return []Waiver{
		{12, "perimeter-migrate", "the workflow that deploys names the group when it runs the migration; no resource stands for a run"},
		{33, "cluster-*-group", oneType},
		{54, "api-task-definition", bridge},
		{54, "keeper-task-definition", bridge},
		{54, "workers-worker-definition", bridge},
		{55, "agent-task-definition", "the agent watches workers by their pidfds, which needs the host's processes; it alone"},
		{63, "workers-worker-definition", "a worker calls nothing of AWS and is given no role; what starts it has one"},
		{65, "*-definition", tags},
		{67, "cluster-*-group", trunks},
		{96, "valkey-cluster", ports},
		{111, "database-cluster", ports},
		{129, "edge-balancer", "users and webhooks come from the internet: this is the one public entry, behind the firewall"},
		{148, "function-*-lambda", unsigned},
		{158, "database-role", "processes sign in by their role's token; the one other password is the proxy's, written anew by every migration"},
		{177, "valkey-serverless", "a stack moves from it to a cluster by configuration alone, and what it holds is rebuilt from beats and the database"},
	}
}
