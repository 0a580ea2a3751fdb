package fleet

// MailKind says what a piece of mail asks of a worker.
type MailKind string

// The kinds of mail.
const (
	// MailAssign gives the worker a user: Sealed holds the credentials.
	MailAssign MailKind = "assign"
	// MailRelease ends the session: the worker resets itself.
	MailRelease MailKind = "release"
)

// Mail is what travels to one life of one worker through its host's mailbox. The agent drops mail for a life or an
// epoch that is not current, so that one session's leftovers never run in the next; a worker refuses it once more.
type Mail struct {
	Kind   MailKind `json:"kind"`
	Worker Worker   `json:"worker"`
	Life   Life     `json:"life"`
	User   User     `json:"user"`
	Epoch  Epoch    `json:"epoch"`
	// Sealed are the user's credentials, closed for this worker, life and epoch; only in an assignment.
	Sealed []byte `json:"sealed,omitempty"`
	// ReplyTo names who waits for the worker to be ready; empty if nobody does.
	ReplyTo string `json:"replyTo,omitempty"`
	// BeginAt is the sequence number that the user's next order has in this session.
	BeginAt uint64 `json:"beginAt,omitempty"`
}

// Ready is the word that an assignment is confirmed and its credentials are opened, or why not.
type Ready struct {
	Worker Worker `json:"worker"`
	User   User   `json:"user"`
	Epoch  Epoch  `json:"epoch"`
	// Refused is empty when the worker is ready, else its reason.
	Refused string `json:"refused,omitempty"`
}
