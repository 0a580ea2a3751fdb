// Package httpapi knows the platform's HTTP interface: how users ask for, see and end their sessions, how a process says
// that it is alive and ready, and how errors look (problem+json, RFC 9457).
//
//	POST   /v1/sessions   200 {sessionId, epoch, workerId, readyMs} when the worker is ready, 202 {rank, estimateSeconds}
//	GET    /v1/sessions   200 as above, 404
//	DELETE /v1/sessions   204
//	GET    /healthz       200 while the process runs
//	GET    /readyz        200 while it can serve, else 503 with the reason
//
// Who the user is comes from one middleware value, so that the deployment chooses the identity provider.
package httpapi
