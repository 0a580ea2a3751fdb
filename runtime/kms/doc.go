// Package kms knows how credentials are encrypted at rest: under a key of AWS KMS, which no process of ours holds, or,
// on one machine without an account, under a key in a local file.
//
// Both bind the ciphertext to the user. The key of AWS refuses every use that does not name one.
package kms
