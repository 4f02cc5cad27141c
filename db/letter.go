package db

import (
	"context"
	"encoding/json"

	"parley/chat"
)

// letterAttempts is how often a letter is tried. River waits attempt⁴ seconds after each failure, so that the last of 14
// comes some 25 hours after the first.
const letterAttempts = 14

// InsertLetter implements chat.Store: a job of River's, which package jobs works. River's own client would need a pgx
// transaction, which there is none of beneath database/sql; so this is the row it would write, and the word it would say
// to those who listen. Inside a transaction both hold from its commit on. A test lets River work what is written here.
func (s *Store) InsertLetter(ctx context.Context, letter chat.Letter) error {
	args, err := json.Marshal(letter)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, `
		WITH job AS (
			INSERT INTO river_job (kind, args, max_attempts) VALUES ($1, $2, $3) RETURNING queue
		)
		SELECT pg_notify(current_schema() || '.river_insert', json_build_object('queue', queue)::text) FROM job`,
		chat.JobLetter, string(args), letterAttempts)
	return err
}
