// Package httpapi knows the platform's HTTP interface: how users ask for, see and end their sessions, how a process says
// that it is alive and ready, and how errors look (problem+json, RFC 9457).
//
//	POST   /v1/sessions   200 {sessionId, epoch, workerId, readyMs} when the worker is ready, 202 {rank, estimateSeconds}
//	GET    /v1/sessions   200 as above, 404
//	DELETE /v1/sessions   204
//	POST   /v1/orders     202 the order, committed; 200 if its key had it already; GET lists, GET and DELETE /v1/orders/{id}
//	GET    /v1/events     server-sent events, from Last-Event-ID on
//	POST   /v1/webhooks   201 an address and its secret; signals come to /v1/webhooks/{token}, by no other identity
//	PUT    /v1/credentials, /v1/halt   204
//	GET    /healthz       200 while the process runs
//	GET    /readyz        200 while it can serve, else 503 with the reason
//
// openapi.yaml says all of it, and is served; every test's requests and answers are held against it.
//
// Who the user is comes from one middleware value, so that the deployment chooses the identity provider.
package httpapi
