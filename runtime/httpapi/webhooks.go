package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/webhook"
)

// signal takes a webhook. Whose it is and which order it asks for is said by its token, signature and body alone.
func (a *api) signal(w http.ResponseWriter, r *http.Request) {
	if err := a.takeSignal(w, r); err != nil {
		fail(w, r, err)
	}
}

func (a *api) takeSignal(w http.ResponseWriter, r *http.Request) error {
	if err := a.limit(r, "", addressOf(r)); err != nil { // before anything is read or looked up for who guesses
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, order.BodyLimit))
	if err != nil {
		return fmt.Errorf("read the webhook: %w", err)
	}
	user, draft, err := a.Hooks.Open(r.Context(), r.PathValue("token"), webhook.Delivery{
		Timestamp: r.Header.Get("X-Timestamp"), Signature: r.Header.Get("X-Signature"), Body: body,
	})
	if err != nil {
		return err
	}
	if err := a.limit(r, user, ""); err != nil {
		return err
	}
	a.saw(user)
	return a.accept(w, r, user, draft)
}

// madeHook is a new webhook. The secret and the address are shown once.
type madeHook struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Secret string `json:"secret"`
}

func (a *api) makeHook(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	made, err := a.Hooks.Make(r.Context(), user)
	if err != nil {
		return err
	}
	a.note(r, user, audit.WebhookMade, made.Name)
	write(w, http.StatusCreated, "application/json", madeHook{made.Name, webhookPath + made.Token, made.Secret})
	return nil
}

// webhookPath begins the addresses that signals come to.
const webhookPath = "/v1/webhooks/"

// hookList is a user's webhooks.
type hookList struct {
	Webhooks []shownHook `json:"webhooks"`
}

type shownHook struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
}

func (a *api) listHooks(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	hooks, err := a.Hooks.List(r.Context(), user)
	if err != nil {
		return err
	}
	list := hookList{Webhooks: []shownHook{}}
	for _, h := range hooks {
		list.Webhooks = append(list.Webhooks, shownHook{h.Name, h.CreatedAt})
	}
	write(w, http.StatusOK, "application/json", list)
	return nil
}

func (a *api) removeHook(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	if err := a.Hooks.Remove(r.Context(), user, r.PathValue("name")); err != nil {
		return err
	}
	a.note(r, user, audit.WebhookRemoved, r.PathValue("name"))
	w.WriteHeader(http.StatusNoContent)
	return nil
}
