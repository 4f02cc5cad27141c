package jobs

import (
	"context"
	"errors"
	"log/slog"

	"github.com/riverqueue/river"

	"parley/chat"
)

// letterArgs is a letter as River knows it.
type letterArgs struct{ chat.Letter }

// Kind implements [river.JobArgs].
func (letterArgs) Kind() string { return chat.JobLetter }

type letterWorker struct {
	river.WorkerDefaults[letterArgs]
	letters Letters
	log     *slog.Logger
}

// Work implements [river.Worker].
func (w *letterWorker) Work(ctx context.Context, job *river.Job[letterArgs]) error {
	letter := job.Args.Letter
	err := w.letters.DeliverLetter(ctx, letter)
	if errors.Is(err, chat.ErrNoMailbox) {
		// Somebody mistyped an address: nothing is wrong here, and nothing to be tried again.
		w.log.InfoContext(ctx, "a letter has no mailbox to go to",
			slog.String("letter", string(letter.Kind)), slog.String("person", letter.PersonID.String()), slog.Any("error", err))
		return river.JobCancel(err)
	}
	return err
}
