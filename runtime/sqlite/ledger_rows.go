package sqlite

import (
	"database/sql"
	"errors"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// columns of an order and one of its fills; an order without fills has one row, with nulls.
const columns = `o.id, o.user_id, o.sequence, o.key, o.digest, o.symbol, o.side, o.quantity, o.type, o.limit_price, o.time_in_force,
       o.state, o.proven, o.reason, o.epoch, o.leg, o.broker_id, o.heard_epoch, o.heard, o.doubted, o.counted, o.cancel_asked,
       o.emit_by, o.check_at, o.checks, o.valid_until, o.accepted_at, o.changed_at,
       f.leg, f.id, f.quantity, f.price, f.at`

// orderRow is an order and one of its fills as the file has them.
type orderRow struct {
	order.Record                      // what needs no other type
	emitBy, checkAt                   sql.NullInt64
	validUntil, acceptedAt, changedAt int64
	fillLeg, fillAt                   sql.NullInt64
	fillID                            sql.NullString
	fillQuantity, fillPrice           decimal.NullDecimal
}

func (r *orderRow) scan(rows *sql.Rows) error {
	return rows.Scan(&r.ID, &r.User, &r.Sequence, &r.Key, &r.Digest, &r.Symbol, &r.Side, &r.Quantity, &r.Type, &r.LimitPrice, &r.TimeInForce,
		&r.State, &r.Proven, &r.Reason, &r.Epoch, &r.Leg, &r.BrokerID, &r.HeardEpoch, &r.Heard, &r.Doubted, &r.Counted, &r.CancelAsked,
		&r.emitBy, &r.checkAt, &r.Checks, &r.validUntil, &r.acceptedAt, &r.changedAt,
		&r.fillLeg, &r.fillID, &r.fillQuantity, &r.fillPrice, &r.fillAt)
}

func (r *orderRow) record() *order.Record {
	record := r.Record
	record.EmitBy, record.CheckAt = instant(r.emitBy), instant(r.checkAt)
	record.ValidUntil, record.AcceptedAt, record.ChangedAt = time.UnixMilli(r.validUntil), time.UnixMilli(r.acceptedAt), time.UnixMilli(r.changedAt)
	return &record
}

func (r *orderRow) fill() order.Fill {
	return order.Fill{Leg: int(r.fillLeg.Int64), Fill: fleet.Fill{
		ID: r.fillID.String, Quantity: r.fillQuantity.Decimal, Price: r.fillPrice.Decimal, At: instant(r.fillAt),
	}}
}

// collectOrders puts rows that follow each other together to orders.
func collectOrders(rows *sql.Rows, err error) (orders []*order.Record, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row orderRow
		if err := row.scan(rows); err != nil {
			return nil, err
		}
		if n := len(orders); n == 0 || orders[n-1].ID != row.ID {
			orders = append(orders, row.record())
		}
		if last := orders[len(orders)-1]; row.fillID.Valid {
			last.Fills = append(last.Fills, row.fill())
		}
	}
	return orders, errors.Join(rows.Err(), rows.Close())
}

// updated are the arguments of updateOrder, and the first ones of insertOrder.
func updated(r *order.Record) []any {
	return []any{
		string(r.ID), string(r.User), string(r.State), r.Proven, r.Reason, int64(r.Epoch), r.Leg, r.BrokerID,
		int64(r.HeardEpoch), int64(r.Heard), r.CancelAsked, nullable(r.EmitBy), nullable(r.CheckAt), r.Checks, r.ChangedAt.UnixMilli(),
		r.Doubted, r.Counted,
	}
}

// written are the columns that never change.
func written(r *order.Record) []any {
	return []any{
		int64(r.Sequence), r.Key, r.Digest, r.Symbol, string(r.Side), r.Quantity.String(), string(r.Type), r.LimitPrice.String(),
		string(r.TimeInForce), r.ValidUntil.UnixMilli(), r.AcceptedAt.UnixMilli(),
	}
}

func instant(millis sql.NullInt64) time.Time {
	if !millis.Valid {
		return time.Time{}
	}
	return time.UnixMilli(millis.Int64)
}

func nullable(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: true}
}
