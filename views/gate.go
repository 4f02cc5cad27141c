package views

import "parley/chat"

// RegisterProps is the page for signing up. Values are what was typed, without the password.
type RegisterProps struct {
	Gate    chat.Gate
	Invited *InvitedProps // by whose invitation, if any
	Values  RegisterValues
	Err     *chat.Error
}

// path is where the form is sent to.
func (p *RegisterProps) path() string {
	if p.Invited != nil {
		return JoinPath(p.Invited.Token)
	}
	return RegisterPath
}

// RegisterValues are kept when the form comes back.
type RegisterValues struct {
	DisplayName string
	Username    string
	Email       string
	SetupCode   string
}

// LoginProps is the page for logging in. Next is a local path to go on to.
type LoginProps struct {
	Gate            chat.Gate
	Login           string
	Next            string
	PasswordChanged bool   // coming from a reset link
	EmailConfirmed  bool   // coming from a link that confirms an address
	Unsent          string // the text of a message that was not sent, because the session was over
	Err             *chat.Error
}

// SomebodyElseProps is the answer to a form of a page that was somebody else's than Viewer, who is logged in by now.
type SomebodyElseProps struct {
	Viewer chat.Viewer
	Next   string // where the form came from, a local path
	Unsent string // the text of a message that was not sent
}

// ResetProps is the page behind a reset link.
type ResetProps struct {
	Token string
	Err   *chat.Error
}

// LandingProps is the start page of those who are not logged in.
type LandingProps struct {
	Gate chat.Gate
}

// FieldProps is one field of a form, with its label, its hint and what is wrong with it.
type FieldProps struct {
	Form         string // where a page has several forms with such a field: which one it is of
	Name         string
	Label        string
	Hint         string
	Optional     bool
	Type         string // text, password, email
	Value        string
	Autocomplete string
	Err          *chat.Error // of the whole form
	Suggestions  []string    // offered, while any other value is as good
	AsWritten    bool        // no capitals, no corrections
	Focus        bool
}

func (p *FieldProps) wrong() (chat.FieldError, bool) {
	if p.Err == nil {
		return chat.FieldError{}, false
	}
	return p.Err.Field(p.Name)
}

func (p *FieldProps) isWrong() bool {
	_, wrong := p.wrong()
	return wrong
}

func (p *FieldProps) class() string {
	if p.isWrong() {
		return "field field--error"
	}
	return "field"
}

func (p *FieldProps) id() string { return fieldID(p.Form, p.Name) }

func fieldID(form, name string) string {
	if form != "" {
		name = form + "-" + name
	}
	return "field-" + name
}

func (p *FieldProps) inputType() string {
	if p.Type == "" {
		return "text"
	}
	return p.Type
}

// describedBy names the elements that explain the field.
func (p *FieldProps) describedBy() string {
	switch {
	case p.isWrong():
		return p.id() + "-error"
	case p.Hint != "":
		return p.id() + "-hint"
	}
	return ""
}
