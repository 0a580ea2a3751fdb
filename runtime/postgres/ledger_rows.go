package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// columns of an order and one of its fills; an order without fills has one row, with nulls.
const columns = `o.id, o.sequence, o.key, o.digest, o.symbol, o.side, o.quantity::text, o.type, o.limit_price::text, o.time_in_force,
       o.state, o.proven, o.reason, o.epoch, o.leg, o.broker_id, o.heard_epoch, o.heard, o.doubted, o.counted, o.cancel_asked,
       o.emit_by, o.check_at, o.checks, o.valid_until, o.accepted_at, o.changed_at,
       f.leg, f.id, f.quantity::text, f.price::text, f.at`

// orderRow is an order and one of its fills as the database's types have them.
type orderRow struct {
	id, symbol, side, quantity, kind, limit, force, state string
	sequence, epoch, heardEpoch, heard                    int64
	emitBy, checkAt                                       *time.Time
	order.Record                                          // what needs no other type
	fillLeg                                               *int
	fillID, fillQuantity, fillPrice                       *string
	fillAt                                                *time.Time
}

func (r *orderRow) scan(rows pgx.Rows) error {
	return rows.Scan(&r.id, &r.sequence, &r.Key, &r.Digest, &r.symbol, &r.side, &r.quantity, &r.kind, &r.limit, &r.force,
		&r.state, &r.Proven, &r.Reason, &r.epoch, &r.Leg, &r.BrokerID, &r.heardEpoch, &r.heard, &r.Doubted, &r.Counted, &r.CancelAsked,
		&r.emitBy, &r.checkAt, &r.Checks, &r.ValidUntil, &r.AcceptedAt, &r.ChangedAt,
		&r.fillLeg, &r.fillID, &r.fillQuantity, &r.fillPrice, &r.fillAt)
}

func (r *orderRow) record(user fleet.User) (order.Record, error) {
	record := r.Record
	quantity, err := decimal.NewFromString(r.quantity)
	if err != nil {
		return record, err
	}
	limit, err := decimal.NewFromString(r.limit)
	if err != nil {
		return record, err
	}
	record.Order = fleet.Order{
		ID: fleet.OrderID(r.id), Sequence: uint64(r.sequence), Symbol: r.symbol, Side: fleet.Side(r.side), Quantity: quantity,
		Type: fleet.OrderType(r.kind), LimitPrice: limit, TimeInForce: fleet.TimeInForce(r.force), EmitBy: instant(r.emitBy),
	}
	record.User, record.State, record.Epoch, record.CheckAt = user, order.State(r.state), fleet.Epoch(r.epoch), instant(r.checkAt)
	record.HeardEpoch, record.Heard = fleet.Epoch(r.heardEpoch), uint64(r.heard)
	return record, nil
}

func (r *orderRow) fill() (order.Fill, error) {
	quantity, err := decimal.NewFromString(*r.fillQuantity)
	if err != nil {
		return order.Fill{}, err
	}
	price, err := decimal.NewFromString(*r.fillPrice)
	return order.Fill{Fill: fleet.Fill{ID: *r.fillID, Quantity: quantity, Price: price, At: *r.fillAt}, Leg: *r.fillLeg}, err
}

// collectOrders puts rows that follow each other together to orders.
func collectOrders(rows pgx.Rows, user fleet.User) ([]*order.Record, error) {
	var orders []*order.Record
	for rows.Next() {
		var row orderRow
		if err := row.scan(rows); err != nil {
			return nil, err
		}
		if n := len(orders); n == 0 || string(orders[n-1].ID) != row.id {
			record, err := row.record(user)
			if err != nil {
				return nil, err
			}
			orders = append(orders, &record)
		}
		if row.fillID == nil {
			continue
		}
		fill, err := row.fill()
		if err != nil {
			return nil, err
		}
		last := orders[len(orders)-1]
		last.Fills = append(last.Fills, fill)
	}
	return orders, rows.Err()
}

// updated are the arguments of updateOrder.
func updated(r *order.Record) []any {
	return append(changing(r), r.Checks, r.ChangedAt, r.Doubted, r.Counted)
}

// inserted are the arguments of insertOrder.
func inserted(r *order.Record) []any {
	return append(changing(r), int64(r.Sequence), r.Key, r.Digest, r.Symbol, string(r.Side), r.Quantity.String(), string(r.Type),
		r.LimitPrice.String(), string(r.TimeInForce), r.ValidUntil, r.AcceptedAt, r.Checks, r.ChangedAt, r.Doubted, r.Counted)
}

func changing(r *order.Record) []any {
	return []any{
		string(r.ID), string(r.User), string(r.State), r.Proven, r.Reason, int64(r.Epoch), r.Leg, r.BrokerID,
		int64(r.HeardEpoch), int64(r.Heard), r.CancelAsked, nullable(r.EmitBy), nullable(r.CheckAt),
	}
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
