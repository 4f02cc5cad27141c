package views

import (
	"unicode"

	"github.com/rivo/uniseg"
)

// loudEmoji is how many emoji may stand alone in a message to be shown large.
const loudEmoji = 3

// onlyEmoji says whether text is one to three emoji and nothing else.
func onlyEmoji(text string) bool {
	if text == "" || text[0] < 0x80 && !keycapBase(rune(text[0])) || len(text) > loudEmoji*40 {
		return false
	}
	state, count := -1, 0
	for text != "" {
		var cluster string
		cluster, text, _, state = uniseg.FirstGraphemeClusterInString(text, state)
		if cluster == " " && count > 0 {
			continue
		}
		if count++; count > loudEmoji || !emojiCluster(cluster) {
			return false
		}
	}
	return true
}

// emojiCluster follows Unicode Technical Standard 51: shown as a picture by default, or asked for as one by variation
// selector 16, or a keycap.
func emojiCluster(cluster string) bool {
	var first rune
	for n, r := range cluster {
		switch {
		case n == 0:
			first = r
			if unicode.Is(emojiPresentation, r) {
				return true
			}
		case r == 0xFE0F:
			return unicode.Is(unicode.So, first) || unicode.Is(unicode.Sm, first) || unicode.Is(unicode.Po, first) ||
				keycapBase(first) && cluster[len(cluster)-3:] == "\u20e3"
		case r == 0x20E3:
			return keycapBase(first)
		}
	}
	return false
}

func keycapBase(r rune) bool { return r == '#' || r == '*' || '0' <= r && r <= '9' }

// emojiPresentation holds the characters with the property Emoji_Presentation (emoji-data.txt, Unicode 16), with the
// blocks of pictographs taken whole.
var emojiPresentation = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x231A, 0x231B, 1}, {0x23E9, 0x23EC, 1}, {0x23F0, 0x23F3, 3}, {0x25FD, 0x25FE, 1}, {0x2614, 0x2615, 1},
		{0x2648, 0x2653, 1}, {0x267F, 0x2693, 20}, {0x26A1, 0x26A1, 1}, {0x26AA, 0x26AB, 1}, {0x26BD, 0x26BE, 1},
		{0x26C4, 0x26C5, 1}, {0x26CE, 0x26D4, 6}, {0x26EA, 0x26EA, 1}, {0x26F2, 0x26F3, 1}, {0x26F5, 0x26FA, 5},
		{0x26FD, 0x2705, 8}, {0x270A, 0x270B, 1}, {0x2728, 0x2728, 1}, {0x274C, 0x274E, 2}, {0x2753, 0x2755, 1},
		{0x2757, 0x2757, 1}, {0x2795, 0x2797, 1}, {0x27B0, 0x27BF, 15}, {0x2B1B, 0x2B1C, 1}, {0x2B50, 0x2B55, 5},
	},
	R32: []unicode.Range32{
		{0x1F004, 0x1F004, 1}, {0x1F0CF, 0x1F0CF, 1}, {0x1F18E, 0x1F18E, 1}, {0x1F191, 0x1F19A, 1},
		{0x1F1E6, 0x1F202, 1}, {0x1F21A, 0x1F21A, 1}, {0x1F22F, 0x1F22F, 1}, {0x1F232, 0x1F236, 1},
		{0x1F238, 0x1F23A, 1}, {0x1F250, 0x1F251, 1}, {0x1F300, 0x1F64F, 1}, {0x1F680, 0x1F6FF, 1},
		{0x1F7E0, 0x1F7EB, 1}, {0x1F900, 0x1F9FF, 1}, {0x1FA70, 0x1FAFF, 1},
	},
}
