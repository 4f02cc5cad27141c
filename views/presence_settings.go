package views

import (
	"context"

	"parley/chat"
)

// PresenceSettingsProps is the page of who sees that one is there.
type PresenceSettingsProps struct {
	Choices chat.PresenceChoices
	Saved   string // names what has just been stored, if anything
	Err     *chat.Error
}

// presenceChoice is a choice of who sees something.
func presenceChoice(ctx context.Context, name, legend string, present chat.Circle, nobody string) ChoiceProps {
	p := ChoiceProps{Name: name, Legend: legend, Present: string(present)}
	for _, circle := range chat.PresenceCircles() {
		option := ChoiceOptionProps{Value: string(circle)}
		switch circle {
		case chat.CircleEverybody:
			option.Label, option.Hint, option.Icon = T(ctx, "reach.everybody"), T(ctx, "presence_settings.everybody_hint"), "globe"
		case chat.CircleShared:
			option.Label, option.Hint, option.Icon = T(ctx, "presence_settings.shared"), T(ctx, "presence_settings.shared_hint"), "users"
		case chat.CircleNobody:
			option.Label, option.Hint, option.Icon = T(ctx, "reach.nobody"), nobody, "lock"
		}
		p.Options = append(p.Options, option)
	}
	return p
}

// toggle is a choice between two things.
func toggle(name, legend string, present bool, yes, no ChoiceOptionProps) ChoiceProps {
	yes.Value, no.Value = "true", "false"
	p := ChoiceProps{Name: name, Legend: legend, Present: no.Value, Options: []ChoiceOptionProps{yes, no}}
	if present {
		p.Present = yes.Value
	}
	return p
}
