package app

import (
	"parley/config"
	"parley/mail"
)

// mailer sends through the operator's mail server. Whether that answers is not asked: letters wait until it does.
func (a *App) mailer() (*mail.Sender, error) {
	server, _ := config.ParseSMTP(a.config.SMTPURL) // whose form was checked when it was loaded
	from := a.config.MailFrom
	if from == "" {
		from = config.MailFromFor(a.URL())
	}
	return mail.New(server, from, a.URL())
}
