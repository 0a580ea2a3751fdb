package fleet

// MailKind says what a piece of mail asks of a worker.
type MailKind string

// The kinds of mail.
const (
	// MailAssign gives the worker a user: Sealed holds the credentials.
	MailAssign MailKind = "assign"
	// MailRelease ends the session: the worker resets itself.
	MailRelease MailKind = "release"
	// MailOrder gives a session an order to execute.
	MailOrder MailKind = "order"
	// MailCancel takes the order back, where that is still possible.
	MailCancel MailKind = "cancel"
	// MailWithdraw takes it back if it has not been begun: orders are switched off.
	MailWithdraw MailKind = "withdraw"
	// MailVerify asks what became of the order.
	MailVerify MailKind = "verify"
	// MailCommitted confirms that the outcome Number is in the ledger, so that nobody has to keep it any more.
	MailCommitted MailKind = "committed"
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
	// BeginAt is the lowest sequence number that an order of the session may have.
	BeginAt uint64 `json:"beginAt,omitempty"`
	// Order is what the mail is about; of [MailOrder], [MailCancel], [MailWithdraw] and [MailVerify].
	Order *Order `json:"order,omitempty"`
	// Number is the outcome that is committed.
	Number uint64 `json:"number,omitempty"`
}

// Ready is the word that an assignment is confirmed and its credentials are opened, or why not.
type Ready struct {
	Worker Worker `json:"worker"`
	User   User   `json:"user"`
	Epoch  Epoch  `json:"epoch"`
	// Refused is empty when the worker is ready, else its reason.
	Refused string `json:"refused,omitempty"`
}
