// Package engine knows how to run the real Pulumi engine and CLI over the platform's program without an AWS account.
//
// An [Engine] builds the CLI from its pinned source once, keeps state in local files, and hands the engine the
// simulated provider of workerfleet/offline/provider as its aws plugin. Everything it writes stands below one folder,
// .workerfleet; the committed stack files are read and copied, never written.
package engine
