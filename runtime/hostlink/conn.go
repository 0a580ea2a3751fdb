package hostlink

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// version is the protocol's. A change that an older peer would misread raises it.
const version = 1

// ErrFrame is wrapped by the errors of frames that break the rules. The connection is of no more use.
var ErrFrame = errors.New("not a frame of this protocol")

// Frames are a length of four bytes, big-endian, and that many bytes of JSON.
const (
	header = 4
	// MaxFrame is the most bytes after the length: the largest credentials, sealed, in base64, and everything else.
	MaxFrame = 96 << 10
)

// patience is how long a peer may take to send the rest of a frame that it began, or to take one: on a socket within
// one host that is enough for a peer that lives.
const patience = 5 * time.Second

// envelope adds the version to a message.
type envelope struct {
	Version int `json:"v"`
	Message
}

// Conn carries messages. One goroutine may send while another receives.
type Conn struct {
	stream net.Conn
	in     *bufio.Reader
}

// NewConn speaks the protocol on a stream, which is the Conn's to close from now on.
func NewConn(stream net.Conn) *Conn {
	return &Conn{stream: stream, in: bufio.NewReaderSize(stream, 1<<10)}
}

// Receive waits for the next message: for its first byte as long as wait, or forever if wait is 0, and then briefly for
// the rest. io.EOF says that the peer closed between two frames. After any error the connection is of no more use.
func (c *Conn) Receive(wait time.Duration) (Message, error) {
	var begin time.Time
	if wait > 0 {
		begin = time.Now().Add(wait)
	}
	if err := c.stream.SetReadDeadline(begin); err != nil {
		return Message{}, err
	}
	if _, err := c.in.Peek(1); err != nil {
		return Message{}, err
	}
	if err := c.stream.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return Message{}, err
	}
	return read(c.in)
}

// Send gives the peer a message, or fails if it does not take it in time.
func (c *Conn) Send(m Message) error {
	frame, err := encode(m)
	if err != nil {
		return err
	}
	if err := c.stream.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err = c.stream.Write(frame)
	return err
}

// Close ends the connection, and whatever waits on it.
func (c *Conn) Close() error { return c.stream.Close() }

// encode refuses to send what the peer would refuse to read.
func encode(m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	body, err := json.Marshal(envelope{version, m})
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", m.Kind, err)
	}
	if len(body) > MaxFrame {
		return nil, fmt.Errorf("send %s: has %d bytes; allowed: at most %d", m.Kind, len(body), MaxFrame)
	}
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, header+len(body)), uint32(len(body))), body...), nil
}

// read takes one frame. It reserves memory only for lengths that are allowed.
func read(in io.Reader) (Message, error) {
	var length [header]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return Message{}, cut(err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == 0 || n > MaxFrame {
		return Message{}, fmt.Errorf("%w: length: is %d; allowed: 1 to %d", ErrFrame, n, MaxFrame)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		return Message{}, cut(err)
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if e.Version != version {
		return Message{}, fmt.Errorf("%w: v: is %d; allowed: %d", ErrFrame, e.Version, version)
	}
	if err := e.check(); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return e.Message, nil
}

// cut names an end of the stream within a frame for what it is.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the stream ends within it", ErrFrame)
	}
	return err
}
