// Package access knows how permissions are written: policy documents, the principals that they name, and the roles of
// AWS services.
//
// A [Document] is a list of statements in Go, written out as JSON that is the same in every run. Parts may be values
// that only AWS can give, such as the ARN of a queue: the text is then composed when they are known. Where all parts are
// plain the text is too, and a preview shows it.
//
// A [Principal] brings the conditions that it must never be named without: a service comes with the account that it has
// to act for. "Everyone" can be written in a denial only.
package access
