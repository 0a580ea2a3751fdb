// Package provider knows how AWS answers Pulumi's engine, without being AWS.
//
// It is the simulated AWS provider: the real engine starts it as its aws plugin, one process for each provider
// instance. It refuses types and property names that the AWS SDK does not have, and whatever the rules of
// workerfleet/stacks/policy refuse; it knows which properties force a replacement; it gives ids and names that are the
// same in every run. It keeps nothing: the engine's state file is the only memory. It opens no connection but the
// loopback socket that the engine asked for, and nothing that it "creates" exists.
package provider
