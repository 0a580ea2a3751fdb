// Package fleettest knows what strangers put where a name or a text is expected.
package fleettest

import "strings"

// Hostile are texts that mean something to whoever takes them for more than text: a database, a shell, a log, a header, a
// store's keys, a template. None has a zero byte, which PostgreSQL refuses in any text.
func Hostile() []string {
	return []string{
		`'; DROP TABLE orders; --`, `' OR '1'='1`, `" OR ""="`, `\'; DELETE FROM halts; --`, `ann', 'bea`, `$1`, `?1`, `%s%n%d`, `E'\047'`,
		"ann\r\nSet-Cookie: session=1", "line\n{\"level\":\"ERROR\",\"msg\":\"forged\"}", "\n\nevent: order\ndata: {}", "tab\there",
		`{pool}`, `}:user:{pool`, `user:ann`, `ann:1`, `*`, `ann worker`, `"},"admin":{"x":"`, `</script><script>`, `\u0000`, `%00`, `%0d%0a`,
		`{{strategy.order.id}}`, `${jndi:ldap://x}`, "`id`", `$(id)`, `../../etc/passwd`, "é🙂\u202e", strings.Repeat("x", 255),
	}
}
